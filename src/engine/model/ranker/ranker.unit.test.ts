import { describe, expect, it } from 'vitest';
import { type Column, Kernel } from '../kernel/kernel.ts';
import { exp, ln } from '../primitives/math.ts';
import { RANKER_DEFAULTS, type RankerForm } from './config.ts';
import { Ranker, type TrainingExample } from './ranker.ts';
import { eventHash, isTrainedOn } from './schedule.ts';
import { negativeGradient, positiveGradient } from './softmax.ts';

const COLUMNS = 4;
const SCALES = Float64Array.of(1, 0.3, 1, 1);
const BASE = Float64Array.of(0.5, -0.2, 0, 1);
const ranker = (form: RankerForm = 'hidden', seed = 1): Ranker =>
  new Ranker({ ...RANKER_DEFAULTS, form, seed }, SCALES);

const kernel = new Kernel();

function column(numbers: Float64Array): Column<Float64Array> {
  const filled = kernel.f64(numbers.length);
  filled.view.set(numbers);
  return filled;
}

/** The probability of a row, by the formula. */
function probability(scores: Float64Array, rows: number, row: number): number {
  const of = Array.from(scores.subarray(0, rows), (score) => Math.exp(score));
  return of[row]! / of.reduce((sum, part) => sum + part, 0);
}

/** Features of a list, from a generator of whole numbers. */
function list(rows: number, seed: number): Float64Array {
  let state = seed * 2 + 1;
  return Float64Array.from({ length: rows * COLUMNS }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return (state % 1_000) / 400;
  });
}

/** The features of a list; the user took one of its rows. */
const taken = (features: Float64Array, rows: number, row: number): TrainingExample => ({
  features,
  means: Float64Array.of(1, 2, 0, 4),
  rows,
  row,
});

/** The taken row has the largest product of the first two columns, which no linear score can express. */
function target(features: Float64Array, rows: number): number {
  let best = 0;
  for (let row = 1; row < rows; row++) {
    const product = (of: number): number => features[of * COLUMNS]! * features[of * COLUMNS + 1]!;
    if (product(row) > product(best)) best = row;
  }
  return best;
}

function taught(form: RankerForm, lists: number): Ranker {
  const one = ranker(form);
  for (let i = 0; i < lists; i++) {
    const features = list(20, i);
    one.prepare(BASE, 1 + (i % 50), 0.5);
    one.learn(taken(features, 20, target(features, 20)), 1 + (i % 30));
  }
  return one;
}

function meanLoss(of: Ranker, from: number): number {
  let loss = 0;
  for (let i = from; i < from + 200; i++) {
    const features = list(20, i);
    of.prepare(BASE, 1 + (i % 50), 0.5);
    loss -= ln(Math.max(probability(of.score(features, 20), 20, target(features, 20)), 1e-12)) / 200;
  }
  return loss;
}

describe('the ranker', () => {
  it.each(['linear', 'hidden'] as const)('starts as the weights it corrects (%s)', (form) => {
    const one = ranker(form);
    const features = list(10, 3);
    one.prepare(BASE, 7, 0.5);
    const scores = one.score(features, 10);
    for (let row = 0; row < 10; row++) {
      let plain = 0;
      for (let k = 0; k < COLUMNS; k++) plain += BASE[k]! * features[row * COLUMNS + k]!;
      expect(scores[row]).toBe(plain);
    }
  });

  it('learns what users take, and with a hidden layer what no linear sum can express', () => {
    const before = meanLoss(ranker(), 10_000);
    const linear = meanLoss(taught('linear', 3_000), 10_000);
    const hidden = meanLoss(taught('hidden', 3_000), 10_000);
    expect(linear).toBeLessThan(before - 0.1);
    expect(hidden).toBeLessThan(linear - 0.05);
  });

  it.each(['linear', 'hidden'] as const)('has a score that is a sum over columns (%s)', (form) => {
    const one = taught(form, 500);
    const features = list(15, 77);
    one.prepare(BASE, 30, 0.5);
    const scores = one.score(features, 15);
    for (let row = 0; row < 15; row++) {
      const weights = one.weightsOf(features, row);
      let sum = 0;
      for (let k = 0; k < COLUMNS; k++) sum += weights[k]! * features[row * COLUMNS + k]!;
      expect(sum).toBeCloseTo(scores[row]!, 10);
    }
  });

  it('has a smaller loss on an example that it just learned', () => {
    const features = list(6, 5);
    const loss = (of: Ranker): number => {
      of.prepare(BASE, 12, 0.5);
      return -ln(probability(of.score(features, 6), 6, 2));
    };
    const one = ranker();
    const before = loss(one);
    one.prepare(BASE, 12, 0.5);
    one.learn(taken(features, 6, 2), 12);
    expect(loss(one)).toBeLessThan(before);
  });

  it('learns alike after its bytes were written and read', () => {
    const one = taught('hidden', 300);
    const two = ranker('hidden', 1);
    two.decode(one.encode());
    expect(two.hash()).toBe(one.hash());
    for (const each of [one, two]) {
      const features = list(20, 4_000);
      each.prepare(BASE, 9, 0.5);
      each.learn(taken(features, 20, 3), 9);
      each.prepare(BASE, 9, 0.5);
      each.learnImpression(features, 20, 5, 'negative');
    }
    expect(two.hash()).toBe(one.hash());
    expect(two.hash()).not.toBe(taught('hidden', 300).hash());
    expect(() => ranker('linear').decode(one.encode())).toThrow(RangeError);
  });

  it('explains clicks on the first item partly by its position', () => {
    const weightAfter = (learn: (one: Ranker, features: Float64Array) => void): number => {
      const one = ranker('linear');
      for (let i = 0; i < 1_000; i++) {
        const features = list(10, i);
        // Shown in the order of the first column.
        for (let row = 0; row < 10; row++) features[row * COLUMNS] = (10 - row) / 10 + features[row * COLUMNS]! / 100;
        one.prepare(BASE, 5, 0.5);
        learn(one, features);
      }
      one.prepare(BASE, 5, 0.5);
      return one.weightsOf(list(1, 1), 0)[0]! - BASE[0]!;
    };
    const blind = weightAfter((one, features) => one.learn(taken(features, 10, 0), 5));
    const seeing = weightAfter((one, features) => one.learnImpression(features, 10, 0, 'positive'));
    expect(blind).toBeGreaterThan(0);
    expect(seeing).toBeLessThan(blind * 0.8);
  });
});

describe('gradients of a list', () => {
  const scores = Float64Array.of(0.3, -1, 2, 0.5, 1.1);
  const numeric = (loss: (scores: Float64Array) => number): number[] =>
    Array.from(scores, (_, row) => {
      const up = scores.slice();
      const down = scores.slice();
      up[row] = up[row]! + 1e-5;
      down[row] = down[row]! - 1e-5;
      return (loss(up) - loss(down)) / 2e-5;
    });
  it('are the derivatives of their losses', () => {
    const slopes = kernel.f64(5);
    positiveGradient(kernel, column(scores), 5, 3, slopes);
    for (const [row, slope] of numeric((of) => -ln(probability(of, 5, 3))).entries())
      expect(slopes.view[row]).toBeCloseTo(slope, 6);
    negativeGradient(kernel, column(scores), 5, 2, slopes);
    for (const [row, slope] of numeric((of) => -ln(1 - probability(of, 5, 2))).entries())
      expect(slopes.view[row]).toBeCloseTo(slope, 6);
  });

  it('are finite for scores that are far apart', () => {
    const into = kernel.f64(3);
    for (const gradient of [positiveGradient, negativeGradient]) {
      for (const row of [2, 0]) {
        gradient(kernel, column(Float64Array.of(-1e6, 0, 1e6)), 3, row, into);
        expect(into.view.every(Number.isFinite)).toBe(true);
      }
    }
  });
});

describe('the schedule of training', () => {
  it('takes every event at first, and fewer the more the ranker has learned, by ids and position alone', () => {
    const share = (learned: number): number => {
      let count = 0;
      for (let seq = 1; seq <= 4_000; seq++)
        if (isTrainedOn(`u${seq % 97}`, `i${seq % 31}`, seq, learned, 1_000)) count++;
      return count / 4_000;
    };
    expect(share(999)).toBe(1);
    expect(share(2_000)).toBeGreaterThan(0.1);
    expect(share(2_000)).toBeLessThan(0.15);
    expect(share(10_000)).toBeLessThan(0.004);
    expect(eventHash('u1', 'i1', 5)).toBe(eventHash('u1', 'i1', 5));
    expect(eventHash('u1', 'i1', 5)).not.toBe(eventHash('u1', 'i1', 6));
    expect(eventHash('u1', '1i', 5)).not.toBe(eventHash('u11', 'i', 5));
  });
});

describe('logarithm and exponential', () => {
  it('match those of the platform', () => {
    expect(ln(1)).toBe(0);
    for (let i = -300; i <= 300; i++) {
      const x = Math.exp(i / 7.3);
      expect(Math.abs(ln(x) - Math.log(x))).toBeLessThan(1e-13);
      expect(exp(i / 7.3) / x).toBeCloseTo(1, 12);
    }
  });
});
