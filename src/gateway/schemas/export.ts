/** All data on a user. */
import { Type } from 'typebox';
import { open, Seq, Time } from './members.ts';

const Records = Type.Array(Type.Object({}, open), { description: 'records of one kind, as the service stores them' });

export const Export = Type.Object(
  {
    user: Type.String({ examples: ['u42'] }),
    ids: Type.Array(Type.String(), {
      description: 'the user’s id, then those of the sessions that became this user',
      examples: [['u42']],
    }),
    exported: Time('when the caller requested the export'),
    services: Type.Record(Type.String(), Type.Record(Type.String(), Type.Union([Type.Integer(), Records])), {
      description:
        'by service: seq, the log position of the service, then a list of records for each kind that the service stores',
      examples: [{ user: { seq: 5, profile: [{ user: 'u42', traits: {} }] } }],
    }),
    events: Type.Array(
      Type.Object(
        {
          seq: Seq('position in the log'),
          subject: Type.String({ examples: ['ev.user.u42.viewed'] }),
          taken: Time('when the log took the event'),
          event: Type.Optional(Type.Unknown({ description: 'the event' })),
          bytes: Type.Optional(
            Type.Integer({ description: 'in place of event, if it is not JSON or very large: its length' }),
          ),
          offset: Type.Optional(Type.Integer({ description: 'where this piece of the message begins' })),
          payload: Type.Optional(Type.String({ description: 'the piece, base64' })),
        },
        open,
      ),
      { description: 'every message of the log under these ids, for each id in the order of the log' },
    ),
  },
  { $id: 'Export', ...open, description: 'All data on a user' },
);
