/**
 * The steps of an erasure: write the record to the log, purge the user's subjects up to it, purge the copies elsewhere, and
 * wait until every service has folded the record and rebuilt what it cannot remove exactly. Each step can run again, so
 * after a crash the next start goes on from the ledger.
 */
import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsConnection } from 'nats';
import type { Logger } from 'pino';
import { messageOf, NotFoundError } from '../../errors.ts';
import { erasureHmac } from '../event/erasure-hmac.ts';
import type { StreamSeq } from '../event/ids.ts';
import type { Log } from '../log/port.ts';
import { onceMade } from '../nats/once-made.ts';
import { SERVICES } from '../projection/definition.ts';
import { stepTaken } from '../projection/file-steps.ts';
import type { Mention } from '../projection/mentions.ts';
import { createInstances, type Found } from '../service/instances.ts';
import { createActs, nameActs } from './acts.ts';
import { type Erasure, type ErasureStep, type ErasureView, openLedger } from './ledger.ts';
import { createMentionRemoval } from './mention-removal.ts';
import { createPurge, type ForgottenSince } from './purge.ts';
import { createErasureRecords } from './records.ts';
import { waitsOf } from './waits.ts';

export interface CoordinatorOptions {
  nc: NatsConnection;
  log: Log;
  key: Uint8Array;
  logger: Logger;
  pollMs: number;
  /** Milliseconds from a request until all state must equal a fold of the log without the user. */
  deadlineMs: number;
  /** Whether the server overwrites the bytes of removed messages. */
  overwrite: boolean;
  /** Milliseconds that the server takes to write its index of subjects again after a purge. */
  serverIndexMs: number;
  /** Waits until the rows that {@link sessionsOf} reads hold the log up to a position. Throws if that takes too long. */
  caughtUp: (seq: StreamSeq) => Promise<unknown>;
  /** Sessions that became this user, and sessions that became those. */
  sessionsOf: (user: string) => string[];
  /** The messages of others before the record of an erasure that name this id, or an event of it. */
  mentionsOf: (id: string, record: number) => Mention[];
  /** The ids that links name. */
  named: () => Iterable<string>;
  /** Gets the seconds that each complete erasure took. */
  onDone?: (seconds: number) => void;
}

export interface OpenErasures {
  open: number;
  /** Those that have passed their deadline. */
  overdue: number;
  /** The first deadline of them, RFC 3339; null without one. */
  next_deadline: string | null;
}

export interface Coordinator {
  /** Begins an erasure; the answer is the ledger's entry without the ids. */
  forget(user: string): Promise<ErasureView>;
  /** Throws `NotFoundError`. */
  status(erasure: string): Promise<ErasureView>;
  list(): Promise<ErasureView[]>;
  /** The erasures that this process carries out. */
  open(): OpenErasures;
  /** Goes on with open erasures, and repeats those whose record a restored log no longer holds. */
  start(): void;
  stop(): Promise<void>;
}

/** Milliseconds from a failed step to the next attempt. */
const RETRY_MS = 2_000;
/** Milliseconds between two entries in the ledger while the coordinator removes messages. */
const PROGRESS_MS = 1_000;

export function createCoordinator(options: CoordinatorOptions): Coordinator {
  const { nc, log, key, logger, pollMs, deadlineMs, caughtUp } = options;
  const instances = createInstances(nc);
  const ledger = onceMade(() => openLedger(nc));
  let putting: Promise<unknown> = Promise.resolve();
  /** Writes an entry as it is then. One write at a time, so that an older state never replaces a newer one. */
  function put(entry: Erasure): Promise<void> {
    const mine = putting.then(async () => (await ledger()).put(entry));
    putting = mine.catch(() => {});
    return mine;
  }
  const jsm = onceMade(() => nc.jetstreamManager({ checkAPI: false }));
  const acts = createActs({ nc, log, key });
  const mentions = createMentionRemoval({
    nc,
    jsm,
    log,
    records: createErasureRecords({ nc, log }),
    put,
    caughtUp,
    mentionsOf: options.mentionsOf,
  });
  const working = new Map<string, { entry: Erasure; work: Promise<void> }>();
  const stopping = new AbortController();
  // Each erasure under way waits for it.
  setMaxListeners(0, stopping.signal);
  const purges = createPurge({ nc, jsm, overwrite: options.overwrite, signal: stopping.signal });

  /** By the HMACs of all erasures, because their ids are gone. */
  async function forgottenSince(): Promise<ForgottenSince> {
    const records = new Map<string, number>();
    for (const { acts: done } of await (await ledger()).list())
      for (const { hmac, seq } of done) records.set(hmac, Math.max(seq, records.get(hmac) ?? 0));
    return (user, seq) => seq < (records.get(erasureHmac(key, user)) ?? 0);
  }

  async function forget(user: string): Promise<ErasureView> {
    const now = Date.now();
    const entry: Erasure = {
      erasure: randomBytes(12).toString('hex'),
      requested: new Date(now).toISOString(),
      deadline: new Date(now + deadlineMs).toISOString(),
      state: 'recording',
      done: null,
      acts: [],
      services: SERVICES.map((service) => ({ service, state: 'waiting', at: null })),
      pending: [user],
    };
    await put(entry);
    stepTaken('erasure-noted');
    begin(entry);
    return erasureView(entry);
  }

  /** Collects the ids to forget, with sessions whose links were on their way when the caller requested the erasure. */
  async function gather(entry: Erasure): Promise<void> {
    if (entry.unnamed) return nameAgain(entry);
    const [user] = entry.pending ?? [];
    if (entry.acts.length > 0 || user === undefined) return;
    await caughtUp((await log.info()).lastSeq);
    // Sessions first: no session of the user is left when the services fold the user's own record.
    const ids = [...options.sessionsOf(user), user];
    entry.acts = ids.map((id, i) => ({ act: `${entry.erasure}-${i}`, hmac: erasureHmac(key, id), seq: 0 }));
    entry.pending = ids;
    await put(entry);
    stepTaken('erasure-gathered');
  }

  /** Finds the ids of an erasure by their HMACs, in the subjects of the log and in links. */
  async function nameAgain(entry: Erasure): Promise<void> {
    await caughtUp((await log.info()).lastSeq);
    const wanted = new Set(entry.acts.map(({ hmac }) => hmac));
    const found = await acts.find(wanted);
    for (const id of options.named()) {
      const hmac = erasureHmac(key, id);
      if (wanted.has(hmac)) found.set(hmac, id);
    }
    nameActs(entry, found);
    delete entry.unnamed;
    await put(entry);
  }

  function begin(entry: Erasure): void {
    if (working.has(entry.erasure)) return;
    const work = persist(entry).finally(() => working.delete(entry.erasure));
    working.set(entry.erasure, { entry, work });
  }

  /** Repeats the steps until they succeed: the server comes back, and finished steps stay finished. */
  async function persist(entry: Erasure): Promise<void> {
    let reported = false;
    while (!stopping.signal.aborted && entry.state !== 'done') {
      if (!reported && isOverdue(entry)) {
        reported = true;
        logger.error(
          { erasure: entry.erasure, deadline: entry.deadline, state: entry.state },
          'an erasure has passed its deadline',
        );
      }
      try {
        await carryOut(entry, () => reported || !isOverdue(entry));
      } catch (err) {
        if (stopping.signal.aborted) {
          // The next coordinator goes on with the count of messages.
          await put(entry).catch(() => {});
          return;
        }
        logger.warn({ reason: messageOf(err), erasure: entry.erasure }, 'a step of an erasure failed; it is retried');
        await pause(RETRY_MS);
      }
    }
  }

  /** Waits; a stop ends it early. */
  const pause = (ms: number): Promise<void> => sleep(ms, undefined, { signal: stopping.signal }).catch(() => {});

  /** Runs the steps until the erasure is done, or until `goOn` ends the attempt so that the caller can report. */
  async function carryOut(entry: Erasure, goOn: () => boolean): Promise<void> {
    await gather(entry);
    for (const act of entry.acts) {
      if (act.seq > 0) continue;
      act.seq = await acts.record(act);
      stepTaken('erasure-recorded');
      await put(entry);
      stepTaken('erasure-record-noted');
    }
    if (entry.pending) {
      entry.state = 'purging';
      await put(entry);
      await beside(entry, async () => {
        await purge(entry);
        await mentions.removeMentions(entry);
      });
      stepTaken('erasure-purged');
      // The services have yet to fold these records.
      if (entry.removals?.length)
        for (const step of entry.services) Object.assign(step, { state: 'waiting', at: null });
      entry.state = 'folding';
    }
    await put(entry);
    stepTaken('erasure-folding');
    while (!stopping.signal.aborted && goOn() && entry.state !== 'done') {
      const before = JSON.stringify(entry);
      await look(entry);
      if (entry.pending && entry.services.every(({ state }) => state !== 'waiting')) {
        // Removes copies that a service made before it folded the record.
        await purge(entry);
        await mentions.removeCopies(entry);
        stepTaken('erasure-purged-again');
        delete entry.pending;
        delete entry.claimants;
        entry.state = 'rebuilding';
        // The ids leave the ledger before its bucket is written again.
        await put(entry);
      }
      if (entry.services.every(({ state }) => state === 'exact') && Date.now() >= indexClean(entry)) {
        // Nobody writes a ranking of the user any more, but earlier ones are still in the server's files.
        await purges.olderValues(forgottenSince);
        entry.state = 'done';
        entry.done = new Date().toISOString();
        options.onDone?.((Date.parse(entry.done) - Date.parse(entry.requested)) / 1000);
      }
      if (JSON.stringify(entry) !== before) await put(entry);
      if (entry.state === 'done') stepTaken('erasure-done');
      if (entry.state !== 'done') await pause(pollMs);
    }
    if (entry.state === 'done') logger.info({ erasure: entry.erasure }, 'an erasure is complete');
  }

  /**
   * Looks at the services while the server still overwrites messages, which may take minutes. Throws what the work throws, or
   * the error of the ledger.
   */
  async function beside(entry: Erasure, work: () => Promise<void>): Promise<void> {
    let ended = false;
    const working = work().finally(() => {
      ended = true;
    });
    const looking = (async () => {
      while (!ended && !stopping.signal.aborted) {
        const before = JSON.stringify(entry.services);
        await look(entry);
        if (JSON.stringify(entry.services) !== before) await put(entry);
        await Promise.race([pause(pollMs), working.catch(() => {})]);
      }
    })();
    // Both have ended before the caller goes on or tries again.
    const [worked, looked] = await Promise.allSettled([working, looking]);
    for (const one of [worked, looked]) if (one.status === 'rejected') throw one.reason;
  }

  /** Asks the services how far they are. */
  async function look(entry: Erasure): Promise<void> {
    const last = Math.max(...[...entry.acts, ...(entry.removals ?? [])].map(({ seq }) => seq));
    await Promise.all(
      entry.services.map(async (step) => {
        if (step.state === 'exact') return;
        const found = await instances.of(step.service);
        const state = stateOf(found, last);
        if (state && step.state !== state) Object.assign(step, { state, at: new Date().toISOString() });
        // The instances that the erasure waits for, if the coordinator knows them.
        if (found.silent.length > 0) step.down = found.silent;
        else if (found.answers.length > 0) delete step.down;
      }),
    );
  }

  async function purge(entry: Erasure): Promise<void> {
    const { pending = [] } = entry;
    if (pending.length === 0) return;
    entry.messages ??= { removed: 0, total: await purges.count(pending), index_clean: null };
    const { messages } = entry;
    await put(entry);
    const before = messages.removed;
    let noted = performance.now();
    let writing: Promise<void> = Promise.resolve();
    await purges.entry(entry, () => {
      messages.removed++;
      if (performance.now() - noted < PROGRESS_MS) return;
      noted = performance.now();
      writing = put(entry);
      // The next entry of the ledger says the same and more.
      writing.catch(() => {});
    });
    await writing.catch(() => {});
    // The index names an id that the log held. Where it held none, or none again since the last purge, it is clean.
    const first = messages.index_clean === null;
    const indexed = messages.removed > before || (first && messages.total > 0);
    if (indexed || first)
      messages.index_clean = new Date(Date.now() + (indexed ? options.serverIndexMs : 0)).toISOString();
  }

  async function resume(): Promise<void> {
    const { list, tidy, ids } = await ledger();
    await tidy();
    for (const entry of await list()) {
      const names = await ids(entry.erasure);
      if (names && entry.state !== 'done') entry.pending = names;
      // An older release wrote entries without a deadline.
      entry.deadline ??= new Date(Date.parse(entry.requested) + deadlineMs).toISOString();
      if (await acts.reopen(entry)) {
        logger.warn(
          { erasure: entry.erasure },
          'the log no longer holds the records of an erasure; the service carries the erasure out again',
        );
        await put(entry);
      }
      if (entry.state !== 'done') begin(entry);
    }
  }

  /** An erasure that is under way must not wait for the next start only because the server was away at this one. */
  async function resumeUntilDone(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        return await resume();
      } catch (err) {
        if (stopping.signal.aborted) return;
        logger.error({ err }, 'the service could not read the ledger of erasures; it tries again');
        await pause(RETRY_MS);
      }
    }
  }
  let resuming: Promise<void> = Promise.resolve();

  return {
    forget,
    status: async (erasure) => {
      const entry = await (await ledger()).get(erasure);
      if (!entry)
        throw new NotFoundError(`Freshet knows no erasure ${JSON.stringify(erasure.slice(0, 64))}.`, {
          next: 'freshet forget --status',
        });
      return erasureView(entry);
    },
    list: async () => (await (await ledger()).list()).map(erasureView),
    open: () => {
      const entries = [...working.values()].map(({ entry }) => entry);
      const [next_deadline = null] = entries.map(({ deadline }) => deadline).sort();
      return { open: entries.length, overdue: entries.filter(isOverdue).length, next_deadline };
    },
    start: () => {
      resuming = resumeUntilDone();
    },
    stop: async () => {
      stopping.abort();
      await resuming;
      await Promise.all([...working.values()].map(({ work }) => work));
    },
  };
}

/** Whether an erasure passed its deadline before it was complete. */
const isOverdue = ({ deadline, done }: Erasure): boolean =>
  (done === null ? Date.now() : Date.parse(done)) > Date.parse(deadline);

/** Milliseconds since 1970 at which the server's index of subjects holds no id of the erasure. */
const indexClean = ({ messages }: Erasure): number => Date.parse(messages?.index_clean ?? '') || 0;

/** The state of all instances of a service; undefined if one has not folded the record or does not answer. */
function stateOf({ answers, silent }: Found, record: number): ErasureStep['state'] | undefined {
  if (answers.length === 0 || silent.length > 0 || answers.some(({ seq }) => seq < record)) return undefined;
  if (answers.some(({ erasing }) => erasing === true)) return undefined;
  if (answers.some(({ training_due }) => training_due === true)) return 'rows';
  if (answers.every(({ rebuild_due, traces_due }) => !rebuild_due && !traces_due)) return 'exact';
  return answers.some(({ training_due }) => training_due === false) ? 'trained' : 'rows';
}

/** An erasure as callers see it: without the ids. */
function erasureView({ pending: _, claimants: __, unnamed: ___, ...entry }: Erasure): ErasureView {
  return { ...entry, overdue: isOverdue(entry), waits_for: waitsOf(entry) };
}
