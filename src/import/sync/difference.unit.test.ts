import { describe, expect, it } from 'vitest';
import { contentHash } from '../../bus/event/item-version.ts';
import type { CloudEvent, ItemData } from '../../bus/event/types.ts';
import { type Change, differenceOf, missingFrom, withdrawalOf } from './difference.ts';
import { fieldDifferences } from './fields.ts';
import type { Held } from './held.ts';

type Published = Extract<CloudEvent, { type: 'content.published.v1' }>;

const row = (data: ItemData, item = 'i1'): Published => ({
  specversion: '1.0',
  id: 'of-the-row',
  source: 'shop',
  type: 'content.published.v1',
  subject: item,
  time: '2026-01-01T00:00:00.000Z',
  data,
});
const ten: ItemData = { title: 'A', attributes: { price: 10 } };
const eight: ItemData = { title: 'A', attributes: { price: 8 } };
const held = (data: ItemData, more: Partial<Held> = {}): Held => ({
  seq: 5,
  hash: contentHash(data),
  source: 'shop',
  ...more,
});
const told = ({ change, events }: { change: Change; events: CloudEvent[] }): unknown[] => [
  change,
  ...events.map(({ type }) => type),
];

describe('the difference of an item', () => {
  it('is an event of its fields if it is new or has other fields, and none if it has the same ones', () => {
    expect(told(differenceOf(row(ten), undefined))).toEqual(['new', 'content.published.v1']);
    expect(told(differenceOf(row(ten), held(eight)))).toEqual(['changed', 'content.published.v1']);
    expect(told(differenceOf(row({ attributes: { price: 10 }, title: 'A' }), held(ten)))).toEqual(['unchanged']);
  });

  it('keeps the time of the row', () => {
    expect(differenceOf(row(ten), undefined).events).toMatchObject([{ time: '2026-01-01T00:00:00.000Z' }]);
  });

  it('restores what the same source has withdrawn, with its fields if they have changed', () => {
    const withdrawn = { withdrawnBy: 'shop' };
    expect(told(differenceOf(row(ten), held(ten, withdrawn)))).toEqual(['restored', 'content.restored.v1']);
    expect(told(differenceOf(row(eight), held(ten, withdrawn)))).toEqual([
      'restored',
      'content.published.v1',
      'content.restored.v1',
    ]);
  });

  it('leaves withdrawn what another source has withdrawn', () => {
    expect(told(differenceOf(row(ten), held(ten, { withdrawnBy: 'operator' })))).toEqual(['unchanged']);
    expect(told(differenceOf(row(eight), held(ten, { withdrawnBy: 'operator' })))).toEqual([
      'changed',
      'content.published.v1',
    ]);
  });

  it('leaves fields that the log cannot hold to publishing, which says why', () => {
    const data = JSON.parse('{"title":"A","attributes":{"__proto__":"x"}}') as ItemData;
    expect(differenceOf(row(data), undefined)).toMatchObject({ change: 'new', events: [{ id: 'of-the-row' }] });
  });
});

describe('the id of a change', () => {
  const idOf = (event: Published, item?: Held): string | undefined => differenceOf(event, item).events[0]?.id;

  it('follows from item, fields and the version replaced, and from nothing else', () => {
    // Written down: other ids would publish a change twice if its acknowledgement was lost before the release.
    expect(idOf(row(ten), undefined)).toBe('published-312f6723126ea77192146755');
    expect(idOf({ ...row(ten), time: '2027-01-01T00:00:00.000Z' }, held(eight))).toBe(idOf(row(ten), held(eight)));
    const others = [
      idOf(row(ten), undefined),
      idOf(row(ten), held(eight)),
      idOf(row(ten), held(eight, { seq: 6 })),
      idOf(row(eight), undefined),
      idOf(row(ten, 'i2'), undefined),
    ];
    expect(new Set(others).size).toBe(others.length);
  });

  it('is another one each time an item is withdrawn and restored', () => {
    const again = [5, 6, 7].map((seq) => withdrawalOf('i1', held(ten, { seq }), 'shop').id);
    const back = [6, 7].map((seq) => idOf(row(ten), held(ten, { seq, withdrawnBy: 'shop' })));
    expect(new Set([...again, ...back]).size).toBe(5);
    expect(again[0]).toMatch(/^withdrawn-[0-9a-f]{24}$/);
  });
});

it('only available items that the source published last are missing', () => {
  const catalogue = new Map([
    ['kept', held(ten)],
    ['gone', held(ten)],
    ['gone before', held(ten, { withdrawnBy: 'operator' })],
    ['of another', held(ten, { source: 'app' })],
  ]);
  expect(missingFrom((item) => item === 'kept', catalogue, 'shop')).toEqual({
    items: ['gone'],
    ofSource: 2,
    ofOthers: new Map([['app', 1]]),
  });
});

it('the fields that differ are named one by one, each attribute for itself', () => {
  const before: ItemData = { title: 'A', description: 'old', tags: ['x'], attributes: { price: 10, size: 'L' } };
  const after: ItemData = { title: 'A', tags: ['x', 'y'], attributes: { size: 'L', price: 8, new: true } };
  expect(fieldDifferences(before, after)).toEqual([
    { field: 'attributes.new', to: true },
    { field: 'attributes.price', from: 10, to: 8 },
    { field: 'description', from: 'old' },
    { field: 'tags', from: ['x'], to: ['x', 'y'] },
  ]);
  expect(fieldDifferences(before, structuredClone(before))).toEqual([]);
});
