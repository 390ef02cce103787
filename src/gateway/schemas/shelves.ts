/** Titled rows of items. */
import { Type } from 'typebox';
import { Behind, ListedFields, open, Seq, Warnings } from './members.ts';

export const Shelves = Type.Object(
  {
    user: Type.String({ examples: ['u42'] }),
    shelves: Type.Array(
      Type.Object(
        {
          kind: Type.String({ description: 'for-you, because, new or trending', examples: ['because'] }),
          of: Type.Optional(Type.String({ description: 'with because: the item that the row goes with' })),
          title: Type.String({ examples: ['Because of Treasure Island'] }),
          list: Type.String({ description: 'id of this row; feedback and interactions name it' }),
          items: Type.Array(Type.Object({ item: Type.String(), score: Type.Number(), fields: ListedFields }, open)),
          source: Type.String({ description: 'what most of the row comes from' }),
        },
        open,
      ),
    ),
    snapshot: Type.String(),
    seq: Seq('log position of the state that the rows were computed from'),
    behind: Behind,
    config: Type.String(),
    warnings: Warnings,
  },
  { $id: 'Shelves', ...open, description: 'Titled rows; no item is in two of them' },
);
