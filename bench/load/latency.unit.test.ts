import { describe, expect, it } from 'vitest';
import { latencyOf } from './latency.ts';

describe('quantiles of latency', () => {
  it('are measured values, by nearest rank, in any order', () => {
    const values = Array.from({ length: 1_000 }, (_, i) => ((i * 617) % 1_000) + 1);
    expect(latencyOf(values)).toEqual({ p50: 500, p99: 990, p999: 999, max: 1_000 });
    expect(latencyOf([7])).toEqual({ p50: 7, p99: 7, p999: 7, max: 7 });
  });

  it('of no values are NaN', () => {
    expect(latencyOf([])).toEqual({ p50: Number.NaN, p99: Number.NaN, p999: Number.NaN, max: Number.NaN });
  });
});
