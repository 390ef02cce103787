/** A user's profile and history. */
import { Type } from 'typebox';
import { Attribute, OrNull, open, Seq, Time } from './members.ts';

export const User = Type.Object(
  {
    user: Type.String({ examples: ['u42'] }),
    registered: OrNull(Time('when the user registered'), 'null for a user who acted without registering'),
    traits: Type.Record(Type.String(), Attribute),
    events: Type.Integer({ minimum: 0, description: 'interactions in the history' }),
    last_seen: OrNull(
      Time('when the user acted last'),
      'newest time of an interaction, but no later than the log stored it',
    ),
    sessions: Type.Array(Type.String(), { description: 'anonymous ids that became this user' }),
  },
  { $id: 'User', ...open, description: 'The profile of a user' },
);

export const FoundUsers = Type.Object(
  {
    users: Type.Array(
      Type.Object(
        {
          user: Type.String({ examples: ['u42'] }),
          registered: OrNull(Time('when the user registered'), 'null for a user who acted without registering'),
        },
        open,
      ),
      { description: 'in order of id' },
    ),
    more: Type.Boolean({ description: 'whether more users match' }),
  },
  { $id: 'FoundUsers', ...open, description: 'Users whose ids begin with a text' },
);

export const History = Type.Object(
  {
    user: Type.String({ examples: ['u42'] }),
    events: Type.Array(
      Type.Object(
        {
          id: Type.String(),
          type: Type.String({ examples: ['user.viewed.v1'] }),
          item: Type.String({ examples: ['i7'] }),
          value: Type.Optional(Type.Number()),
          time: Time('when it happened, as the publisher says'),
          seq: Seq('position in the log'),
        },
        open,
      ),
      { description: 'newest first' },
    ),
    next: OrNull(Type.Integer(), 'before of the page after this one; null after the last one'),
  },
  { $id: 'History', ...open, description: 'Interactions of a user' },
);
