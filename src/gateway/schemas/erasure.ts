/** The erasure of a user, step by step. */
import { Type } from 'typebox';
import { OrNull, open, Time } from './members.ts';

export const Erasure = Type.Object(
  {
    erasure: Type.String({ description: 'id of the erasure', examples: ['5f1c0a9be4d2738806aa41c7'] }),
    requested: Time('when the caller requested it'),
    state: Type.Enum(['recording', 'purging', 'folding', 'rebuilding', 'done'], {
      description:
        'recording and purging: the log is being changed; folding: some service has not yet deleted its rows; rebuilding: some service rebuilds a part that it can not subtract exactly; done',
    }),
    deadline: Time('by when every state must equal the one that the log gives without the user, rebuilds included'),
    overdue: Type.Boolean({ description: 'whether it missed its deadline' }),
    done: OrNull(Time('when it was complete'), 'null until it is complete'),
    services: Type.Array(
      Type.Object(
        {
          service: Type.String({ examples: ['engine'] }),
          state: Type.Enum(['waiting', 'rows', 'trained', 'exact'], {
            description:
              'rows: the service has deleted the user’s rows; trained (engine): it has trained anew what it had trained with the user’s data; exact: its state equals the one that the log gives without the user',
          }),
          at: OrNull(Time('since when'), 'null while waiting'),
          down: Type.Optional(
            Type.Array(Type.String(), {
              description:
                'instances that have read the log and do not answer; the erasure goes on when they come back',
              examples: [['engine-2']],
            }),
          ),
        },
        open,
      ),
    ),
  },
  { $id: 'Erasure', ...open, description: 'The erasure of a user; it does not name the user' },
);
