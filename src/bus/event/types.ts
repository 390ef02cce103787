/**
 * The events of the log: one source for the TypeScript types, the JSON Schema files, the AsyncAPI document and the
 * validators. A published schema never changes so that it refuses events that it accepted. A new shape is a new version.
 */
import { type Static, type TSchema, Type } from 'typebox';

const Id = (description: string) => Type.String({ minLength: 1, maxLength: 128, description });
const Item = Id('id of an item');

/** How much one event may hold. */
export const EVENT_LIMITS = {
  /** Characters of a title. */
  titleLength: 1_000,
  /** Characters of a description. */
  descriptionLength: 50_000,
  /** Tags of an item. */
  tags: 200,
  /** Characters of a tag. */
  tagLength: 200,
  /** Numbers of an embedding. */
  embedding: 4_096,
  /** Items of a list that was served. */
  servedItems: 1_000,
  /** Sequences in one record of removed messages. */
  removedSequences: 1_000,
  /** Characters of a text in traits, attributes and contexts. */
  textLength: 10_000,
  /** Texts in one list of a trait or attribute. */
  textList: 1_000,
  /** Restores of a log, one after the other, that the record of the newest one names. */
  restores: 1_000,
} as const;

const Text = Type.String({ maxLength: EVENT_LIMITS.textLength });
const Attribute = Type.Union([
  Text,
  Type.Number(),
  Type.Boolean(),
  Type.Array(Text, { maxItems: EVENT_LIMITS.textList }),
]);
const Attributes = (description: string) => Type.Record(Type.String(), Attribute, { description });
const Context = Type.Record(Type.String(), Type.Unknown(), { description: 'circumstances: device, place, page, ...' });
const Timestamp = (description: string) => Type.String({ format: 'date-time', description });

const Traits = Type.Object({
  traits: Type.Optional(Attributes('traits of the user; each is a string, a number, a boolean or a list of strings')),
});
const Interaction = Type.Object({
  item: Item,
  value: Type.Optional(Type.Number({ description: 'rating, seconds or amount, depending on the type' })),
  list: Type.Optional(Id('id of the list from which the user took the item')),
  context: Type.Optional(Context),
});
const title = Type.String({ minLength: 1, maxLength: EVENT_LIMITS.titleLength });
const itemFields = {
  description: Type.String({ maxLength: EVENT_LIMITS.descriptionLength }),
  tags: Type.Array(Type.String({ minLength: 1, maxLength: EVENT_LIMITS.tagLength }), { maxItems: EVENT_LIMITS.tags }),
  attributes: Attributes('properties to filter by and to learn from'),
  published: Timestamp('when the item came out, RFC 3339'),
  embedding: Type.Array(Type.Number(), { maxItems: EVENT_LIMITS.embedding, description: 'vector of features' }),
};
const Published = Type.Object({
  title,
  description: Type.Optional(itemFields.description),
  tags: Type.Optional(itemFields.tags),
  attributes: Type.Optional(itemFields.attributes),
  published: Type.Optional(itemFields.published),
  embedding: Type.Optional(itemFields.embedding),
});
const orNull = <T extends TSchema>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]));
const Updated = Type.Object(
  {
    title: Type.Optional(title),
    description: orNull(itemFields.description),
    tags: orNull(itemFields.tags),
    attributes: orNull(
      Type.Record(Type.String(), Type.Union([Attribute, Type.Null()]), { description: 'null removes the attribute' }),
    ),
    published: orNull(itemFields.published),
    embedding: orNull(itemFields.embedding),
  },
  { description: 'JSON Merge Patch (RFC 7396) of what was published' },
);
const SNAPSHOT = Type.String({ description: 'name of the snapshot, or none' });
const SETTINGS = Type.String({
  description: 'settings of the engine, as JSON; empty: those of its configuration file',
});
const Reason = Type.Object({ reason: Type.Optional(Text) });
const Served = Type.Object({
  list: Id('id of the list'),
  items: Type.Array(
    Type.Object({
      item: Item,
      score: Type.Number(),
      // Any kind of value, because older events may hold these names already. Freshet ignores another kind.
      propensity: Type.Optional(
        Type.Unknown({
          description:
            'number: probability of this item at its place, above 0 and at most 1, from the answer of Freshet',
        }),
      ),
      explored: Type.Optional(
        Type.Unknown({
          description: 'boolean: whether the item filled a place of exploration, from the answer of Freshet',
        }),
      ),
    }),
    {
      maxItems: EVENT_LIMITS.servedItems,
      description: 'the items, in the order in which the user saw them',
    },
  ),
  snapshot: Type.String({ maxLength: 256, description: 'name of the snapshot, from the answer' }),
  config: Type.String({ maxLength: 256, description: 'hash of the settings, from the answer' }),
  arm: Type.String({ maxLength: 256, description: 'name of the arm, from the answer' }),
  context: Type.Optional(Context),
});
const Reaction = Type.Object({
  item: Item,
  list: Type.Optional(Id('id of the list that was shown')),
  position: Type.Optional(Type.Integer({ minimum: 0, description: 'place in the list, from 0' })),
});

/** Data of each type of event; the key is the CloudEvents `type`. */
export const EVENT_DATA = {
  'user.registered.v1': Traits,
  'user.updated.v1': Traits,
  'user.viewed.v1': Interaction,
  'user.played.v1': Interaction,
  'user.added.v1': Interaction,
  'user.purchased.v1': Interaction,
  'user.rated.v1': Interaction,
  'user.linked.v1': Type.Object({ session: Id('anonymous id whose events count for this user from now on') }),
  'user.retracted.v1': Type.Object({
    source: Id('source of the event to retract'),
    id: Id('id of the event to retract'),
  }),
  'content.published.v1': Published,
  'content.updated.v1': Updated,
  'content.withdrawn.v1': Reason,
  'content.restored.v1': Reason,
  'feedback.served.v1': Served,
  'feedback.clicked.v1': Reaction,
  'feedback.dismissed.v1': Reaction,
  'control.erased.v1': Type.Object({
    hmac: Type.String({
      pattern: '^[0-9a-f]{64}$',
      description: 'HMAC-SHA-256 of the user id, hex; its key lives outside the log',
    }),
    fence: Type.Integer({ minimum: 0, description: 'last sequence that the erasure reaches' }),
  }),
  'control.backup_restored.v1': Type.Object({
    backup: Id('id of the backup, from its manifest'),
    lineage: Type.Array(
      Type.Object({
        created: Timestamp('creation time of a stream whose messages this log continues, RFC 3339'),
        last: Type.Integer({ minimum: 0, description: 'last sequence up to which this log holds the messages of it' }),
      }),
      {
        minItems: 1,
        maxItems: EVENT_LIMITS.restores,
        description: 'the streams that this log was restored from, the newest first',
      },
    ),
    holes: Type.Array(
      Type.Object({
        first: Type.Integer({ minimum: 1, description: 'first sequence without a message' }),
        last: Type.Integer({ minimum: 1, description: 'last sequence without a message' }),
      }),
      {
        maxItems: EVENT_LIMITS.restores,
        description: 'sequences that restores left without a message, behind the end of a backup, in order',
      },
    ),
  }),
  'control.removed.v1': Type.Object({
    sequences: Type.Array(Type.Integer({ minimum: 1 }), {
      minItems: 1,
      maxItems: EVENT_LIMITS.removedSequences,
      description: 'sequences of the messages that named a forgotten id',
    }),
  }),
  'control.experiment_started.v1': Type.Object({
    experiment: Id('id of the experiment'),
    arms: Type.Array(
      Type.Object({
        arm: Id('name of the arm'),
        share: Type.Number({ minimum: 0, maximum: 1 }),
        config: Type.String({ description: 'members of a request that the arm changes, as JSON; empty: none' }),
      }),
      {
        minItems: 1,
      },
    ),
  }),
  'control.experiment_ended.v1': Type.Object({ experiment: Id('id of the experiment'), reason: Type.Optional(Text) }),
  'control.promoted.v1': Type.Object({ snapshot: SNAPSHOT, config: SETTINGS }),
  'control.rolled_back.v1': Type.Object({
    snapshot: SNAPSHOT,
    config: SETTINGS,
    reason: Type.Optional(Text),
  }),
} as const;

/** Data of an interaction type that the configuration declares, `user.x_<verb>.v1`. */
export const DECLARED_INTERACTION = Interaction;

type EventData = typeof EVENT_DATA;
export type EventType = keyof EventData;
export type InteractionType =
  | 'user.viewed.v1'
  | 'user.played.v1'
  | 'user.added.v1'
  | 'user.purchased.v1'
  | 'user.rated.v1'
  | `user.x_${string}.v1`;
export type InteractionData = Static<typeof Interaction>;
export type ItemData = Static<typeof Published>;
export type ItemPatch = Static<typeof Updated>;
export type AttributeValue = Static<typeof Attribute>;
export type ServedData = Static<typeof Served>;

export type ReactionData = Static<typeof Reaction>;

export const CONTEXTS = ['user', 'content', 'feedback', 'control'] as const;
/** Second token of an event's subject, and first part of its type. */
export type EventContext = (typeof CONTEXTS)[number];

/** CloudEvents 1.0 in structured JSON mode, as published. `type` and `data` belong together by {@link EVENT_DATA}. */
export type CloudEvent =
  | {
      [T in EventType]: Envelope<T, Static<EventData[T]>>;
    }[EventType]
  | Envelope<`user.x_${string}.v1`, InteractionData>;

interface Envelope<T extends string, D> {
  specversion: '1.0';
  id: string;
  source: string;
  type: T;
  subject: string;
  /** When it happened, RFC 3339; where a publisher leaves it out, the log's own timestamp counts. */
  time?: string;
  datacontenttype?: 'application/json';
  data: D;
}

/** The envelope of CloudEvents, as JSON Schema. It allows extension attributes; Freshet ignores them. */
export function envelopeSchema(type: string, data: TSchema) {
  return Type.Object(
    {
      specversion: Type.Literal('1.0'),
      id: Id('with the source: the identity of the event'),
      source: Id('the publisher of the event'),
      type: Type.Literal(type),
      subject: Id(type.startsWith('content.') ? 'item id' : type.startsWith('control.') ? 'id of the act' : 'user id'),
      time: Type.Optional(Timestamp('when it happened, RFC 3339')),
      datacontenttype: Type.Optional(Type.Literal('application/json')),
      data,
    },
    { $id: `${type}.json`, title: type },
  );
}

/** Type name in parts: `user.viewed.v1` is context `user`, verb `viewed`, version 1. */
export interface TypeName {
  context: EventContext;
  verb: string;
  version: number;
}

const TYPE_NAME = /^(user|content|feedback|control)\.([a-z][a-z0-9_]{0,63})\.v([1-9][0-9]{0,3})$/;

export function parseType(type: string): TypeName | undefined {
  const match = TYPE_NAME.exec(type);
  return match ? { context: match[1] as EventContext, verb: match[2] as string, version: Number(match[3]) } : undefined;
}
