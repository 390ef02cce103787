/** Events as callers publish them, and the answer to publishing. */
import { Type } from 'typebox';
import { EVENT_DATA } from '../../bus/event/types.ts';
import { id } from '../../bus/nats/request-members.ts';
import { OrNull, open, Seq, Time } from './members.ts';

/** The example that all of the documentation uses. */
export const EVENT_EXAMPLE = {
  specversion: '1.0',
  id: '01JDA8Z7Q5',
  type: 'user.viewed.v1',
  source: 'shop-web',
  subject: 'u42',
  time: '2026-11-23T10:00:00.000Z',
  datacontenttype: 'application/json',
  data: { item: 'i7' },
} as const;

const refusedTypes = /^control\./;

export const Event = Type.Object(
  {
    specversion: Type.Literal('1.0'),
    id: id('with the source, the identity of the event: however often a caller sends it, it counts once', '01JDA8Z7Q5'),
    source: id('the publisher', 'shop-web'),
    type: Type.String({
      description: `one of ${Object.keys(EVENT_DATA)
        .filter((type) => !refusedTypes.test(type))
        .join(', ')}, or user.x_<verb>.v1 as the configuration declares it`,
      examples: ['user.viewed.v1'],
    }),
    subject: id('the user; of content events, the item', 'u42'),
    time: Type.Optional(Time('when it happened; the time of arrival if left out')),
    datacontenttype: Type.Optional(Type.Literal('application/json')),
    data: Type.Object(
      {},
      {
        ...open,
        description: 'what the type of the event defines, such as item and value of an interaction',
        examples: [{ item: 'i7' }],
      },
    ),
  },
  {
    $id: 'Event',
    ...open,
    description: 'CloudEvents 1.0, structured JSON',
    examples: [EVENT_EXAMPLE],
  },
);

const rejected = Type.Array(
  Type.Object({
    index: Type.Integer({ minimum: 0, description: 'place in the request, from 0' }),
    id: OrNull(Type.String(), 'id of the event; null if the gateway could not read it'),
    code: Type.String({ examples: ['FRESHET_EVENT_SCHEMA'] }),
    message: Type.String(),
  }),
  { description: 'events that the gateway did not store, and why' },
);

export const Published = Type.Object(
  {
    accepted: Type.Integer({ minimum: 0, description: 'events that the log stored' }),
    duplicates: Type.Integer({
      minimum: 0,
      description: 'events that the log held already, with the same type, subject, time and data',
    }),
    rejected,
    warnings: Type.Optional(
      Type.Array(
        Type.Object({
          index: Type.Integer({ minimum: 0, description: 'place in the request, from 0' }),
          id: OrNull(Type.String(), 'id of the event'),
          code: Type.String({ examples: ['FRESHET_RATING_WITHOUT_VALUE'] }),
          message: Type.String(),
        }),
        {
          description: 'stored events that probably do not say what their publisher means; left out if there are none',
        },
      ),
    ),
    seq: Type.Optional(Seq('highest sequence of these events in the log, for min_seq')),
  },
  {
    $id: 'Published',
    ...open,
    description: 'The outcome of each event, after JetStream has acknowledged',
    examples: [{ accepted: 1, duplicates: 0, rejected: [], seq: 4711 }],
  },
);
