/**
 * When the engine writes snapshots: after so many events or so much time, when older ones must go, and when it stops.
 * It writes one at a time. A second one beside it could be removed, as one of the older ones, before its pointer is set.
 */
import type { Logger } from 'pino';
import { createPoller } from '../../bus/nats/poller.ts';
import { withTimeLimit } from '../../bus/nats/time-limit.ts';
import { messageOf } from '../../errors.ts';
import type { Sliced } from '../slices.ts';
import type { Manifest } from './manifest.ts';
import type { ModelImage, Snapshots } from './snapshots.ts';

const POLL_MS = 1_000;
/** The fold waits while the state is exported, so the export may take at most one part in so many of the time. */
const PAUSE_SHARE = 20;

export interface SnapshotSchedulerOptions {
  snapshots: Pick<Snapshots, 'usableSeq' | 'load' | 'write' | 'point' | 'removeOthers'>;
  /** The model as it is now, although its export may take several turns; the scheduler calls it for each snapshot. */
  image: () => Promise<Sliced<ModelImage>>;
  /** Position of the model. */
  seq: () => number;
  caughtUp: () => boolean;
  /** Whether a snapshot of the model may replace all others now. */
  ready: () => boolean;
  /** Whether the model is the state of its position; left out: always. */
  whole?: () => boolean;
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
  /** Begins no other snapshot, and waits at most `stopMs` for the one that the engine is writing. */
  stop(): Promise<void>;
  /**
   * Requests a snapshot of the present model that replaces all others, which may contain a forgotten user. It begins once
   * the model is ready and the fold has had its share of the time; the scheduler tries a failed one again. Requests before
   * its begin share it.
   * Resolves with true once all others are removed, with false if the engine stops before that.
   */
  supersede(): Promise<boolean>;
  /**
   * Moves the pointer to an older snapshot, while none is written or removed. Resolves with false if the store no longer
   * has this snapshot, another instance moved the pointer, or the engine stops.
   */
  point(manifest: Manifest): Promise<boolean>;
  /** After `stop`: writes what the model learned since the newest snapshot, for the next start; gives up after `stopMs`. */
  last(): Promise<void>;
}

type Answer = (replaced: boolean) => void;

export function createSnapshotScheduler(options: SnapshotSchedulerOptions): SnapshotScheduler {
  const { snapshots, image, seq, caughtUp, ready, whole = () => true, logger, stopMs } = options;
  let events = 0;
  let newest = performance.now();
  let exportMs = 0;
  /** The same without what the engine did between the slices, which ends when it stops. */
  let exportWorkMs = 0;
  /** The current writing or removal; it never rejects. */
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
    const { value, workMs } = await image();
    exportMs = performance.now() - started;
    exportWorkMs = workMs;
    const manifest = await snapshots.write(value);
    if (!manifest) throw new Error('another instance has moved the snapshot pointer');
    logger.info(
      { object: manifest.object, seq: manifest.seq, bytes: manifest.bytes },
      'the engine wrote a snapshot, which is now in force',
    );
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
    // The export begins in the same turn of the event loop, so that it covers all requests until now.
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
    begin(() => moved.then(() => {}), 'the engine could not move the snapshot pointer');
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
    if (poller.stopped || task || !whole()) return;
    const since = performance.now() - newest;
    const rested = since >= PAUSE_SHARE * exportMs;
    const due = rested && (events >= options.events || (events > 0 && since >= options.intervalMs));
    const first = snapshots.usableSeq() === 0 && events > 0 && caughtUp();
    if (replaced.length > 0) begin(removeOthers, 'the engine could not remove older snapshots; it tries again');
    else if (requests.length > 0 && rested && ready())
      begin(replaceOthers, 'the engine could not replace the snapshots; it tries again');
    else if (due || first) begin(writeNews, 'the engine could not write a snapshot; it tries again');
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
      logger.warn(
        { reason: messageOf(err) },
        'the engine wrote no snapshot at its stop; the next start reads more of the log',
      ),
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
      // A snapshot that goes on beyond the limit reports its own result.
      else refuseAll();
      await polled;
    },
    last: async () => {
      // An export cannot be cancelled half-way; if the previous one took too long, so would this one.
      if (task || exportWorkMs >= stopMs || !whole()) return;
      const work = owed && ready() ? replaceOthers() : writeNews();
      task = work;
      await within(work);
    },
  };
}
