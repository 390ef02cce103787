/** The live model, and one that reads the log again beside rows that are ahead, must be equal. */
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  codec,
  declared,
  event,
  linked,
  patched,
  published,
  rated,
  registered,
  restored,
  retracted,
  stored,
  type TestEvent,
  updated,
  viewed,
  withdrawn,
} from '../../../test/support/events.ts';
import { runs, within } from '../../../test/support/runs.ts';
import { makeTempDir, removeTempDir } from '../../../test/support/tempdir.ts';
import { itemId, type StreamSeq, streamSeq, userId } from '../../bus/event/ids.ts';
import type { ItemData } from '../../bus/event/types.ts';
import { withState } from '../../bus/projection/after-commit.ts';
import { openStore } from '../../bus/projection/store.ts';
import { completeConfig } from '../../config/load.ts';
import { encodePin } from '../artifacts/pin.ts';
import { type RecordedInput, sha256Of } from '../artifacts/records.ts';
import { engineRebuild } from '../lifecycle/rebuild.ts';
import type { Model } from '../model/mod.ts';
import { configHash } from '../settings/settings.ts';
import { createModelFold, emptyModel, type ModelFold } from './model-fold.ts';
import { engineProjection, prepareTables, traitsAt } from './projection.ts';

const config = completeConfig({
  events: { declared: ['x_listened'] },
  engine: { weights: { 'user.viewed.v1': 16, 'user.added.v1': 0 } },
});

interface Folded {
  /** Learned batch by batch, as the log came. */
  live: Model;
  /** Read again from the log's beginning when the rows were at its end. */
  recalled: Model;
  /** The same from a snapshot that was taken on the way. */
  restored: Model;
}

/** Folds events in batches of so many; the snapshot is taken behind the batch in which message `cut` is. */
function fold(events: readonly TestEvent[], batch: number, cut = 0): Folded {
  const folder = makeTempDir('engine');
  let memory: ModelFold | undefined;
  const store = withState(
    openStore({
      file: join(folder, 'e.sqlite'),
      definition: engineProjection({ config }),
      codec,
      cacheKib: 1_024,
    }),
    () => memory,
  );
  try {
    const tables = prepareTables(store.db);
    memory = createModelFold({ config, tables });
    const messages = stored(events);
    let image: { state: Buffer; seq: StreamSeq } = { state: memory.model.exportState(), seq: streamSeq(0) };
    for (let i = 0; i < messages.length; i += batch) {
      store.commit(messages.slice(i, i + batch), 'now');
      if (i <= cut) image = { state: memory.model.exportState(), seq: memory.position() };
    }
    const recall = (model: Model, seq: StreamSeq): Model => {
      const again = createModelFold({ config, tables, model, seq });
      const rest = messages.filter((message) => message.seq > seq);
      for (let i = 0; i < rest.length; i += 3) {
        const part = rest.slice(i, i + 3);
        again.fold(store.applied(part), (part.at(-1) as { seq: StreamSeq }).seq);
      }
      return model;
    };
    const restored = emptyModel(config);
    restored.importState(image.state);
    return {
      live: memory.model,
      recalled: recall(emptyModel(config), streamSeq(0)),
      restored: recall(restored, image.seq),
    };
  } finally {
    store.close();
    removeTempDir(folder);
  }
}

/** What a model knows, in words that can be compared. */
const known = (model: Model) => ({ state: model.exportState().toString('base64'), statistics: model.statisticsHash() });

const user = fc.constantFrom('u1', 'u2', 'u3', 's1', 's2');
const item = fc.constantFrom('a', 'b', 'c', 'd');
type Traits = Record<string, string | number | string[]>;
const traits = fc.constantFrom<(Traits | undefined)[]>(undefined, { age: 41 }, { country: 'NL', likes: ['sea'] }, {});
/** An event by its place: n is its own id, so that a retraction can name an earlier or a later one. */
const act: fc.Arbitrary<(n: number) => TestEvent> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(user, item).map(
      ([u, i]) =>
        (n: number) =>
          viewed(u, i, { id: `n${n}` }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(user, item).map(
      ([u, i]) =>
        (n: number) =>
          declared('x_listened')(u, i, { id: `n${n}` }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(user, item).map(
      ([u, i]) =>
        (n: number) =>
          event('user.added.v1', u, { item: i }, { id: `n${n}` }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(user, item, fc.constantFrom(1, 5)).map(
      ([u, i, value]) =>
        (n: number) =>
          rated(u, i, value, { id: `n${n}` }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(user, traits).map(
      ([u, t]) =>
        (n: number) =>
          registered(u, t, { id: `n${n}` }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(user, traits).map(
      ([u, t]) =>
        (n: number) =>
          updated(u, t, { id: `n${n}` }),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(user, user).map(
      ([u, s]) =>
        (n: number) =>
          linked(u, s, { id: `n${n}` }),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(user, fc.nat(60)).map(
      ([u, at]) =>
        (n: number) =>
          retracted(u, { id: `n${at}` }, { id: `n${n}` }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        item,
        fc.constantFrom<Partial<ItemData>[]>(
          {},
          { tags: ['sea'] },
          { attributes: { year: 1911, author: 'X' }, description: 'w '.repeat(2_000) },
        ),
      )
      .map(
        ([i, fields]) =>
          (n: number) =>
            published(i, fields, { id: `n${n}` }),
      ),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        item,
        fc.constantFrom(
          {},
          { title: 'New' },
          { tags: null },
          { attributes: { year: null, place: 'Hull' } },
          { attributes: null },
          { description: null },
        ),
      )
      .map(
        ([i, patch]) =>
          (n: number) =>
            patched(i, patch, { id: `n${n}` }),
      ),
  },
  { weight: 1, arbitrary: item.map((i) => (n: number) => withdrawn(i, { id: `n${n}` })) },
  { weight: 1, arbitrary: item.map((i) => (n: number) => restored(i, { id: `n${n}` })) },
);

describe('the model fold', () => {
  it(
    'is the same live, in a catch-up behind the rows, and continued from a snapshot',
    () => {
      fc.assert(
        fc.property(fc.array(act, { maxLength: 60 }), fc.constantFrom(1, 2, 7, 100), fc.nat(60), (acts, batch, cut) => {
          const events = acts.map((make, n) => make(n));
          const oneByOne = known(fold(events, 1).live);
          for (const model of Object.values(fold(events, batch, cut))) expect(known(model)).toEqual(oneByOne);
        }),
        { numRuns: runs(100) },
      );
    },
    within(60_000),
  );

  it.each<[string, TestEvent[]]>([
    [
      'a session had traits before it was linked',
      [registered('s1', { age: 41 }, { id: 'n0' }), linked('u1', 's1', { id: 'n1' })],
    ],
    ['a link names unknown ids', [linked('u1', 's1')]],
    ['a second user claims the session', [linked('u1', 's1'), linked('u2', 's1'), viewed('s1', 'a')]],
    ['a link closes a circle', [linked('u1', 'u2'), linked('u2', 'u1'), viewed('u1', 'a'), viewed('u2', 'b')]],
    ['a link is retracted', [viewed('s1', 'a'), linked('u1', 's1', { id: 'n1' }), retracted('u1', { id: 'n1' })]],
    ['an unknown event is retracted', [retracted('u9', { id: 'never' })]],
    ['the only event is retracted', [viewed('u1', 'a', { id: 'n0' }), retracted('u1', { id: 'n0' })]],
    ['an event is retracted before it arrives', [retracted('u1', { id: 'later' }), viewed('u1', 'a', { id: 'later' })]],
    ['all traits are retracted', [registered('u1', { age: 41 }, { id: 'n0' }), retracted('u1', { id: 'n0' })]],
    [
      'a link has a member named item',
      [event('user.linked.v1', 'u1', { session: 's1', item: 'a' }), viewed('s1', 'b')],
    ],
    [
      'fields hold more than is known of',
      [published('a', { more: { b: 1 } } as object), patched('a', { more: { c: null, d: [1] } } as object)],
    ],
    ['a number beyond sixteenths is rated', [rated('u1', 'a', 1e9)]],
    [
      'traits are retracted later',
      [registered('u1', { age: 41 }, { id: 'n0' }), viewed('u1', 'a'), retracted('u1', { id: 'n0' })],
    ],
    [
      'an item is withdrawn and its user linked later',
      [published('a'), viewed('s1', 'a'), viewed('u1', 'b'), withdrawn('a'), linked('u1', 's1')],
    ],
  ])('is the same if %s', (_what, events) => {
    for (const batch of [1, 100]) {
      const { live, recalled, restored } = fold(events, batch);
      expect(known(recalled)).toEqual(known(live));
      expect(known(restored)).toEqual(known(live));
    }
  });

  it('reads the rows as of an event’s position, however far they are ahead', () => {
    const folder = makeTempDir('engine');
    const store = openStore({
      file: join(folder, 'e.sqlite'),
      definition: engineProjection({ config }),
      codec,
      cacheKib: 1_024,
    });
    try {
      const events = [
        registered('u1', { age: 41 }, { id: 'n0' }),
        updated('s1', { country: 'NL' }),
        linked('u1', 's1'),
        updated('u1', { age: 42 }),
        retracted('u1', { id: 'n0' }),
        retracted('u1', { id: 'later' }),
        viewed('u1', 'a', { id: 'later' }),
      ];
      store.commit(stored(events), 'now');
      const tables = prepareTables(store.db);
      const traits = [1, 2, 3, 4, 5].map((seq) => traitsAt('u1', seq, tables));
      expect(traits).toEqual([
        { age: 41 },
        { age: 41 },
        { age: 41, country: 'NL' },
        { age: 42, country: 'NL' },
        { country: 'NL', age: 42 },
      ]);
      expect([2, 3].map((seq) => tables.linkHistory.ownerAt('s1', seq))).toEqual(['s1', 'u1']);
      const memory = createModelFold({ config, tables });
      memory.fold(store.applied(stored(events)), streamSeq(7));
      expect(memory.model.history(userId('u1')).map(({ item: id }) => id)).toEqual(['a']);
    } finally {
      store.close();
      removeTempDir(folder);
    }
  });

  it('has a personal list from one event on', () => {
    const catalogue = ['a', 'b', 'c', 'd', 'e', 'f'].map((i) => published(i));
    const others = ['u1', 'u2', 'u3'].flatMap((u) => [viewed(u, 'a'), viewed(u, 'b'), viewed(u, 'c')]);
    const more = ['u4', 'u5', 'u6', 'u7'].flatMap((u) => [viewed(u, 'd'), viewed(u, 'e'), viewed(u, 'f')]);
    const { live } = fold([...catalogue, ...others, ...more, viewed('new', 'a')], 1);
    const list = live.recommend({ user: userId('new'), n: 2 });
    expect(list.source).toBe('model');
    expect(list.items.map(({ item: id }) => id).sort()).toEqual(['b', 'c']);
    expect(live.recommend({ user: userId('nobody'), n: 2 }).source).toBe('popular');
  });

  it('never lists a withdrawn item, until it is restored', () => {
    const events = [
      ...['a', 'b', 'c'].map((i) => published(i)),
      viewed('u1', 'a'),
      viewed('u1', 'b'),
      viewed('u2', 'a'),
      withdrawn('b'),
    ];
    const listed = (model: Model): string[] =>
      [
        ...model.recommend({ user: userId('u2'), n: 10 }).items,
        ...model.similar(itemId('a'), 10).items,
        ...model.trending(10).items,
      ].map(({ item: id }) => id);
    for (const model of Object.values(fold(events, 1))) expect(listed(model)).not.toContain('b');
    for (const model of Object.values(fold([...events, restored('b')], 1))) expect(listed(model)).toContain('b');
  });
});

describe('a pinned ranker, in a rebuild', () => {
  /** The ranker after all events in batches of so many, pinned at 35 to what it was at 30, which was recorded wrongly. */
  function rebuilt(batch: number): string {
    const events = Array.from({ length: 80 }, (_, n) => viewed(`u${n % 5}`, 'abcdefg'.charAt((n * (1 + (n % 3))) % 7)));
    const other = emptyModel(config);
    const bytes = encodePin({ config: configHash(config), act: 'r1', snapshot: 's', ranker: other.rankerBytes() });
    const pin: RecordedInput = {
      kind: 'ranker',
      trained_at: 30,
      from_seq: 35,
      sha256: sha256Of(bytes),
      backend: 'fold',
      seconds: 0,
      marks: [],
      bytes,
    };
    const { definition, state, modelFold } = engineRebuild(config, new Uint8Array(), { known: [pin] });
    const folder = makeTempDir('engine');
    const store = withState(openStore({ file: join(folder, 'e.sqlite'), definition, codec, cacheKib: 1_024 }), state);
    try {
      const messages = stored(events);
      for (let i = 0; i < messages.length; i += batch) store.commit(messages.slice(i, i + batch), 'now');
      expect(modelFold()?.model.pinned).toBe(true);
      expect(modelFold()?.model.rankerHash()).not.toBe(other.rankerHash());
      return (modelFold() as ModelFold).model.rankerHash();
    } finally {
      store.close();
      removeTempDir(folder);
    }
  }

  it('is the one of this fold, for any batches', () => {
    const one = rebuilt(1);
    for (const batch of [3, 30, 33, 80]) expect(rebuilt(batch)).toBe(one);
  });
});
