/**
 * When the engine writes snapshots: after so many events or so much time, when older ones must go, and when it stops.
 * It writes one at a time. A second one beside it could be removed, as one of the older ones, before its pointer is set.
 */
import type { Logger } from 'pino';
import { createPoller } from '../../bus/nats/poller.ts';
import { withTimeLimit } from '../../bus/nats/time-limit.ts';
import { messageOf } from '../../errors.ts';
import type { Manifest } from './manifest.ts';
import type { ModelImage, Snapshots } from './snapshots.ts';

const POLL_MS = 1_000;
/** Exporting the state holds up the fold, so it may take no more than one part in so many of the time. */
const PAUSE_SHARE = 20;

export interface SnapshotSchedulerOptions {
  snapshots: Pick<Snapshots, 'usableSeq' | 'load' | 'write' | 'point' | 'removeOthers'>;
  /** The model as it is now; the scheduler calls it for each snapshot that it writes. */
  image: () => ModelImage;
  /** Position of the model. */
  seq: () => number;
  caughtUp: () => boolean;
  /** Whether a snapshot of the model may replace all others now. */
  ready: () => boolean;
  logger: Logger;
  /** Events after which a snapshot is due. */
  events: number;
  /** Milliseconds after which a snapshot is due if there was any event. */
  intervalMs: number;
  /** Milliseconds that the last snapshot may take when the engine stops. */
  stopMs: number;
}

export interface SnapshotScheduler {
  /** The model has learned from so many events more. */
  count(events: number): void;
  start(): void;
  /** Begins no other snapshot, and waits `stopMs` at most for the one that is being written. */
  stop(): Promise<void>;
  /**
   * Requests that a snapshot of the model as it is from now on replaces all others, which may hold what must go. It is
   * begun once the model is ready and the fold has had its rest; a failed one is tried again. Requests that come before
   * it is begun share it.
   * Resolves with true once all others are removed, with false when the engine is stopped before that.
   */
  supersede(): Promise<boolean>;
  /**
   * Moves the pointer to an older snapshot, while none is written or removed. False where that snapshot is not there any
   * more, another instance moved the pointer, or the engine stops.
   */
  point(manifest: Manifest): Promise<boolean>;
  /** After `stop`: writes what the model learned since the newest snapshot, for the next start; gives up after `stopMs`. */
  last(): Promise<void>;
}

type Answer = (replaced: boolean) => void;

export function createSnapshotScheduler(options: SnapshotSchedulerOptions): SnapshotScheduler {
  const { snapshots, image, seq, caughtUp, ready, logger, stopMs } = options;
  let events = 0;
  let newest = performance.now();
  let exportMs = 0;
  /** What is being written or removed; never fails. */
  let task: Promise<void> | undefined;
  /** Requests whose snapshot is not begun. */
  let requests: Answer[] = [];
  /** Requests whose snapshot is in force, and the others are not all removed. */
  let replaced: Answer[] = [];
  /** Whether `stop` left requests undone. */
  let owed = false;

  async function write(): Promise<void> {
    const taken = events;
    const started = performance.now();
    const state = image();
    exportMs = performance.now() - started;
    const manifest = await snapshots.write(state);
    if (!manifest) throw new Error('another instance has moved the snapshot pointer');
    logger.info({ object: manifest.object, seq: manifest.seq, bytes: manifest.bytes }, 'snapshot in force');
    events -= taken;
    newest = performance.now();
  }

  async function writeNews(): Promise<void> {
    if (seq() > snapshots.usableSeq()) await write();
    else {
      events = 0;
      newest = performance.now();
    }
  }

  async function replaceOthers(): Promise<void> {
    await snapshots.load();
    // The export begins in this same turn, so that it covers all requests until now.
    const covered = requests;
    requests = [];
    try {
      await write();
    } catch (err) {
      requests = [...covered, ...requests];
      throw err;
    }
    replaced.push(...covered);
    await removeOthers();
  }

  async function removeOthers(): Promise<void> {
    await snapshots.removeOthers();
    const done = replaced;
    replaced = [];
    for (const answer of done) answer(true);
  }

  async function point(manifest: Manifest): Promise<boolean> {
    while (task) await task;
    if (poller.stopped) return false;
    const moved = snapshots.point(manifest);
    begin(() => moved.then(() => {}), 'the snapshot pointer could not be moved');
    return moved;
  }

  function begin(work: () => Promise<void>, failure: string): void {
    const current = work()
      .then(
        () => true,
        (err: unknown) => {
          logger.warn({ reason: messageOf(err) }, failure);
          return false;
        },
      )
      .then((succeeded) => {
        task = undefined;
        if (poller.stopped) refuseAll();
        // After a failure the timer tries again.
        else if (succeeded) poll();
      });
    task = current;
  }

  function poll(): void {
    if (poller.stopped || task) return;
    const since = performance.now() - newest;
    const rested = since >= PAUSE_SHARE * exportMs;
    const due = rested && (events >= options.events || (events > 0 && since >= options.intervalMs));
    const first = snapshots.usableSeq() === 0 && events > 0 && caughtUp();
    if (replaced.length > 0) begin(removeOthers, 'older snapshots could not be removed; the engine tries again');
    else if (requests.length > 0 && rested && ready())
      begin(replaceOthers, 'the snapshots could not be replaced; the engine tries again');
    else if (due || first) begin(writeNews, 'the snapshot could not be written; the engine tries again');
  }

  const poller = createPoller({
    everyMs: POLL_MS,
    run: poll,
    onError: (err) =>
      logger.warn({ reason: messageOf(err) }, 'the engine could not find out whether a snapshot is due'),
  });

  function refuseAll(): void {
    const open = [...replaced, ...requests];
    replaced = [];
    requests = [];
    if (open.length > 0) owed = true;
    for (const answer of open) answer(false);
  }

  const within = (work: Promise<void>): Promise<void> =>
    withTimeLimit(work, stopMs, `it took more than ${stopMs} ms`).catch((err: unknown) =>
      logger.warn({ reason: messageOf(err) }, 'no snapshot at the end; the next start reads more of the log'),
    );

  return {
    count: (n) => {
      events += n;
    },
    start: poller.start,
    supersede: () =>
      new Promise((resolve) => {
        if (poller.stopped) return resolve(false);
        requests.push(resolve);
        poll();
      }),
    point,
    stop: async () => {
      const polled = poller.stop();
      if (task) await within(task);
      // One that goes on beyond the limit may still answer for its own.
      else refuseAll();
      await polled;
    },
    last: async () => {
      // An export can't be given up half-way; where the one before took too long, so would this.
      if (task || exportMs >= stopMs) return;
      const work = owed && ready() ? replaceOthers() : writeNews();
      task = work;
      await within(work);
    },
  };
}
