/** Answers about the log. */
import { Type } from 'typebox';
import { OrNull, open, Seq, Time } from './members.ts';

export const LogEntry = Type.Object(
  {
    seq: Seq('sequence in the log'),
    time: Time('when the log stored it; the event has the time at which it happened'),
    subject: Type.String({ description: 'subject on the bus', examples: ['ev.user.u42.viewed'] }),
    event: OrNull(
      Type.Object({}, open),
      'the event as it was published, a CloudEvent; null if the payload is not a JSON object',
    ),
    text: Type.Optional(Type.String({ description: 'the payload, if event is null' })),
  },
  { $id: 'LogEntry', ...open, description: 'A message of the log' },
);

export const LogPage = Type.Object(
  {
    events: Type.Array(Type.Ref('LogEntry#'), { description: 'newest first' }),
    next: OrNull(
      Seq('before of the next page'),
      'null if the log has no earlier event; a page may hold fewer events than n, also none, and have a next page',
    ),
    searched: Type.Integer({ description: 'events that the gateway has read for this page' }),
  },
  { $id: 'LogPage', ...open, description: 'A page of the log' },
);

export const LogStream = Type.String({
  $id: 'LogStream',
  description:
    'Server-sent events: `start` with `{"seq": …}`, then those named `event`; the data is a LogEntry, the id its sequence',
  examples: [
    'id: 4711\nevent: event\ndata: {"seq":4711,"time":"2026-11-23T10:00:00.000Z","subject":"ev.user.u42.viewed","event":{}}\n\n',
  ],
});

export const Publishers = Type.Object(
  {
    events: Type.Integer({ description: 'events that were counted' }),
    from_seq: OrNull(Seq('first of them'), 'null in an empty log'),
    to_seq: OrNull(Seq('last of them'), 'null in an empty log'),
    from: OrNull(Time('when the log stored the first of them'), 'null in an empty log'),
    to: OrNull(Time('when the log stored the last of them'), 'null in an empty log'),
    publishers: Type.Array(
      Type.Object(
        {
          source: OrNull(Type.String({ examples: ['shop-web'] }), 'null: payloads that name no source'),
          events: Type.Integer(),
          share: Type.Number({ description: 'share of the counted events, 0 to 1' }),
          per_s: OrNull(
            Type.Number(),
            'events per second between from and to; null if the log stored all at the same moment',
          ),
          newest: Time('when the log stored its newest event'),
        },
        open,
      ),
      { description: 'at most 100, the one with the most events first' },
    ),
    others: Type.Integer({ description: 'events of all other publishers' }),
  },
  { $id: 'Publishers', ...open, description: 'How much each source publishes' },
);
