import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ItemId, UserId } from '../../bus/event/ids.ts';
import { Prequential, type PrequentialEvent } from './learn/prequential.ts';
import { createModel, type Model } from './mod.ts';

const SIZES = { window: 7, windowLong: 20, every: 1 };
const model = (): Model =>
  createModel({ ranking: { serveUnpublished: true }, prequential: SIZES, ranker: { form: 'none' } });
const interact = (to: Model, user: number, item: number, seq: number): void =>
  void to.interact({
    user: `u${user}` as UserId,
    item: `i${item}` as ItemId,
    weight: 16,
    time: seq * 1_000,
    seq,
  });
const log = fc.array(fc.tuple(fc.nat(4), fc.nat(12)), { minLength: 1, maxLength: 120 });

/** An event for which only the model's place matters. */
const placed = (rank: number): PrequentialEvent =>
  ({
    item: 0,
    rank,
    seen: [],
    profile: { items: [], lags: [] },
    statistics: { total: [], pairs: undefined },
    popularity: { sum: () => 0 },
    catalogue: { ids: { end: 1 }, isServable: () => true },
  }) as unknown as PrequentialEvent;

describe('prequential windows', () => {
  it('hold the newest events, by the formulas of hit rate, NDCG and MRR', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 24 }), { maxLength: 60 }), (doubledPlaces) => {
        const places = doubledPlaces.map((place) => place / 2);
        const windows = new Prequential(SIZES, { serveUnpublished: true, includeSeen: false });
        for (const place of places) windows.observe(placed(place));
        const { scored, windows: said } = windows.report();
        expect(scored).toBe(places.length);
        for (const { size, events, model: quality } of said) {
          const newest = places.slice(-size);
          expect(events).toBe(newest.length);
          const mean = (gain: (place: number) => number): number =>
            newest.reduce((sum, place) => sum + (place >= 1 && place <= 10 ? gain(place) : 0), 0) /
            Math.max(newest.length, 1);
          expect(quality.hr).toBeCloseTo(
            mean(() => 1),
            12,
          );
          expect(quality.ndcg).toBeCloseTo(
            mean((place) => 1 / Math.log2(1 + place)),
            12,
          );
          expect(quality.mrr).toBeCloseTo(
            mean((place) => 1 / place),
            12,
          );
        }
      }),
    );
  });

  it('are the same after they were written and read, and continue alike', () => {
    fc.assert(
      fc.property(log, fc.nat(120), (events, cutAt) => {
        const whole = model();
        let cut = model();
        for (const [i, [user, item]] of events.entries()) {
          if (i === cutAt) {
            const read = model();
            read.importState(cut.exportState());
            cut = read;
          }
          interact(whole, user, item, i + 1);
          interact(cut, user, item, i + 1);
        }
        expect(cut.prequential()).toEqual(whole.prequential());
        expect(cut.exportState().equals(whole.exportState())).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('of another size are not read', () => {
    const other = createModel({ prequential: { ...SIZES, window: 8 }, ranker: { form: 'none' } });
    expect(() => other.importState(model().exportState())).toThrow('other sizes');
  });

  it('tell co-occurrence from popularity', () => {
    const paired = model();
    let seq = 0;
    // Every user takes the common items, and then a pair of their own: 2k goes with 2k + 1.
    for (let user = 0; user < 400; user++) {
      const pair = user % 40;
      interact(paired, user, 100 + 2 * pair, ++seq);
      interact(paired, user, 101 + 2 * pair, ++seq);
    }
    const { scored, windows } = paired.prequential();
    expect(scored).toBe(400);
    const quick = windows[0]!;
    expect(quick.events).toBe(7);
    expect(quick.model.hr).toBe(1);
    expect(quick.item_knn).toEqual({ hr: 1, ndcg: 1, mrr: 1 });
    expect(quick.popular.hr).toBeLessThan(0.5);
  });

  it('find a popular item by popularity, and leave out items that the user took', () => {
    const popular = model();
    let seq = 0;
    for (let user = 0; user < 50; user++) {
      for (let item = 0; item < 5; item++) interact(popular, user, item, ++seq);
    }
    const { windows } = popular.prequential();
    // The user knows up to four of five items, so the next item is the best of the rest.
    expect(windows[0]!.popular.mrr).toBeGreaterThan(0.4);
  });

  it('count an item that the model may not serve as missed by all', () => {
    const strict = createModel({ ranking: { serveUnpublished: false }, prequential: SIZES });
    for (let item = 0; item < 20; item++) strict.publishItem(`i${item}` as ItemId, { title: `Title ${item}` });
    let seq = 0;
    for (let user = 0; user < 20; user++) {
      interact(strict, user, user % 5, ++seq);
      interact(strict, user, 99, ++seq);
    }
    const { windows } = strict.prequential();
    expect(windows[0]!.events).toBe(7);
    for (const contender of ['model', 'popular', 'item_knn'] as const) expect(windows[0]![contender].hr).toBe(0);
  });
});
