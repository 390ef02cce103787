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
    waits_for: Type.Optional(
      Type.Array(Type.String(), { description: 'what it waits for, in sentences; empty once it is done' }),
    ),
    done: OrNull(Time('when it was complete'), 'null until it is complete'),
    messages: Type.Optional(
      Type.Object(
        {
          removed: Type.Integer({ description: 'messages that nats-server has overwritten so far' }),
          total: Type.Integer({ description: 'messages of the user in the log when the user service began' }),
          index_clean: OrNull(
            Time(
              'from when on the index of subjects of nats-server does not hold the user; the erasure is done after it',
            ),
            'null until the messages are gone',
          ),
        },
        { ...open, description: 'the messages of the user in nats-server' },
      ),
    ),
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
                'instances that have read the log and do not answer; the erasure goes on when they come back, or are removed by `freshet replica remove`',
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

export const Erasures = Type.Object(
  {
    erasures: Type.Array(Type.Ref('Erasure#'), { description: 'those that are open, newest first, then the others' }),
    open: Type.Integer({ description: 'erasures that are not complete' }),
    overdue: Type.Integer({ description: 'open ones that have passed their deadline' }),
    total: Type.Integer({ description: 'all erasures that the ledger holds' }),
  },
  { $id: 'Erasures', ...open, description: 'A list of erasures' },
);
