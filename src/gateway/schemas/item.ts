/** Items of the catalogue. */
import { Type } from 'typebox';
import { ItemMembers, OrNull, open, Seq, Warnings } from './members.ts';

export const Item = Type.Object(
  {
    item: Type.String({ examples: ['i7'] }),
    available: Type.Boolean({ description: 'false while the item is withdrawn' }),
    ...ItemMembers,
    title: Type.String({ examples: ['Treasure Island'] }),
    description: Type.Optional(Type.String()),
    embedding: Type.Optional(Type.Array(Type.Number())),
  },
  { $id: 'Item', ...open, description: 'An item of the catalogue' },
);

export const Items = Type.Object(
  {
    items: Type.Array(Type.Ref('Item#'), { description: 'in order of id; with ids, in the order of the request' }),
    unknown: Type.Optional(
      Type.Array(Type.String(), { description: 'with ids: those of this page that no item of the catalogue has' }),
    ),
    next: OrNull(Type.String(), 'cursor of the page after this one; null after the last one'),
  },
  { $id: 'Items', ...open, description: 'A page of the catalogue' },
);

export const Catalogue = Type.Object(
  {
    items: Type.Integer({ description: 'items of the catalogue, also withdrawn ones' }),
    withdrawn: Type.Integer({ description: 'withdrawn ones among them' }),
    tags: Type.Array(Type.Object({ tag: Type.String(), items: Type.Integer() }, open), {
      description: 'most frequent first, with the number of items that have it',
    }),
    attributes: Type.Array(Type.Object({ attribute: Type.String(), items: Type.Integer() }, open), {
      description: 'names of attributes, most frequent first, with the number of items that have one',
    }),
    title_only: Type.Object(
      {
        count: Type.Integer(),
        items: Type.Array(Type.Object({ item: Type.String(), title: Type.String() }, open)),
      },
      {
        ...open,
        description:
          'items without tag, attribute, description and embedding that are not withdrawn, the first ones in order of id: nothing but the title says what they are like',
      },
    ),
  },
  { $id: 'Catalogue', ...open, description: 'What the catalogue holds' },
);

export const FoundItems = Type.Object(
  {
    items: Type.Array(
      Type.Object(
        {
          item: Type.String({ examples: ['i7'] }),
          score: Type.Number({
            description: 'bm25: the larger, the better the texts of the item fit; comparable within one answer',
            examples: [7.25],
          }),
          available: Type.Boolean({ description: 'false while the item is withdrawn' }),
          fields: Type.Object(ItemMembers, {
            ...open,
            description: 'the fields that the request names, or all of them: those that the item has',
          }),
        },
        open,
      ),
      { description: 'best first' },
    ),
    order: Type.Enum(['text', 'user'], {
      description:
        'user: the engine ranked the best items for the user of the request; text: the items are in the order of their texts, also if the engine did not answer',
      examples: ['text'],
    }),
    more: Type.Boolean({ description: 'whether more items match than the answer holds' }),
    complete: Type.Boolean({
      description:
        'false if more items match than a search ranks (content.search_ranked): the answer then holds the best of the newest of them',
    }),
    seq: Seq('log position of the state that the answer comes from'),
    warnings: Warnings,
  },
  { $id: 'FoundItems', ...open, description: 'What a search of the catalogue found' },
);
