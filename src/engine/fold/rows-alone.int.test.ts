/** An engine whose model began at a snapshot ahead of its rows, against a fold of the log from its first event. */
import { join } from 'node:path';
import fc from 'fast-check';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { codec, event, linked, published, stored, type TestEvent, viewed } from '../../../test/support/events.ts';
import { erasureHistory, forgotten, KEY, purgedOf, removed } from '../../../test/support/forgetting.ts';
import { runs, within } from '../../../test/support/runs.ts';
import { makeTempDir, removeTempDir } from '../../../test/support/tempdir.ts';
import type { StoredMessage } from '../../bus/event/codec.ts';
import { streamSeq } from '../../bus/event/ids.ts';
import { hashProjection } from '../../bus/projection/hash.ts';
import { LOSS_ACCEPTED } from '../../bus/projection/lost-rows.ts';
import { openStore, type ProjectionStore } from '../../bus/projection/store.ts';
import { completeConfig } from '../../config/load.ts';
import type { EngineContext } from '../engine-context.ts';
import type { Model } from '../model/mod.ts';
import { configHash } from '../settings/settings.ts';
import { createForgottenUsers } from './forgotten-users.ts';
import { emptyModel } from './model-fold.ts';
import { createFoldPart, type FoldPart } from './part.ts';
import { engineProjection, prepareTables } from './projection.ts';

// Each of the many engines would start a thread of its own.
const config = completeConfig({ engine: { learn_beside_mib: 0 } });
const logger = pino({ level: 'silent' });

interface Snapshot {
  state: Buffer;
  seq: number;
}

interface Opened {
  store: ProjectionStore;
  part: FoldPart;
  model: Model;
  /** Commits messages, and hands them to the model as the loop does. */
  fold(messages: readonly StoredMessage[]): void;
}

/** An engine in a file of its own; `head` is the end of the log. */
function open(folder: string, name: string, head: number, snapshot?: Snapshot): Opened {
  const users = createForgottenUsers();
  const definition = engineProjection({ config, forgotten: users.note });
  const file = join(folder, `${name}.sqlite`);
  const store = openStore({ file, definition, codec, cacheKib: 1_024, erasureKey: KEY });
  const model = emptyModel(config);
  if (snapshot) model.importState(snapshot.state);
  const context = {
    config,
    hash: configHash(config),
    store,
    log: { info: async () => ({ lastSeq: head }) },
    metrics: { recalled: { inc: () => {} } },
    logger,
    erasureKey: KEY,
  };
  const part = createFoldPart(context as unknown as EngineContext, {
    tables: prepareTables(store.db),
    model,
    seq: snapshot?.seq ?? 0,
    snapshot: snapshot && 'a snapshot',
    readMs: 0,
    inputs: { between: () => [] },
    stops: { next: () => Number.POSITIVE_INFINITY, reached: () => {} },
    forgotten: users,
    asked: () => false,
  });
  const fold = (messages: readonly StoredMessage[]): void => {
    const { applied } = store.commit(messages, 'now');
    const { seq } = store.checkpoint();
    part.state?.fold(applied, seq, undefined);
    for (const effect of [...(part.effects ?? []), users.effect])
      effect.afterCommit({ events: applied, seq, deadLetters: 0, catchUp: false });
  };
  return { store, part, model, fold };
}

const isExact = ({ store, model }: Opened): boolean =>
  store.rebuildDue() === undefined && !store.erasing() && !model.stale;
const batches = (messages: readonly StoredMessage[], size: number): StoredMessage[][] =>
  Array.from({ length: Math.ceil(messages.length / size) }, (_, n) => messages.slice(n * size, (n + 1) * size));
const items = () => [published('a'), published('b'), published('c')];

describe('an engine whose model began ahead of its rows', () => {
  it(
    'has the rows and the model of the log, or a rebuild of it is due, also if the log lost users meanwhile',
    () => {
      let equal = 0;
      let due = 0;
      const histories = fc.tuple(erasureHistory, fc.nat(), fc.integer({ min: 1, max: 9 }), fc.boolean());
      fc.assert(
        fc.property(histories, ([acts, which, size, isPurged]) => {
          const folder = makeTempDir('ahead');
          const messages = stored([...items(), ...acts]);
          const head = messages.length;
          const leader = open(folder, 'leader', head);
          const plain = open(folder, 'plain', head);
          const engines = [leader, plain];
          try {
            const snapshots: Snapshot[] = [];
            for (const batch of batches(messages, 3)) {
              leader.fold(batch);
              if (isExact(leader))
                snapshots.push({ state: leader.model.exportState(), seq: leader.part.fold.position() });
            }
            const snapshot = snapshots[which % Math.max(1, snapshots.length)];
            if (snapshot === undefined) return;
            const replica = open(folder, 'replica', head, snapshot);
            engines.push(replica);
            const log = isPurged ? purgedOf(messages) : messages;
            for (const batch of batches(log, size)) {
              expect(replica.part.catchingUp()).toBe(replica.store.checkpoint().seq < snapshot.seq);
              replica.fold(batch);
            }
            for (const batch of batches(log, size)) plain.fold(batch);
            expect(hashProjection(replica.store.db)).toEqual(hashProjection(plain.store.db));
            expect([...replica.model.ids()].sort()).toEqual([...plain.model.ids()].sort());
            if (replica.store.rebuildDue() !== undefined) {
              due++;
              return;
            }
            equal++;
            expect(replica.model.statisticsHash()).toBe(plain.model.statisticsHash());
            expect(replica.model.exportState().equals(plain.model.exportState())).toBe(true);
          } finally {
            for (const one of engines) one.store.close();
            removeTempDir(folder);
          }
        }),
        { numRuns: runs(100) },
      );
      expect(equal).toBeGreaterThan(5);
      expect(due).toBeGreaterThan(5);
    },
    within(60_000),
  );

  it('forgets a user whose messages the log lost before the rows came there, and a rebuild is due', () => {
    const folder = makeTempDir('ahead');
    const views = Array.from({ length: 6 }, (_, n) => viewed(n % 2 ? 'gone' : 'u1', 'abc'[n % 3] as string));
    const messages = stored([...items(), ...views, viewed('u2', 'a'), forgotten('gone'), viewed('u2', 'b')]);
    const before = messages.slice(0, 10);
    const leader = open(folder, 'leader', before.length);
    leader.fold(before);
    const snapshot = { state: leader.model.exportState(), seq: 10 };
    const replica = open(folder, 'replica', messages.length, snapshot);
    try {
      for (const batch of batches(purgedOf(messages), 4)) replica.fold(batch);
      expect([...replica.model.ids()].sort()).toEqual(['u1', 'u2']);
      expect(replica.store.rebuildDue()).toContain('has learned from a user');
    } finally {
      for (const one of [leader, replica]) one.store.close();
      removeTempDir(folder);
    }
  });

  it.each<[string, TestEvent, string]>([
    ['a message that named a forgotten id is gone', removed([4]), 'messages that the log no longer held'],
    [
      'an operator accepted the loss of a message',
      event('control.loss_accepted.v1', 'loss', { sequences: [{ first: 4, last: 4 }] }),
      LOSS_ACCEPTED,
    ],
  ])('a rebuild is due if %s', (_what, record, reason) => {
    const folder = makeTempDir('ahead');
    const messages = stored([...items(), linked('u1', 's1'), viewed('u1', 'a'), record, viewed('u1', 'b')]);
    const leader = open(folder, 'leader', 5);
    leader.fold(messages.slice(0, 5));
    const replica = open(folder, 'replica', messages.length, { state: leader.model.exportState(), seq: 5 });
    try {
      for (const batch of batches(
        messages.filter(({ seq }) => seq !== streamSeq(4)),
        2,
      ))
        replica.fold(batch);
      expect(replica.store.rebuildDue()).toContain(reason);
    } finally {
      for (const one of [leader, replica]) one.store.close();
      removeTempDir(folder);
    }
  });
});
