import { describe, expect, it } from 'vitest';
import { patched, published, restored, viewed, withdrawn } from '../../test/support/events.ts';
import { fold, specify } from '../../test/support/projection.ts';
import { completeConfig } from '../config/load.ts';
import { NotFoundError } from '../errors.ts';
import { contentEndpoints, type ItemListAnswer } from './api.ts';
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
});
