import { describe, expect, it } from 'vitest';
import type { ItemId, UserId } from '../../bus/event/ids.ts';
import { contentsOf, createModel, InputUnreadableError, type Model, rankerIn } from './mod.ts';

const SERVING_ALL = { ranking: { serveUnpublished: true }, prequential: { every: 3 } };

/** Users that take items in a cycle, so that there is something to learn. */
function fold(model: Model, from: number, to: number): Model {
  for (let seq = from; seq < to; seq++) {
    model.clock = seq * 60_000;
    const user = `u${seq % 9}` as UserId;
    const item = `i${(seq * (1 + (seq % 3))) % 97}` as ItemId;
    model.interact({ user, item, weight: 16, time: model.clock, seq });
  }
  return model;
}
const empty = () => createModel(SERVING_ALL);
const stateOf = (model: Model) => model.exportState().toString('base64');

describe('a pinned ranker', () => {
  it('does not change until it is released', () => {
    const before = fold(empty(), 1, 120);
    const then = before.rankerHash();
    const bytes = before.rankerBytes();
    const model = fold(empty(), 1, 200);
    expect(model.rankerHash()).not.toBe(then);
    model.pinRanker(bytes);
    expect({ hash: model.rankerHash(), pinned: model.pinned }).toEqual({ hash: then, pinned: true });
    const statistics = model.statisticsHash();
    fold(model, 200, 300);
    expect(model.rankerHash()).toBe(then);
    expect(model.statisticsHash()).not.toBe(statistics);
    model.pinRanker(undefined);
    fold(model, 300, 400);
    expect(model.pinned).toBe(false);
    expect(model.rankerHash()).not.toBe(then);
  });

  it('is still pinned after its state was written and read', () => {
    const model = fold(empty(), 1, 120);
    model.pinRanker(fold(empty(), 1, 60).rankerBytes());
    const read = empty();
    read.importState(model.exportState());
    expect(read.pinned).toBe(true);
    expect(stateOf(fold(read, 120, 180))).toBe(stateOf(fold(model, 120, 180)));
  });

  it('of another form is refused, and nothing changes', () => {
    const model = fold(empty(), 1, 80);
    const before = stateOf(model);
    const wide = fold(createModel({ ...SERVING_ALL, ranker: { hidden: 3 } }), 1, 80);
    expect(() => model.pinRanker(wide.rankerBytes())).toThrow(InputUnreadableError);
    expect(stateOf(model)).toBe(before);
  });
});

describe('a state', () => {
  it('contains its ranker, and lists the ranker’s values', () => {
    const model = fold(empty(), 1, 120);
    expect(rankerIn(model.exportState())?.toString('base64')).toBe(Buffer.from(model.rankerBytes()).toString('base64'));
    expect(rankerIn(createModel({ ...SERVING_ALL, ranker: { form: 'none' } }).exportState())).toBeUndefined();
    const rows = new Map([...contentsOf(model, 'ranker').rows].map(([part, at, value]) => [`${part} ${at}`, value]));
    const { steps } = model.stats().ranker;
    expect(steps).toBeGreaterThan(0);
    expect(rows.get('steps 0')).toBe(steps);
    expect(rows.get('budget_time 0')).toBe(119 * 60_000);
    expect(rows.get('budget_tokens 0')).toBeGreaterThan(0);
  });
});

describe('an observer of every event', () => {
  it('changes nothing in the state', () => {
    const seen: number[] = [];
    const model = empty();
    model.observe(({ seq }) => seen.push(seq), 1);
    fold(model, 1, 250);
    expect(seen.length).toBeGreaterThan(50);
    expect(new Set(seen).size).toBe(seen.length);
    expect(stateOf(model)).toBe(stateOf(fold(empty(), 1, 250)));
  });
});
