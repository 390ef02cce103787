import { describe, expect, it } from 'vitest';
import type { ItemId } from '../../bus/event/ids.ts';
import type { ListReason } from '../rerank/rerank.ts';
import { explaining, TERMS_NAMED } from './explanation.ts';

const explain = explaining({ item: (id) => ({ fields: { title: `Title of ${id}` }, listed: 0 }) });
const by = (signal: string, contribution: number, item?: string): ListReason => ({
  signal,
  contribution,
  ...(item === undefined ? {} : { item: item as ItemId, seq: 7 }),
});
const total = (terms: readonly { contribution: number }[]): number =>
  terms.reduce((all, { contribution }) => all + contribution, 0);

describe('an explanation', () => {
  it('puts each term into words', () => {
    expect(explain([by('popular', 1.5), by('directed', 1, 'i1')])).toEqual([
      { signal: 'popular', contribution: 1.5, says: 'its popularity, recent interactions first' },
      {
        signal: 'directed',
        contribution: 1,
        item: 'i1',
        seq: 7,
        says: 'users took it soon before or after i1 (Title of i1), taken at sequence 7',
      },
    ]);
  });

  it('has one term for what the events of one item give', () => {
    const [term, ...others] = explain([by('together', 1, 'i1'), by('directed', 2, 'i1'), by('content', -0.5, 'i1')]);
    expect(others).toEqual([]);
    expect(term).toMatchObject({ signal: 'directed', contribution: 2.5, item: 'i1' });
    expect(term?.signals).toEqual(['directed', 'together', 'content']);
  });

  it('names the largest terms, those against the item too, and adds up with the rest', () => {
    const reasons = Array.from({ length: 30 }, (_, n) => by('directed', (n + 1) / 8, `i${n}`));
    const terms = explain([...reasons, by('disliked', -9), by('boost', 0.001)]);
    expect(terms).toHaveLength(TERMS_NAMED + 1);
    expect(terms.at(-1)).toMatchObject({ signal: 'rest', terms: 32 - TERMS_NAMED });
    expect(terms.map(({ signal }) => signal)).toContain('boost');
    expect(terms.find(({ signal }) => signal === 'disliked')?.says).toBe('users rated it low or dismissed it');
    expect(total(terms)).toBeCloseTo(total(reasons) - 9 + 0.001, 9);
  });

  it('has no rest if it names all', () => {
    expect(explain([by('new', 1)]).map(({ signal }) => signal)).toEqual(['new']);
  });
});
