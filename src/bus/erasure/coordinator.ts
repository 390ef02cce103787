/**
 * The steps of an erasure: write the record to the log, purge the user's subjects up to it, purge the copies elsewhere, and
 * wait until every service has folded the record and rebuilt what it cannot remove exactly. Each step can run again, so
 * after a crash the next start goes on from the ledger.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsConnection } from 'nats';
import type { Logger } from 'pino';
import { messageOf, NotFoundError } from '../../errors.ts';
import { erasureHmac } from '../event/erasure-hmac.ts';
import type { StreamSeq } from '../event/ids.ts';
import type { Log } from '../log/port.ts';
import { onceMade } from '../nats/once-made.ts';
import { SERVICES } from '../projection/definition.ts';
import type { Mention } from '../projection/mentions.ts';
import { createInstances, type Found } from '../service/instances.ts';
import { createActs, nameActs, reopenErasure } from './acts.ts';
import { type Erasure, type ErasureStep, type ErasureView, openLedger } from './ledger.ts';
import { createMentionRemoval } from './mention-removal.ts';
import { createErasureRecords } from './records.ts';

export interface CoordinatorOptions {
  nc: NatsConnection;
  log: Log;
  key: Uint8Array;
  logger: Logger;
  pollMs: number;
  /** Milliseconds from a request until all state must equal a fold of the log without the user. */
  deadlineMs: number;
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

export interface Coordinator {
  /** Begins an erasure; the answer is the ledger's entry without the ids. */
  forget(user: string): Promise<ErasureView>;
  /** Throws `NotFoundError`. */
  status(erasure: string): Promise<ErasureView>;
  list(): Promise<ErasureView[]>;
  /** Number of erasures that this process carries out, and of those that have passed their deadline. */
  open(): { open: number; overdue: number };
  /** Goes on with open erasures, and repeats those whose record a restored log no longer holds. */
  start(): void;
  stop(): Promise<void>;
}

/** Milliseconds from a failed step to the next attempt. */
const RETRY_MS = 2_000;

export function createCoordinator(options: CoordinatorOptions): Coordinator {
  const { nc, log, key, logger, pollMs, deadlineMs, caughtUp } = options;
  const instances = createInstances(nc);
  const ledger = onceMade(() => openLedger(nc));
  const jsm = onceMade(() => nc.jetstreamManager({ checkAPI: false }));
  const records = createErasureRecords({ nc, log });
  const acts = createActs({ nc, key });
  const mentions = createMentionRemoval({
    nc,
    jsm,
    log,
    records,
    put: async (entry) => (await ledger()).put(entry),
    caughtUp,
    mentionsOf: options.mentionsOf,
  });
  const working = new Map<string, { entry: Erasure; work: Promise<void> }>();
  const stopping = new AbortController();

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
    await (await ledger()).put(entry);
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
    await (await ledger()).put(entry);
  }

  /** Finds the ids of an erasure by their HMACs, in the subjects of the log and in links. */
  async function nameAgain(entry: Erasure): Promise<void> {
    await caughtUp((await log.info()).lastSeq);
    const wanted = new Set(entry.acts.map(({ hmac }) => hmac));
    const found = await acts.find(wanted);
    // A restore has purged the messages of the ids that it found.
    for (const id of [...(entry.pending ?? []), ...options.named()]) {
      const hmac = erasureHmac(key, id);
      if (wanted.has(hmac)) found.set(hmac, id);
    }
    nameActs(entry, found);
    delete entry.unnamed;
    await (await ledger()).put(entry);
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
        logger.warn({ reason: messageOf(err), erasure: entry.erasure }, 'a step of an erasure failed; it is retried');
        await pause(RETRY_MS);
      }
    }
  }

  /** Waits; a stop ends it early. */
  const pause = (ms: number): Promise<void> => sleep(ms, undefined, { signal: stopping.signal }).catch(() => {});

  /** Runs the steps until the erasure is done, or until `goOn` ends the attempt so that the caller can report. */
  async function carryOut(entry: Erasure, goOn: () => boolean): Promise<void> {
    const { put } = await ledger();
    await gather(entry);
    for (const act of entry.acts) {
      if (act.seq > 0) continue;
      act.seq = await records.erased(act);
      await put(entry);
    }
    entry.state = 'purging';
    await acts.purge(entry);
    await mentions.removeMentions(entry);
    entry.state = 'folding';
    await put(entry);
    const last = Math.max(...[...entry.acts, ...(entry.removals ?? [])].map(({ seq }) => seq));
    while (!stopping.signal.aborted && goOn() && entry.state !== 'done') {
      const before = JSON.stringify(entry);
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
      if (entry.pending && entry.services.every(({ state }) => state !== 'waiting')) {
        // Removes copies that a service made before it folded the record.
        await acts.purge(entry);
        await mentions.removeCopies(entry);
        delete entry.pending;
        delete entry.claimants;
        entry.state = 'rebuilding';
      }
      if (entry.services.every(({ state }) => state === 'exact')) {
        entry.state = 'done';
        entry.done = new Date().toISOString();
        options.onDone?.((Date.parse(entry.done) - Date.parse(entry.requested)) / 1000);
      }
      if (JSON.stringify(entry) !== before) await put(entry);
      if (entry.state !== 'done') await pause(pollMs);
    }
    if (entry.state === 'done') logger.info({ erasure: entry.erasure }, 'an erasure is complete');
  }

  async function resume(): Promise<void> {
    const { list, put } = await ledger();
    for (const entry of await list()) {
      // An older release wrote entries without a deadline.
      entry.deadline ??= new Date(Date.parse(entry.requested) + deadlineMs).toISOString();
      if (await reopenErasure(entry, records)) {
        logger.warn(
          { erasure: entry.erasure },
          'the log no longer holds the records of an erasure; the service carries the erasure out again',
        );
        await put(entry);
      }
      if (entry.state !== 'done') begin(entry);
    }
  }

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
      return { open: entries.length, overdue: entries.filter(isOverdue).length };
    },
    start: () => {
      void resume().catch((err: unknown) => logger.error({ err }, 'the service could not read the ledger of erasures'));
    },
    stop: async () => {
      stopping.abort();
      await Promise.all([...working.values()].map(({ work }) => work));
    },
  };
}

/** Whether an erasure passed its deadline before it was complete. */
const isOverdue = ({ deadline, done }: Erasure): boolean =>
  (done === null ? Date.now() : Date.parse(done)) > Date.parse(deadline);

/** The state of all instances of a service; undefined if one has not folded the record or does not answer. */
function stateOf({ answers, silent }: Found, record: number): ErasureStep['state'] | undefined {
  if (answers.length === 0 || silent.length > 0 || answers.some(({ seq }) => seq < record)) return undefined;
  if (answers.some(({ training_due }) => training_due === true)) return 'rows';
  if (answers.every(({ rebuild_due, traces_due }) => !rebuild_due && !traces_due)) return 'exact';
  return answers.some(({ training_due }) => training_due === false) ? 'trained' : 'rows';
}

/** An erasure as callers see it: without the ids. */
function erasureView({ pending: _, claimants: __, unnamed: ___, ...entry }: Erasure): ErasureView {
  return { ...entry, overdue: isOverdue(entry) };
}
