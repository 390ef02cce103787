import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ItemId, UserId } from '../../bus/event/ids.ts';
import { type ContentMap, decodeMap, encodeMap } from './inputs/content-map.ts';
import { featureHash, itemFeatures } from './inputs/features.ts';
import { createModel, InputUnreadableError, type Model } from './mod.ts';

const TASTES = 3;
const GOOD = { reciprocalRank: 0.5, chance: 0.05, questions: 100 };

/** A map by the tag of an item's taste: taken items score items of the same taste, times `sense`. */
const byTaste = (sense: number, quality = GOOD): ContentMap => {
  const hashes = Uint32Array.from({ length: TASTES }, (_, taste) => featureHash(`=taste ${taste}`));
  const ones = new Float32Array(TASTES * TASTES);
  for (let taste = 0; taste < TASTES; taste++) ones[taste * TASTES + taste] = 1;
  return {
    kind: 'content',
    hashes,
    embeddingSize: 0,
    rank: TASTES,
    hidden: 0,
    item: ones.map((one) => one * sense),
    user: ones,
    level: undefined,
    nobody: undefined,
    hiddenIn: new Float32Array(0),
    hiddenBias: new Float32Array(0),
    hiddenOut: new Float32Array(0),
    quality,
  };
};
const adopt = (model: Model, map: ContentMap): void => model.adopt({ kind: 'content', bytes: encodeMap(map), seq: 1 });

const ITEMS = 60;
function catalogue(judgedEvents = 20): Model {
  const model = createModel({ ranker: { form: 'none' }, prequential: { every: 1 }, mapped: { judgedEvents } });
  for (let n = 0; n < ITEMS; n++) model.publishItem(`i${n}` as ItemId, { title: 'T', tags: [`taste ${n % TASTES}`] });
  return model;
}

/** Each user keeps to a taste; no user takes the last items. */
function take(model: Model, from: number, events: number): Model {
  for (let seq = from; seq < from + events; seq++) {
    const reader = seq % 7;
    const item = (reader % TASTES) + TASTES * (((seq * 5) % 11) + (seq % 5));
    model.interact({ user: `u${reader}` as UserId, item: `i${item}` as ItemId, weight: 16, time: 1_000, seq });
  }
  return model;
}
const lists = (model: Model) =>
  [0, 1, 2].map((n) => model.recommend({ user: `u${n}` as UserId, n: 10, explain: true }));

describe('a recorded input', () => {
  it('is the same after it was written and read', () => {
    expect(decodeMap(encodeMap(byTaste(2)))).toEqual(byTaste(2));
  });

  it('is refused when it was cut, altered in its header, or is something else', () => {
    const bytes = encodeMap(byTaste(1));
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), (length) => {
        expect(() => decodeMap(bytes.subarray(0, length))).toThrow(InputUnreadableError);
      }),
    );
    const other = Buffer.from(bytes);
    other.writeFloatLE(Number.NaN, bytes.length - 4);
    expect(() => decodeMap(other)).toThrow(InputUnreadableError);
    expect(() => catalogue().adopt({ kind: 'towers', bytes, seq: 1 })).toThrow(InputUnreadableError);
  });

  it('lets an item that no user took stand among those that it resembles', () => {
    const model = take(catalogue(), 1, 60);
    adopt(model, byTaste(1));
    const untouched = `i${ITEMS - TASTES}` as ItemId;
    const { items } = model.similar('i0' as ItemId, ITEMS, { explain: true });
    const found = items.find(({ item }) => item === untouched);
    expect(found?.score).toBeGreaterThan(0);
    expect(found?.reasons?.map(({ signal }) => signal)).toContain('whitened');
  });

  it('finds nothing alike in items without features of their own', () => {
    const model = take(catalogue(), 1, 60);
    model.publishItem('bare' as ItemId, { title: '' });
    model.interact({ user: 'u0' as UserId, item: 'bare' as ItemId, weight: 16, time: 1_000, seq: 100 });
    model.publishItem('other' as ItemId, { title: '' });
    const map = byTaste(1);
    // Every item has the feature `constant`, and a trained map knows it.
    const whole: ContentMap = {
      ...map,
      hashes: Uint32Array.of(...map.hashes, featureHash('constant')),
      item: Float32Array.of(...map.item, 1, 1, 1),
      user: Float32Array.of(...(map.user ?? []), 1, 1, 1),
    };
    adopt(model, whole);
    const signalsOf = (list: ReturnType<Model['recommend']>, id: string) =>
      list.items.find(({ item }) => item === id)?.reasons?.map(({ signal }) => signal) ?? [];
    const list = model.recommend({ user: 'u1' as UserId, n: 2 * ITEMS, explain: true });
    expect(signalsOf(list, 'i4')).toContain('whitened');
    expect(signalsOf(list, 'other')).not.toContain('whitened');
    // A history of such an item alone resembles nothing either.
    const alone = model.recommend({ history: ['bare' as ItemId], n: 2 * ITEMS, explain: true });
    expect(alone.items.flatMap(({ reasons }) => reasons?.map(({ signal }) => signal) ?? [])).not.toContain('whitened');
  });

  it('ranks an item that no user took higher for users of its taste', () => {
    const model = take(catalogue(), 1, 60);
    adopt(model, byTaste(1));
    const untouched = `i${ITEMS - TASTES}` as ItemId;
    const placeFor = (reader: number) =>
      model.recommend({ user: `u${reader}` as UserId, n: ITEMS }).items.findIndex(({ item }) => item === untouched);
    expect(placeFor(0)).toBeLessThan(placeFor(1));
    const why = model.recommend({ user: 'u0' as UserId, n: ITEMS, explain: true }).items;
    const told = why.find(({ item }) => item === untouched)?.reasons?.map(({ signal }) => signal);
    expect(told).toContain('whitened');
  });

  it('is in force at once as the first of its kind, unless chance is as good', () => {
    const model = catalogue();
    adopt(model, byTaste(1, { ...GOOD, reciprocalRank: 0.05 }));
    expect(model.inputs()).toEqual([]);
    adopt(model, byTaste(1));
    expect(model.inputs()).toMatchObject([{ kind: 'content', challenged: false }]);
  });

  it('takes the place of another when it is better on what follows', () => {
    const model = take(catalogue(), 1, 30);
    adopt(model, byTaste(-1));
    const before = lists(model);
    adopt(model, byTaste(1));
    expect(model.inputs()).toMatchObject([{ challenged: true }]);
    expect(lists(model)).toEqual(before);
    take(model, 31, 120);
    const winner = take(catalogue(), 1, 150);
    adopt(winner, byTaste(1));
    expect(model.inputs()).toMatchObject([{ challenged: false }]);
    expect(lists(model)).toEqual(lists(winner));
  });

  it('is dropped when it is worse on what follows', () => {
    const model = take(catalogue(), 1, 30);
    adopt(model, byTaste(1));
    adopt(model, byTaste(-1));
    take(model, 31, 120);
    const champion = take(catalogue(), 1, 150);
    adopt(champion, byTaste(1));
    expect(model.inputs()).toMatchObject([{ challenged: false }]);
    expect(lists(model)).toEqual(lists(champion));
  });

  it('continues from a state as without an interruption, also in the middle of a comparison', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 90 }), (cut) => {
        const model = take(catalogue(), 1, 30);
        adopt(model, byTaste(-1));
        adopt(model, byTaste(1));
        take(model, 31, cut);
        const again = createModel({
          ranker: { form: 'none' },
          prequential: { every: 1 },
          mapped: { judgedEvents: 20 },
        });
        again.importState(model.exportState());
        expect(again.exportState()).toEqual(model.exportState());
        take(model, 31 + cut, 90);
        take(again, 31 + cut, 90);
        expect(again.exportState()).toEqual(model.exportState());
        expect(lists(again)).toEqual(lists(model));
      }),
      { numRuns: 8 },
    );
  });
});

describe('training data', () => {
  it('does not depend on the order of items', () => {
    const training = { leastUsers: 3, leastItems: 5 };
    const read = (model: Model) => {
      const data = model.trainingData('content');
      if (data === undefined) throw new Error('there is too little to learn from');
      return data;
    };
    const model = take(createModel({ training }), 1, 400);
    for (let n = 0; n < ITEMS; n++) model.publishItem(`i${n}` as ItemId, { title: 'T', tags: [`taste ${n % TASTES}`] });
    const again = createModel({ training });
    again.importState(model.exportState());
    expect(read(again)).toEqual(read(model));
    expect(read(model).histories.length).toBeGreaterThan(50);
  });

  it('is undefined if there is too little to learn from', () => {
    expect(take(catalogue(), 1, 400).trainingData('content')).toBeUndefined();
    expect(catalogue().trainingData('towers')).toBeUndefined();
  });

  it('leaves out embeddings of another length than most, and counts them', () => {
    const model = createModel();
    for (let n = 0; n < 40; n++) {
      const embedding = Array.from({ length: n === 7 ? 3 : 2 }, (_, at) => at + n);
      model.publishItem(`i${n}` as ItemId, { title: 'T', embedding });
      for (const reader of [n, n + 1])
        model.interact({
          user: `u${reader % 30}` as UserId,
          item: `i${n}` as ItemId,
          weight: 16,
          time: 1,
          seq: n * 2 + reader - n,
        });
    }
    expect(model.stats().warnings['embedding-length']).toBe(1);
    expect(model.trainingData('content')).toMatchObject({ embeddingSize: 2 });
  });
});

describe('features of an item', () => {
  it('separate words at a letter that Unicode 15.0 does not know, whatever this Node knows', () => {
    expect(itemFeatures({ title: 'Sea\u{1c89}Wolf', tags: ['\u{1c89}'] }, 100)).toEqual(
      Uint32Array.from(
        ['constant', '=\u{1c89}', 'tags \u{1c89}', 'count 1', 'word sea', 'word wolf', 'words sea wolf'],
        featureHash,
      ).sort(),
    );
  });

  it('do not depend on the order of tags and attributes', () => {
    const one = itemFeatures(
      { title: 'A b', tags: ['x', 'Y'], attributes: { a: 1, b: 'z' }, published: '1999-01-01' },
      100,
    );
    const other = itemFeatures(
      { title: 'A b', published: '1999-01-01', attributes: { b: 'z', a: 1 }, tags: ['y', 'X'] },
      100,
    );
    expect(other).toEqual(one);
  });

  it('cross tags with the decade', () => {
    const features = itemFeatures({ title: 'A', tags: ['drama'], published: '1994-05-01' }, 100);
    expect(features).toContain(featureHash('=drama in 199'));
    expect(features).toContain(featureHash('year 1994'));
  });
});
