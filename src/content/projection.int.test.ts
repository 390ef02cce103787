import { describe, expect, it } from 'vitest';
import { patched, published, restored, viewed, withdrawn } from '../../test/support/events.ts';
import { fold, specify } from '../../test/support/projection.ts';
import { contentHash, type VersionsAnswer } from '../bus/event/item-version.ts';
import { completeConfig } from '../config/load.ts';
import { NotFoundError } from '../errors.ts';
import { contentEndpoints, type ItemListAnswer } from './api.ts';
import type { FacetsAnswer } from './facets.ts';
import { contentProjection } from './projection.ts';

const given = specify(contentProjection);
const json = (value: object): string => JSON.stringify(value);

describe('the catalogue', () => {
  it('contains an item with its tags once it is published', () => {
    given()
      .when(published('i1', { title: 'The Sea', tags: ['sea', 'novel', 'sea'] }))
      .then({
        item: [
          {
            item: 'i1',
            fields: json({ title: 'The Sea', tags: ['sea', 'novel', 'sea'] }),
            published_seq: 1,
            changed_seq: 1,
            source: 'test',
          },
        ],
        tag: [{ tag: 'novel' }, { tag: 'sea' }],
      });
  });

  it('applies the members of a patch, removes those that are null, and keeps the rest', () => {
    given(published('i1', { title: 'A', description: 'long', tags: ['sea'], attributes: { year: 1911, author: 'X' } }))
      .when(patched('i1', { title: 'B', description: null, tags: ['land'], attributes: { year: null, free: true } }))
      .then({
        item: [
          {
            fields: json({ title: 'B', tags: ['land'], attributes: { author: 'X', free: true } }),
            published_seq: 1,
            changed_seq: 2,
          },
        ],
        tag: [{ tag: 'land', item: 'i1' }],
      });
  });

  it('ignores a patch of an item that is not published yet', () => {
    given()
      .when(patched('i1', { title: 'B' }))
      .then({ item: [], tag: [] });
  });

  it('replaces all fields when an item is published again', () => {
    given(published('i1', { title: 'A', tags: ['sea'] }))
      .when(published('i1', { title: 'B' }))
      .then({ item: [{ fields: json({ title: 'B' }), published_seq: 1, changed_seq: 2 }], tag: [] });
  });

  it('marks an item as withdrawn, also before it is published, until it is restored', () => {
    given(withdrawn('i1'), published('i1'), withdrawn('i1'), withdrawn('i2'))
      .when(restored('i2'))
      .then({ withdrawal: [{ item: 'i1', seq: 1 }], item: [{ item: 'i1' }] });
  });

  it('knows the source of the last publication of an item, which a patch does not change', () => {
    given(published('i1', {}, { source: 'shop' }), patched('i1', { title: 'B' }, { source: 'editor' }))
      .when(published('i2', {}, { source: 'editor' }))
      .then({
        item: [
          { item: 'i1', source: 'shop', changed_seq: 2 },
          { item: 'i2', source: 'editor' },
        ],
      });
    given(published('i1', {}, { source: 'shop' }))
      .when(published('i1', {}, { source: 'editor' }))
      .then({ item: [{ source: 'editor', published_seq: 1, changed_seq: 2 }] });
  });

  it('moves the last change of an item when its availability changes, and knows the source of the last withdrawal', () => {
    given(published('i1'))
      .when(withdrawn('i1', { source: 'shop' }))
      .then({ item: [{ changed_seq: 2 }], withdrawal: [{ item: 'i1', seq: 2, source: 'shop' }] });
    given(published('i1'), withdrawn('i1', { source: 'shop' }))
      .when(withdrawn('i1', { source: 'editor' }))
      .then({ item: [{ changed_seq: 3 }], withdrawal: [{ item: 'i1', seq: 2, source: 'editor' }] });
    given(published('i1'), withdrawn('i1'))
      .when(restored('i1'))
      .then({ item: [{ changed_seq: 3, source: 'test' }], withdrawal: [] });
  });

  it('does not depend on events of users', () => {
    given().when(viewed('u1', 'i1')).then({ item: [], tag: [], withdrawal: [] });
  });
});

describe('answers', () => {
  const answers = (settings: object = { content: { list_default: 2 } }) =>
    contentEndpoints(
      fold(contentProjection(), [
        ...['a', 'b', 'c', 'd', 'é'].map((item, i) =>
          published(item, { tags: i % 2 === 0 ? ['even', 'all'] : ['all'] }),
        ),
        withdrawn('b'),
      ]).db,
      completeConfig(settings),
    );

  it('return an item and its availability', () => {
    expect(answers().get?.handle({ item: 'a' })).toEqual({
      item: 'a',
      available: true,
      title: 'Title of a',
      tags: ['even', 'all'],
    });
    expect(answers().get?.handle({ item: 'b' })).toMatchObject({ available: false });
    expect(() => answers().get?.handle({ item: 'z' })).toThrow(NotFoundError);
  });

  it.each([
    ['get', 'items'],
    ['list', 'ids'],
  ])('return several items in the order of the request, each once, and name the unknown ones (%s)', (endpoint, ids) => {
    expect(answers()[endpoint]?.handle({ [ids]: ['c', 'z', 'a', 'c', 'y'] })).toMatchObject({
      items: [{ item: 'c' }, { item: 'a' }],
      unknown: ['z', 'y'],
      next: null,
    });
  });

  it('end a page of items by their ids where it is full, and go on after it', () => {
    const { list } = answers({ content: { page_bytes: 60 } });
    const ids = ['é', 'y', 'a', 'z', 'b'];
    const pages: ItemListAnswer[] = [];
    let cursor: string | null | undefined;
    do {
      const page = list?.handle({ ids, ...(cursor ? { cursor } : {}) }) as ItemListAnswer;
      pages.push(page);
      cursor = page.next;
    } while (cursor !== null);
    expect(pages.length).toBeGreaterThan(1);
    expect(pages.flatMap(({ items }) => items.map(({ item }) => item))).toEqual(['é', 'a', 'b']);
    expect(pages.flatMap(({ unknown }) => unknown)).toEqual(['y', 'z']);
  });

  it.each([
    ['tag', { ids: ['a'], tag: 'all' }],
    ['n', { ids: ['a'], n: 3 }],
    ['cursor', { ids: ['a'], cursor: 'b' }],
    ['ids', { ids: ['a', 'b', 'c', 'd'] }],
    ['ids[1]', { ids: ['a', ''] }],
  ])('are refused for the %s of %j', (member, request) => {
    const { list } = answers({ content: { ids_max: 3 } });
    expect(() => list?.handle(request)).toThrow(expect.objectContaining({ details: { member } }));
  });

  it.each([
    [undefined, ['a', 'b', 'c', 'd', 'é']],
    ['even', ['a', 'c', 'é']],
    ['none', []],
  ])('page through the items with tag %s, each once', (tag, wanted) => {
    const { list } = answers();
    const items: string[] = [];
    let cursor: string | null | undefined;
    do {
      const page = list?.handle({ ...(tag ? { tag } : {}), ...(cursor ? { cursor } : {}) }) as ItemListAnswer;
      expect(page.items.length).toBeLessThanOrEqual(2);
      items.push(...page.items.map(({ item }) => item));
      cursor = page.next;
    } while (cursor !== null);
    expect(items).toEqual(wanted);
  });

  it.each([
    ['so many items', { n: 2 }, 524_288],
    ['so many bytes', {}, 60],
  ])('give the version of each item, in pages of %s', (_of, request, page_bytes) => {
    const { versions } = answers({ content: { list_default: 5, page_bytes } });
    const found: VersionsAnswer['versions'] = [];
    let pages = 0;
    for (let next: string | null | undefined; next !== null; pages++) {
      const page = versions?.handle({ ...request, ...(next === undefined ? {} : { cursor: next }) }) as VersionsAnswer;
      found.push(...page.versions);
      next = page.next;
    }
    expect(pages).toBeGreaterThan(1);
    const fields = (item: string, tags: string[]) => contentHash({ tags, title: `Title of ${item}` });
    expect(found).toEqual([
      { item: 'a', seq: 1, hash: fields('a', ['even', 'all']), source: 'test' },
      { item: 'b', seq: 6, hash: fields('b', ['all']), source: 'test', withdrawn_by: 'test' },
      { item: 'c', seq: 3, hash: fields('c', ['even', 'all']), source: 'test' },
      { item: 'd', seq: 4, hash: fields('d', ['all']), source: 'test' },
      { item: 'é', seq: 5, hash: fields('é', ['even', 'all']), source: 'test' },
    ]);
  });
});

describe('what the catalogue holds', () => {
  const facetsOf = (config: Parameters<typeof completeConfig>[0], ...history: Parameters<typeof fold>[1]) => {
    const { facets } = contentEndpoints(fold(contentProjection(), history).db, completeConfig(config));
    return async (n?: number) => (await facets?.handle(n === undefined ? {} : { n })) as FacetsAnswer;
  };

  it('is counted over all items, the most frequent first, and names those with nothing but a title', async () => {
    const many = Array.from({ length: 1_200 }, (_, i) =>
      published(`m${i}`, { title: 'M', tags: ['many', `t${i % 3}`] }),
    );
    const facets = facetsOf(
      {},
      ...many,
      published('bare-2', { title: 'Two', tags: [] }),
      published('bare-1', { title: 'One' }),
      published('gone', { title: 'Gone' }),
      withdrawn('gone'),
      withdrawn('never-published'),
      published('told', { title: 'Told', description: 'A tale.' }),
      published('dated', { title: 'Dated', attributes: { year: 1911 } }),
    );
    expect(await facets(2)).toEqual({
      items: 1_205,
      withdrawn: 1,
      tags: [
        { tag: 'many', items: 1_200 },
        { tag: 't0', items: 400 },
      ],
      attributes: [{ attribute: 'year', items: 1 }],
      title_only: {
        count: 2,
        items: [
          { item: 'bare-1', title: 'One' },
          { item: 'bare-2', title: 'Two' },
        ],
      },
    });
    expect((await facets(1)).title_only).toEqual({ count: 2, items: [{ item: 'bare-1', title: 'One' }] });
  });

  it('is empty without items', async () => {
    expect(await facetsOf({})()).toEqual({
      items: 0,
      withdrawn: 0,
      tags: [],
      attributes: [],
      title_only: { count: 0, items: [] },
    });
  });
});
