/**
 * Forgets users one after the other on a running system. After each user it compares the system with a fold of the purged
 * log in this process: rows and statistics as soon as the rows are gone, everything when the erasure is done.
 */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Erasure } from '../../src/bus/erasure/ledger.ts';
import { createCodec, type StoredMessage } from '../../src/bus/event/codec.ts';
import { parseEventSubject } from '../../src/bus/event/subject.ts';
import type { CloudEvent } from '../../src/bus/event/types.ts';
import { createJetStreamLog } from '../../src/bus/log/jetstream.ts';
import { call, type Json, limitAnswers } from '../../src/bus/nats/micro.ts';
import { createPublisher } from '../../src/bus/nats/publisher.ts';
import { SERVICES } from '../../src/bus/projection/definition.ts';
import { hashProjection } from '../../src/bus/projection/hash.ts';
import { erasureKey } from '../../src/bus/streams/erasure-key.ts';
import { completeConfig } from '../../src/config/load.ts';
import { createRandom } from '../../src/demo/random.ts';
import { openRecords } from '../../src/engine/artifacts/records.ts';
import type { ModelHash } from '../../src/engine/lifecycle/rebuild.ts';
import { messageOf, ServiceUnavailableError } from '../../src/errors.ts';
import { openImport } from '../../src/import/mod.ts';
import { load, startBenchSystem } from '../serving/system.ts';
import { foldReference, foldStatistics, readLog } from './reference.ts';

export interface ForgetBenchOptions {
  /** Files or folders, in any format of the import. */
  data: readonly string[];
  users: number;
  /** Number of erasures after which the run also compares the statistics with those of a log that never held the users. */
  neverHeld: number;
  seed: number;
  /** Milliseconds after which a rebuild follows an erasure. */
  rebuildAfterMs: number;
  /** `engine.ranker_dense`; undefined: the default. */
  rankerDense?: number;
  /** Milliseconds that a service may take to answer. */
  answerMs: number;
  /** Ends the run before the next user, and keeps the figures so far. */
  cut?: AbortSignal;
  say: (line: string) => void;
}

export interface ForgottenUser {
  /** Messages of the user in the log. */
  events: number;
  /** Seconds from the request until no service has a row or a statistic of the user. */
  rows: number;
  /** Seconds until no training result includes data of the user. */
  trained: number;
  /** Seconds until all state equals the state that the purged log gives. */
  exact: number;
  /** Whether the tables of all services and the model's statistics were equal as soon as the rows were gone. */
  atOnceEqual: boolean;
  /** Whether the tables and the model's whole state were equal when the erasure was done. */
  exactEqual: boolean;
  /** Whether the statistics equal those of a log that never held the forgotten users; null: not compared. */
  neverHeldEqual: boolean | null;
}

export interface ForgetFigures {
  messages: number;
  people: number;
  rebuildAfterMs: number;
  rankerDense: number;
  /** Number of users to forget. */
  asked: number;
  forgotten: ForgottenUser[];
  /** Whether every comparison was equal. */
  equal: boolean;
  /** Why the run ended before it had forgotten all of them. */
  ended?: string;
}

/** Milliseconds between two polls of an erasure. */
const LOOK_MS = 20;
/** Milliseconds after which the benchmark repeats a request without an answer. */
const ASK_AGAIN_MS = 60_000;

export async function runForget(options: ForgetBenchOptions): Promise<ForgetFigures> {
  const { say, answerMs } = options;
  const config = completeConfig(
    options.rankerDense === undefined ? {} : { engine: { ranker_dense: options.rankerDense } },
  );
  const codec = createCodec({ declared: config.events.declared, maxEventBytes: config.events.max_bytes });
  const plan = await openImport([...options.data]);
  async function* events(): AsyncGenerator<CloudEvent> {
    for await (const row of plan.events()) if (row.kind === 'event') yield row.event as CloudEvent;
  }
  const system = await startBenchSystem({
    settings: {
      FRESHET_ERASURE_REBUILD_AFTER_MS: String(options.rebuildAfterMs),
      FRESHET_ERASURE_SERVER_INDEX_MS: '0',
      FRESHET_ERASURE_LOOK_MS: String(LOOK_MS),
      FRESHET_ENGINE_RANKER_DENSE: String(config.engine.ranker_dense),
    },
  });
  const publisher = createPublisher(system.nc);
  try {
    say('loading');
    limitAnswers(system.nc, answerMs);
    await load(system, events());
    const log = await createJetStreamLog({ nc: system.nc, publisher });
    const key = await erasureKey(system.nc);
    const { created } = await log.info();
    const original = await readLog(log, 'bench-forget');
    const people = [...new Set(original.flatMap((message) => personOf(message) ?? []))].sort();
    const drawn = draw(people, Math.min(options.users, people.length), options.seed);
    const common = { config, codec, erasureKey: key, created };
    const forgotten: ForgottenUser[] = [];
    let ended: string | undefined;
    for (const [i, user] of drawn.entries()) {
      if (options.cut?.aborted) {
        ended = 'cut off';
        break;
      }
      try {
        await compare(i, user);
      } catch (err) {
        ended = messageOf(err);
        break;
      }
    }
    const equal = forgotten.every((one) => one.atOnceEqual && one.exactEqual && one.neverHeldEqual !== false);
    return {
      messages: original.length,
      people: people.length,
      rebuildAfterMs: options.rebuildAfterMs,
      rankerDense: config.engine.ranker_dense,
      asked: drawn.length,
      forgotten,
      equal,
      ...(ended === undefined ? {} : { ended }),
    };

    async function compare(i: number, user: string): Promise<void> {
      const of = original.filter((message) => personOf(message) === user).length;
      const { times, atOnce } = await forget(user);
      const purged = await readLog(log, 'bench-forget');
      const reference = foldReference({ ...common, messages: purged, inputs: recorded() });
      const live = { rows: rowsOf(), model: await hashOf() };
      const sameRows = (rows: Record<string, string>): boolean =>
        SERVICES.every((service) => rows[service] === reference.rows[service]);
      const never = i < options.neverHeld ? statisticsWithout(drawn.slice(0, i + 1)) : undefined;
      const one: ForgottenUser = {
        events: of,
        ...times,
        atOnceEqual: sameRows(atOnce.rows) && atOnce.statistics === reference.model.statistics,
        exactEqual: sameRows(live.rows) && live.model.state === reference.model.state,
        neverHeldEqual: never === undefined ? null : never === atOnce.statistics,
      };
      forgotten.push(one);
      say(`${i + 1} of ${drawn.length}: ${JSON.stringify(one)}`);
    }

    function statisticsWithout(users: readonly string[]): string {
      const gone = new Set(users);
      const messages = original.filter((message) => !gone.has(personOf(message) ?? ''));
      return foldStatistics({ ...common, messages });
    }
  } finally {
    await publisher.close();
    await system.stop();
  }

  async function forget(user: string) {
    const started = performance.now();
    const since = (): number => (performance.now() - started) / 1000;
    const times: { rows?: number; trained?: number; exact?: number } = {};
    let atOnce: { rows: Record<string, string>; statistics: string } | undefined;
    let erasure = await call<Erasure>(system.nc, 'freshet.user.forget', { user });
    for (;;) {
      if (times.rows === undefined && erasure.services.every(({ state }) => state !== 'waiting')) {
        times.rows = since();
        atOnce = { rows: rowsOf(), statistics: (await hashOf()).statistics };
      }
      const engine = erasure.services.find(({ service }) => service === 'engine')?.state;
      if (engine === 'trained' || engine === 'exact') times.trained ??= since();
      if (erasure.state === 'done') break;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      erasure = await asked<Erasure>('freshet.user.erasure', { erasure: erasure.erasure });
    }
    times.exact = since();
    return { times: times as Required<typeof times>, atOnce: atOnce as NonNullable<typeof atOnce> };
  }

  function rowsOf(): Record<string, string> {
    const rows: Record<string, string> = {};
    for (const service of SERVICES) {
      const db = new Database(join(system.data, `${service}.sqlite`), { readonly: true });
      try {
        rows[service] = hashProjection(db).hash;
      } finally {
        db.close();
      }
    }
    return rows;
  }

  async function hashOf(): Promise<ModelHash> {
    return asked<ModelHash>('freshet.engine.hash', {});
  }

  /** A request that a broken connection lost never gets an answer, so this function repeats it. */
  async function asked<T>(subject: string, request: Json): Promise<T> {
    const deadline = performance.now() + answerMs;
    for (;;) {
      const left = deadline - performance.now();
      try {
        return await call<T>(system.nc, subject, request, { timeoutMs: Math.max(1, Math.min(left, ASK_AGAIN_MS)) });
      } catch (err) {
        if (!(err instanceof ServiceUnavailableError) || left <= ASK_AGAIN_MS) throw err;
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
    }
  }

  function recorded() {
    const records = openRecords(join(system.data, 'engine.sqlite'));
    try {
      return records?.between(0, Number.MAX_SAFE_INTEGER) ?? [];
    } finally {
      records?.close();
    }
  }
}

/** The user of a message; undefined for a message of no user. */
function personOf({ subject }: StoredMessage): string | undefined {
  const { context, entity } = parseEventSubject(subject) ?? {};
  return context === 'user' || context === 'feedback' ? entity : undefined;
}

/** A random sample of this size, without repetition. */
function draw(people: readonly string[], count: number, seed: number): string[] {
  const random = createRandom(seed);
  const left = [...people];
  return Array.from({ length: count }, () => left.splice(random.below(left.length), 1)[0] as string);
}
