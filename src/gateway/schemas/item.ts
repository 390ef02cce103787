/** Items of the catalogue. */
import { Type } from 'typebox';
import { ItemMembers, OrNull, open } from './members.ts';

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
