/** When snapshots are written: after so many events or so much time, and when the engine is stopped. */
import type { Logger } from 'pino';
import { withTimeLimit } from '../../bus/nats/time-limit.ts';
import { messageOf } from '../../errors.ts';
import type { ModelImage, Snapshots } from './snapshots.ts';

const LOOK_MS = 1_000;
/** Writing the state down holds up the fold, so it may take no more than one part in so many of the time. */
const PAUSE_SHARE = 20;

export interface KeeperOptions {
  snapshots: Snapshots;
  /** The model as it is now; called only when a snapshot is due. */
  image: () => ModelImage;
  /** Position of the model. */
  seq: () => number;
  caughtUp: () => boolean;
  logger: Logger;
  /** Events after which one is due. */
  events: number;
  /** Milliseconds after which one is due if there was any event. */
  intervalMs: number;
  /** Milliseconds that the last one may take when the engine stops. */
  stopMs: number;
}

export interface Keeper {
  /** So many events were learned. */
  count(events: number): void;
  start(): void;
  /** Looks no more, and waits for the one that is being written. */
  stop(): Promise<void>;
  /**
   * Writes one as soon as `ready` says so, and removes all others, which may hold what has to go. False when the
   * engine was stopped before it was done.
   */
  supersede(ready: () => boolean): Promise<boolean>;
  /** One more of what was learned since the last, for the next start; given up when it takes too long. */
  last(): Promise<void>;
}

export function createKeeper(options: KeeperOptions): Keeper {
  const { snapshots, image, seq, caughtUp, logger, stopMs } = options;
  let events = 0;
  let newest = performance.now();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  let busy = false;
  let stopped = false;
  let exportMs = 0;

  async function write(): Promise<void> {
    const taken = events;
    if (seq() > snapshots.held()) {
      const started = performance.now();
      const state = image();
      exportMs = performance.now() - started;
      const manifest = await snapshots.write(state);
      if (!manifest) return;
      logger.info({ object: manifest.object, seq: manifest.seq, bytes: manifest.bytes }, 'snapshot in force');
    }
    events -= taken;
    newest = performance.now();
  }

  function look(): void {
    const since = performance.now() - newest;
    const rested = since >= PAUSE_SHARE * exportMs;
    const due = rested && (events >= options.events || (events > 0 && since >= options.intervalMs));
    const first = snapshots.held() === 0 && events > 0 && caughtUp();
    if (busy || !(due || first)) return;
    busy = true;
    writing = write()
      .catch((err: unknown) => logger.warn({ err }, 'the snapshot could not be written; it is tried again'))
      .finally(() => {
        busy = false;
      });
  }

  async function supersede(ready: () => boolean): Promise<boolean> {
    while (!stopped) {
      try {
        if (ready() && !busy) {
          await snapshots.load();
          if (await snapshots.write(image())) {
            await snapshots.removeOthers();
            return true;
          }
        }
      } catch (err) {
        logger.warn({ reason: messageOf(err) }, 'snapshots could not be replaced; it is tried again');
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS / 5));
    }
    return false;
  }

  const within = (promise: Promise<void>): Promise<void> =>
    withTimeLimit(promise, stopMs, `it took more than ${stopMs} ms`).catch((err: unknown) =>
      logger.warn({ reason: messageOf(err) }, 'no snapshot at the end; the next start reads more of the log'),
    );

  return {
    count: (n) => {
      events += n;
    },
    start: () => {
      timer = setInterval(look, LOOK_MS);
    },
    supersede,
    stop: async () => {
      stopped = true;
      clearInterval(timer);
      await within(writing);
    },
    last: async () => {
      // Writing the state down can't be given up half-way; where the one before took too long, so would this.
      if (!busy && exportMs < stopMs && seq() > snapshots.held()) await within(write());
    },
  };
}
