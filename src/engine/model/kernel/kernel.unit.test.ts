import { describe, expect, it } from 'vitest';
import { exp, ln } from '../primitives/math.ts';
import { SparseRows } from '../state/sparse-rows.ts';
import { IdPrefixes } from './id-prefixes.ts';
import { Kernel } from './kernel.ts';

describe('the kernel’s memory', () => {
  it('grows under columns, which keep their numbers', () => {
    const kernel = new Kernel();
    const column = kernel.f64(3);
    column.view.set([1, 2, 3]);
    const before = kernel.buffer;
    kernel.i32(1_000_000);
    expect(kernel.buffer).not.toBe(before);
    expect([...column.view]).toEqual([1, 2, 3]);
    column.reserve(5);
    expect([...column.view]).toEqual([1, 2, 3, 0, 0]);
  });

  it('is given back by a column and by a row that moves', () => {
    const kernel = new Kernel();
    const used = kernel.used;
    const column = kernel.f64(10_000);
    expect(kernel.used).toBeGreaterThanOrEqual(used + 80_000);
    column.release();
    expect(kernel.used).toBe(used);
    const rows = new SparseRows(kernel);
    for (let id = 0; id < 5_000; id++) rows.add(0, id, 1, 1, 1);
    // A row that grows step by step needs no more than its last table and what belongs to it.
    expect(kernel.used - used).toBeLessThan(5_000 * 8 * 2.5);
  });

  it('refuses a region that it has no room for, with what it needs and what to do', () => {
    const kernel = new Kernel();
    kernel.calls.limitBytes(2 ** 20);
    expect(() => kernel.f64(2 ** 18)).toThrow(
      expect.objectContaining({
        code: 'FRESHET_MODEL_FULL',
        message: expect.stringMatching(/^The model has \d+ MiB in memory and needs 2 MiB more/),
        next: expect.stringContaining('freshet'),
      }),
    );
  });
});

describe('the kernel’s order of ids', () => {
  it('is that of their code units, also where prefixes are equal or hold large ones', () => {
    const ids = ['b', 'a', 'ab', 'ÿa', 'ÿ', 'Āa', 'ab\u{1f600}', 'a'.repeat(17), `${'a'.repeat(16)}b`, 'a'.repeat(16)];
    const kernel = new Kernel();
    const prefixes = new IdPrefixes(kernel, ids);
    for (const [number, id] of ids.entries()) prefixes.set(number, id);
    const { calls } = kernel;
    const damping = calls.newDamping(0.5);
    const rows = new SparseRows(kernel);
    const search = calls.newSearch(rows.address, prefixes.address, prefixes.address, damping, damping);
    calls.beginSearch(search, ids.length, 0, true, false);
    const numbers = kernel.i32(ids.length);
    numbers.view.set([...ids.keys()]);
    const scores = kernel.f64(ids.length);
    scores.view.fill(1);
    const sorted = [...ids].sort((a, b) => (a < b ? -1 : 1));
    for (let size = 1; size <= ids.length; size++) {
      calls.chooseScored(search, numbers.address, scores.address, ids.length, size);
      const best = [...kernel.int32At(calls.topItems(search, false), size)].map((number) => ids[number]);
      expect(best.sort((a, b) => (a! < b! ? -1 : 1))).toEqual(sorted.slice(0, size));
    }
  });
});

describe('a feature that the kernel computes', () => {
  it('has the bits of the logarithm of primitives/math.ts', () => {
    const kernel = new Kernel();
    const rows = 500;
    const [table, usual, means, scales] = [kernel.f64(rows * 3), kernel.f64(3), kernel.f64(3), kernel.f64(3)];
    const forms = kernel.i32(3);
    forms.view.set([0, 1, 2]);
    usual.view.set([0, 0, 0.37]);
    const values = Float64Array.from({ length: rows * 3 }, (_, i) =>
      i % 7 === 0 ? 0 : exp(((i * 37) % 600) / 20 - 15),
    );
    table.view.set(values);
    kernel.calls.makeFeatures(table.address, rows, 3, forms.address, usual.address, means.address, scales.address);
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      const scaled = i % 3 === 2 ? value * (1 / 0.37) : value;
      expect(table.view[i]).toBe(i % 3 === 0 || value === 0 ? value : ln(1 + scaled));
    }
  });
});
