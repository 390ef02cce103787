/** The caller of a request, as the gateway recognizes it. */
import { Type } from 'typebox';
import { SCOPES } from '../access/scopes.ts';
import { OrNull, open, Time } from './members.ts';

export const Caller = Type.Object(
  {
    kind: Type.Enum(['anybody', 'key', 'token'], {
      description: 'anybody: the gateway requires no keys; key: the holder of an API key; token: a browser of one user',
      examples: ['key'],
    }),
    scopes: Type.Array(Type.Enum([...SCOPES]), {
      description: 'what the caller may do; admin allows everything',
      examples: [['recommend']],
    }),
    expires: OrNull(Time('when the key or token expires'), 'null if it does not expire'),
    name: Type.Optional(Type.String({ description: 'of a key: the name that the operator gave it' })),
    user: Type.Optional(Type.String({ description: 'of a token: its user' })),
    source: Type.Optional(Type.String({ description: 'of a token: the source of the events that it may publish' })),
  },
  { $id: 'Caller', ...open, description: 'The caller of the request' },
);
