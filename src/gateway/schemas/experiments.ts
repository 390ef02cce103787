/** Answers about experiments, shadows and snapshots. */
import { Type } from 'typebox';
import { OrNull, open, Quality, Seq, Time } from './members.ts';

const Interval = (description: string) =>
  OrNull(
    Type.Array(Type.Number(), { minItems: 2, maxItems: 2 }),
    `${description}; null if there is too little to tell`,
  );

const experiment = {
  experiment: Type.String({ examples: ['diverse'] }),
  state: Type.Enum(['running', 'ended']),
  arms: Type.Array(
    Type.Object(
      {
        arm: Type.String({ examples: ['as-is'] }),
        share: Type.Number({ description: 'share of the users, 0 to 1' }),
        settings: Type.Object({}, { ...open, description: 'members of a request that the arm changes' }),
      },
      open,
    ),
  ),
  started: Time('when it started'),
  seq: Seq('position of its start'),
  ended: OrNull(Time('when it ended'), 'null while it runs'),
  ended_seq: OrNull(Seq('position of its end'), 'null while it runs'),
  reason: OrNull(Type.String(), 'why an operator ended it'),
};

export const Experiment = Type.Object(experiment, { $id: 'Experiment', ...open, description: 'An experiment' });

export const Experiments = Type.Object(
  {
    experiments: Type.Array(
      Type.Object(
        {
          ...experiment,
          results: OrNull(
            Type.Object(
              {
                alpha: Type.Number({ description: 'probability of a false difference' }),
                arms: Type.Array(
                  Type.Object(
                    {
                      arm: Type.String(),
                      impressions: Type.Integer(),
                      clicks: Type.Integer(),
                      ctr: OrNull(Type.Number(), 'clicks per impression; null without impressions'),
                      beside_first: Type.Optional(
                        OrNull(
                          Type.Object(
                            {
                              difference: Type.Number({ description: 'of the click-through to that of the first arm' }),
                              interval: Type.Array(Type.Number(), { description: 'valid at any time' }),
                              p: Type.Number(),
                              found: Type.Boolean({ description: 'whether the difference is no chance, at alpha' }),
                            },
                            open,
                          ),
                          'null for the first arm, and while there is too little to tell',
                        ),
                      ),
                    },
                    open,
                  ),
                ),
              },
              open,
            ),
            'null while the feedback service does not answer or has not folded the start, and for old experiments',
          ),
        },
        open,
      ),
      { description: 'newest first' },
    ),
  },
  { $id: 'Experiments', ...open, description: 'Experiments with their results' },
);

export const Shadow = Type.Object(
  {
    shadow: OrNull(
      Type.Object(
        {
          state: Type.String({ examples: ['ready'] }),
          seq: Seq('position of the shadow'),
          lag: Type.Integer(),
          in_force: Type.String({ description: 'hash of the settings that it compares itself with' }),
          shadow: Type.String({ description: 'hash of its own settings' }),
          current: Type.Boolean({ description: 'whether in_force are still the settings in force' }),
          settings: Type.Object({}, { ...open, description: 'each setting that differs: in force, shadow' }),
          compared: Type.Object(
            {
              events: Type.Integer({ description: 'events that both models ranked before they learned from them' }),
              users: Type.Integer(),
              in_force: Quality('of the settings in force, at 10'),
              shadow: Quality('of the shadow, at 10'),
              difference: Type.Record(
                Type.String(),
                Type.Object(
                  {
                    mean: Type.Number({ description: 'shadow minus in force' }),
                    standard_error: OrNull(Type.Number(), 'null for fewer than two users'),
                  },
                  open,
                ),
              ),
              intervals: Type.Record(Type.String(), Interval('95 % interval of the difference')),
            },
            open,
          ),
          every: Type.Integer({ description: 'both models rank one event in so many' }),
          unpaired: Type.Integer({ description: 'events that only one of the two models could rank' }),
        },
        open,
      ),
      'null if none runs',
    ),
  },
  { $id: 'Shadow', ...open, description: 'The shadow engine' },
);

const act = {
  act: Type.String({ description: 'id of the act in the log' }),
  seq: Seq('position of the act'),
  snapshot: Type.String({ examples: ['model-000000012345-0f1e2d3c'] }),
  config: Type.String({ description: 'hash of the settings that come into force' }),
};

export const Promotion = Type.Object(act, { $id: 'Promotion', ...open, description: 'A promotion of a shadow' });

export const Rollback = Type.Object(
  {
    ...act,
    verb: Type.Enum(['promoted', 'rolled_back'], { description: 'promoted: the settings of the file, with end' }),
    state: Type.Enum(['in force', 'refolding'], {
      description: 'refolding: the engine folds the log under these settings first',
    }),
  },
  { $id: 'Rollback', ...open, description: 'A rollback, or its end' },
);

export const Snapshots = Type.Object(
  {
    snapshots: Type.Array(
      Type.Object(
        {
          object: Type.String({ examples: ['model-000000012345-0f1e2d3c'] }),
          seq: Seq('position of the log that it is a state of'),
          event_time: Time('clock of the fold at that position'),
          config: Type.String({ description: 'hash of its settings' }),
          bytes: Type.Integer(),
          users: Type.Integer(),
          items: Type.Integer(),
          events: Type.Integer(),
          current: Type.Boolean({ description: 'whether it is the snapshot in force' }),
          settings_differ: OrNull(
            Type.Object({}, open),
            'each setting that differs from those in force: its own, in force; null if the snapshot does not say',
          ),
          pinned: OrNull(Type.String(), 'snapshot whose ranker was pinned'),
          unfit: OrNull(Type.String(), 'why nobody can roll back to it; null if one can'),
        },
        open,
      ),
      { description: 'highest position first' },
    ),
    acts: Type.Array(
      Type.Object(
        {
          act: Type.String(),
          verb: Type.Enum(['promoted', 'rolled_back']),
          seq: Seq('position of the act'),
          time: Time('when'),
          snapshot: Type.String(),
          file: Type.Boolean({ description: 'whether it returned to the settings of the file' }),
          reason: OrNull(Type.String(), 'null if the operator gave none'),
        },
        open,
      ),
      { description: 'promotions and rollbacks, newest first' },
    ),
  },
  { $id: 'Snapshots', ...open, description: 'Snapshots of the model' },
);
