/** Both parts of the shared memory in one thread, so that each order of their steps can be tried. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { RawExample } from '../../model/mod.ts';
import { LearningThreadError, SharedMaker, SharedSource, shareBuffers } from './shared.ts';

const example = (of: number): RawExample => ({
  values: Float64Array.of(of, of + 0.5),
  rows: 2,
  row: 1,
  historyLength: of,
  effort: 3,
});

describe('the memory of two threads', () => {
  let source: SharedSource;
  let maker: SharedMaker;
  const begin = (first: number): void => maker.begin(source.begin(first), first);

  beforeEach(() => {
    const buffers = shareBuffers(4);
    source = new SharedSource(buffers);
    maker = new SharedMaker(buffers);
    begin(100);
  });

  it('lets the one that comes first make an example', () => {
    expect(source.isMade(101, 0)).toBe(false);
    expect(maker.claim(101, 0)).toBe(false);
    expect(maker.claim(102, 0)).toBe(true);
    expect(source.isMade(102, 0)).toBe(true);
    expect(source.isReady(102)).toBe(false);
    maker.put(example(7));
    expect(source.isReady(102)).toBe(true);
    expect(source.take(102, 10)).toEqual(example(7));
  });

  it('says that the item of an event is not among the candidates', () => {
    maker.claim(101, 0);
    maker.put(undefined);
    source.isMade(101, 0);
    expect(source.take(101, 10)).toBeUndefined();
  });

  it('leaves an example with other inputs to the fold, and its place to the next one', () => {
    for (let seq = 101; seq < 150; seq++) {
      expect(maker.claim(seq, 1)).toBe(true);
      maker.put(example(seq));
      expect(source.isMade(seq, 2)).toBe(false);
    }
  });

  it('has room for some examples, and again once they are taken', () => {
    let seq = 100;
    while (maker.claim(++seq, 0)) maker.put(example(seq));
    const room = seq - 101;
    expect(room).toBeGreaterThan(4);
    for (let taken = 101; taken <= 103; taken++) {
      source.isMade(taken, 0);
      expect(source.take(taken, 10)).toEqual(example(taken));
    }
    // The last one may still be in use.
    expect([maker.claim(200, 0), maker.claim(201, 0), maker.claim(202, 0)]).toEqual([true, true, false]);
  });

  it('makes nothing for a batch that the fold has left, and forgets what it made', () => {
    for (let seq = 101; maker.claim(seq, 0); seq++) maker.put(example(seq));
    const batch = source.begin(500);
    expect(maker.claim(130, 0)).toBe(false);
    maker.begin(batch, 500);
    expect(source.isMade(501, 0)).toBe(false);
    expect(maker.claim(502, 0)).toBe(true);
  });

  it('leaves positions far behind the first one of a batch to the fold', () => {
    expect(maker.claim(10_000_000, 0)).toBe(false);
    expect(source.isMade(10_000_000, 0)).toBe(false);
  });

  it('fails if the example does not come', () => {
    maker.claim(101, 0);
    source.isMade(101, 0);
    expect(() => source.take(101, 10)).toThrow(LearningThreadError);
  });

  it('tells the other thread how far the ranker is', () => {
    source.setPace(12, 5);
    expect([maker.effort(), maker.steps()]).toEqual([12, 5]);
  });
});
