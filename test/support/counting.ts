/** A projection that counts, for tests of the loop: it is small, and its rows show every wrong count. */
import { join } from 'node:path';
import type { Statement } from 'better-sqlite3';
import { type Logger, pino } from 'pino';
import type { StoredMessage } from '../../src/bus/event/codec.ts';
import { isInteraction } from '../../src/bus/event/codec.ts';
import type { Log } from '../../src/bus/log/port.ts';
import type { ProjectionDefinition } from '../../src/bus/projection/definition.ts';
import { createProjectionLoop, type LoopOptions, type ProjectionLoop } from '../../src/bus/projection/loop.ts';
import { openStore, type ProjectionStore } from '../../src/bus/projection/store.ts';
import { codec } from './events.ts';

export const silent: Logger = pino({ level: 'silent' });

export interface CountingTables {
  count: Statement;
  note: Statement;
}

/** An event of this item cannot be folded: the fold writes something, then throws. */
export const POISON = 'poison';

export const countingProjection = (inputs: Record<string, unknown> = {}): ProjectionDefinition<CountingTables> => ({
  service: 'user',
  code: 1,
  inputs,
  schema: `
    CREATE TABLE IF NOT EXISTS total (user TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS note (seq INTEGER PRIMARY KEY, user TEXT NOT NULL, item TEXT NOT NULL) STRICT;`,
  tables: (db) => ({
    count: db.prepare('INSERT INTO total VALUES (?, 1) ON CONFLICT (user) DO UPDATE SET n = n + 1'),
    note: db.prepare('INSERT INTO note VALUES (?, ?, ?)'),
  }),
  apply: (event, { count, note }) => {
    if (!isInteraction(event)) return;
    count.run(event.subject);
    note.run(event.seq, event.subject, event.data.item);
    if (event.data.item === POISON) throw new TypeError('this item is poison');
  },
});

export const openCounting = (folder: string, inputs?: Record<string, unknown>): ProjectionStore =>
  openStore({ file: join(folder, 'counting.sqlite'), definition: countingProjection(inputs), codec, cacheKib: 1_024 });

export interface CountingState {
  total: { user: string; n: number }[];
  note: { seq: number; user: string; item: string }[];
  dead: { seq: number; code: string }[];
  seq: number;
  applied: number;
  duplicates: number;
  unknown: number;
}

export function stateOf(store: ProjectionStore): CountingState {
  const { seq, applied, duplicates, unknown } = store.checkpoint();
  return {
    total: store.db.prepare<[], CountingState['total'][number]>('SELECT * FROM total ORDER BY user').all(),
    note: store.db.prepare<[], CountingState['note'][number]>('SELECT * FROM note ORDER BY seq').all(),
    dead: store.db.prepare<[], CountingState['dead'][number]>('SELECT seq, code FROM dead_letter ORDER BY seq').all(),
    seq,
    applied,
    duplicates,
    unknown,
  };
}

/** The expected state after these messages, computed in the simplest way. */
export function oracle(messages: readonly StoredMessage[]): CountingState {
  const totals = new Map<string, number>();
  const seen = new Map<string, number>();
  const state: CountingState = { total: [], note: [], dead: [], seq: 0, applied: 0, duplicates: 0, unknown: 0 };
  for (const message of messages) {
    const { seq } = message;
    state.seq = seq;
    const result = codec.decode(message);
    if (result.kind === 'unknown-type') state.unknown++;
    if (result.kind === 'dead') state.dead.push({ seq, code: result.problem.code });
    if (result.kind !== 'event') continue;
    const { event } = result;
    const fingerprint = event.fingerprint;
    const before = seen.get(event.identity);
    if (before !== undefined) {
      if (before === fingerprint) state.duplicates++;
      else state.dead.push({ seq, code: 'FRESHET_EVENT_IDENTITY_REUSED' });
      continue;
    }
    seen.set(event.identity, fingerprint);
    if (isInteraction(event)) {
      if (event.data.item === POISON) {
        state.dead.push({ seq, code: 'FRESHET_EVENT_FOLD_FAILED' });
        continue;
      }
      totals.set(event.subject, (totals.get(event.subject) ?? 0) + 1);
      state.note.push({ seq, user: event.subject, item: event.data.item });
    }
    state.applied++;
  }
  state.total = [...totals].map(([user, n]) => ({ user, n })).sort((a, b) => (a.user < b.user ? -1 : 1));
  return state;
}

/** A loop whose pauses are short enough for tests. */
export const countingLoop = (
  log: Log,
  store: ProjectionStore,
  { limits, ...options }: Partial<Omit<LoopOptions, 'log' | 'store'>> = {},
): ProjectionLoop =>
  createProjectionLoop({
    service: 'user',
    logger: silent,
    log,
    store,
    limits: {
      batchMax: 500,
      batchWaitMs: 1,
      idleCheckMs: 20,
      checkIntervalMs: 50,
      backoffMinMs: 1,
      backoffMaxMs: 20,
      ...limits,
    },
    ...options,
  });
