/** Answers about the system as a whole. */
import { Type } from 'typebox';
import { OrNull, open, Quality, Seq, Time } from './members.ts';
import { Missing, Waiting } from './operations.ts';

export const System = Type.Object(
  {
    at: Time('when the gateway asked'),
    version: Type.String({ description: 'release of the gateway' }),
    ready: Type.Boolean({ description: 'whether the system serves requests' }),
    waiting: Waiting,
    missing: Missing,
    head: Seq('newest sequence of the log'),
    log: Type.Object(
      {
        first_seq: Seq('oldest sequence of the log'),
        messages: Type.Integer({ description: 'events in the log' }),
        created: Type.String({ description: 'when the stream was created, RFC 3339' }),
      },
      open,
    ),
    services: Type.Array(
      Type.Object(
        {
          service: Type.String({ examples: ['engine'] }),
          instance: Type.String({ examples: ['engine-2'] }),
          state: Type.String({
            description: 'ready, catching-up, rebuilding, refusing, or down if it does not answer',
            examples: ['ready'],
          }),
          seq: Seq('position that it answers from'),
          lag: Type.Integer({ description: 'events of the log that it has not folded' }),
          dead_letters: Type.Integer({ description: 'events that it could not fold, also those already resolved' }),
          fold_version: Type.Optional(Type.String({ description: 'version of the fold that made its rows' })),
        },
        open,
      ),
      { description: 'every instance, with what its status says; of each service one that answers is the first' },
    ),
    dead_letters: Type.Object(
      {
        count: Type.Integer({ description: 'events that services could not fold; one event counts once per service' }),
        open: OrNull(
          Type.Integer(),
          'those that nobody has discarded or corrected; null if a service does not answer, or if there are more than http.dead_letters_max',
        ),
      },
      open,
    ),
    rankings: OrNull(
      Type.Object(
        {
          users: Type.Integer({ description: 'users whose published ranking is pending' }),
          items: Type.Integer({ description: 'items whose list of similar items is pending' }),
          oldest_s: Type.Number({ description: 'seconds that the first of these users has waited' }),
        },
        open,
      ),
      'null if no engine answers',
    ),
    snapshot: OrNull(
      Type.Object(
        {
          id: Type.String({ examples: ['model-000000012345-0f1e2d3c'] }),
          seq: Seq('position of the log that it is a state of'),
          age_s: OrNull(
            Type.Integer(),
            'seconds since the log stored the event at seq; null if an erasure removed that event',
          ),
          behind: Type.Integer({ description: 'sequences of the log after it' }),
        },
        open,
      ),
      'the snapshot in force; null before the first one, and if no engine answers',
    ),
    training: OrNull(
      Type.Object(
        {
          running: Type.Optional(OrNull(Type.String(), 'the input in training; null: none')),
          last: Type.Optional(OrNull(Type.Object({}, open), 'the newest training of this process; null: none')),
          failed: Type.Optional(Type.Integer({ description: 'failed trainings since the engine started' })),
          due: Type.Boolean({ description: 'whether an erasure requires a training anew' }),
          inputs: Type.Array(Type.Object({}, open), { description: 'the results of trainings in force' }),
        },
        open,
      ),
      'null if no engine answers',
    ),
    in_force: OrNull(
      Type.Object({}, open),
      'the promotion or rollback in force, and the settings of the file that it overrides; null if no engine answers',
    ),
    model: OrNull(
      Type.Object(
        {
          config: Type.String({ description: 'hash of the engine’s settings' }),
          backend: Type.String({ description: 'what computes trainings' }),
          users: Type.Integer(),
          items: Type.Integer(),
          events: Type.Integer(),
          warnings: Type.Record(Type.String(), Type.Integer(), { description: 'odd events of the log, by kind' }),
        },
        open,
      ),
      'null if no engine answers',
    ),
    erasures: OrNull(
      Type.Object(
        {
          open: Type.Integer(),
          overdue: Type.Integer({ description: 'open ones that have passed their deadline' }),
          next_deadline: OrNull(Time('the first deadline of the open ones'), 'null without open ones'),
        },
        open,
      ),
      'null if no user service answers',
    ),
    quality: OrNull(
      Type.Object(
        {
          scored: Type.Integer({ description: 'events scored since the beginning of the log' }),
          windows: Type.Array(
            Type.Object(
              {
                size: Type.Integer({ description: 'most events of the window' }),
                events: Type.Integer({ description: 'events in the window' }),
                model: Quality('the lists of the engine'),
                popular: Quality('lists by decayed popularity, on the same events'),
                item_knn: Quality('lists by item kNN, on the same events'),
              },
              open,
            ),
            { description: 'the short window, then the long one' },
          ),
        },
        open,
      ),
      'prequential figures at 10; null before the engine scored an event, and if no engine answers',
    ),
  },
  { $id: 'System', ...open, description: 'The system at a glance' },
);

const rate = (description: string) =>
  OrNull(Type.Number(), `${description}; null in the first sample and after an outage`);
const quality = (description: string) =>
  OrNull(Type.Number(), `${description} at 10, over the short window; null if unknown`);

export const RecentSystem = Type.Object(
  {
    every_s: Type.Number({ description: 'seconds between two samples; 0: the gateway takes none' }),
    since: OrNull(Time('the first sample'), 'null without one'),
    samples: Type.Array(
      Type.Object(
        {
          at: Time('when it was taken'),
          head: Seq('newest sequence of the log'),
          events_per_s: rate('events per second that the log stored'),
          lists_per_s: rate('lists per second that callers of this gateway got from the engine'),
          lag: Type.Record(Type.String(), OrNull(Type.Integer(), 'null: the service did not answer'), {
            description: 'events of the log that a service has not folded, by service',
          }),
          dead_letters: Type.Integer({ description: 'events that services could not fold' }),
          rankings: OrNull(Type.Integer(), 'users whose published ranking is pending; null: the engine did not answer'),
          hr: quality('hit rate of the lists'),
          ndcg: quality('NDCG of the lists'),
          popularity_hr: quality('hit rate of decayed popularity'),
          popularity_ndcg: quality('NDCG of decayed popularity'),
          item_knn_hr: quality('hit rate of item kNN'),
          item_knn_ndcg: quality('NDCG of item kNN'),
        },
        open,
      ),
      { description: 'oldest first; none while the log is out of reach' },
    ),
  },
  { $id: 'RecentSystem', ...open, description: 'The system over the last hour' },
);
