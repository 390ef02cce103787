/** Parts that schemas of answers share. Answers may grow: what a service adds comes through. */
import { type TSchema, Type } from 'typebox';

export const open = { additionalProperties: true } as const;

/** Events that an answer of the engine lacks. */
export const Behind = Type.Optional(
  Type.Integer({
    minimum: 0,
    examples: [0],
    description:
      'events of the log that the engine had not folded when it answered, of any user, by the newest position of the log that it knew; 0: none. It says how far the engine is, not how old the list is: a cached list keeps the seq at which the engine computed it. Left out of lists that come from the bucket of rankings, as those of a stream, and in the first moments after a start of the engine',
  }),
);

/** A position in the log. */
export const Seq = (description: string) =>
  Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description, examples: [4711] });

export const Time = (description: string) =>
  Type.String({ format: 'date-time', description, examples: ['2026-11-23T10:00:00.000Z'] });

export const OrNull = <T extends TSchema>(schema: T, description: string) =>
  Type.Union([schema, Type.Null()], { description });

/** A trait of a user, or an attribute of an item. */
export const Attribute = Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Array(Type.String())]);

/** Fields of an item as its catalogue event gave them, each of them optional. */
export const ItemMembers = {
  title: Type.Optional(Type.String({ examples: ['Treasure Island'] })),
  tags: Type.Optional(Type.Array(Type.String())),
  attributes: Type.Optional(Type.Record(Type.String(), Attribute)),
  published: Type.Optional(Time('when the item came out')),
};

/** The fields of an item in a list. */
export const ListedFields = Type.Optional(
  Type.Object(
    { ...ItemMembers, listed: Type.Optional(Time('when the item came into the catalogue')) },
    {
      ...open,
      description:
        'if the request has fields: those that the item has, as of seq; an item that is not in the catalogue has none',
    },
  ),
);

export const Warnings = Type.Optional(
  Type.Array(
    Type.Object(
      {
        code: Type.String({ description: 'stable code, for programs', examples: ['FRESHET_ATTRIBUTE_UNKNOWN'] }),
        member: Type.String({ description: 'member of the request', examples: ['fields'] }),
        message: Type.String({ description: 'what is odd, for people' }),
      },
      open,
    ),
    {
      description: 'parts of the request that probably do not mean what the caller thinks; left out if there are none',
    },
  ),
);

/** Figures of lists at 10. */
export const Quality = (description: string) =>
  Type.Object({ hr: Type.Number(), ndcg: Type.Number(), mrr: Type.Number() }, { ...open, description });
