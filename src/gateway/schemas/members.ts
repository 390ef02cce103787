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
