/** Click-through, conversion and quality of the lists that were served, in all and by item. */
import { Type } from 'typebox';
import { OrNull, open } from './members.ts';

const rate = {
  impressions: Type.Integer({ minimum: 0 }),
  clicks: Type.Integer({ minimum: 0 }),
  dismissals: Type.Integer({ minimum: 0 }),
  conversions: Type.Integer({ minimum: 0 }),
  ctr: Type.Number({ description: 'clicked impressions per impression' }),
  ctr_interval: Type.Array(Type.Number(), { minItems: 2, maxItems: 2, description: '95 % interval of ctr' }),
  conversion_rate: Type.Number({ description: 'converted impressions per impression' }),
};

const shown = Type.Object(
  {
    items: Type.Integer({ minimum: 0, description: 'different items that were shown' }),
    gini: Type.Number({ description: '0 if all items are shown alike, towards 1 if few are shown all the time' }),
    coverage: OrNull(Type.Number(), 'share of the published items that was shown; null without a catalogue'),
    diversity: Type.Number({ description: 'probability that two impressions are of different items' }),
    novelty: Type.Number({ description: 'mean self-information of impressions, bits' }),
  },
  { ...open, description: 'how impressions spread over items' },
);

/** Some of the impressions. */
const part = { ...rate, shown };

export const FeedbackItems = Type.Object(
  {
    shown: Type.Integer({ minimum: 0, description: 'items that lists have shown' }),
    never_shown: Type.Integer({
      minimum: 0,
      description: 'items that are published and not withdrawn, and that no list has shown',
    }),
    items: Type.Array(Type.Object({ item: Type.String(), ...rate }, open)),
    next: OrNull(Type.String(), '`cursor` of the next page; null for the last page'),
  },
  { $id: 'FeedbackItems', ...open, description: 'Impressions of items, and reactions to them' },
);

export const FeedbackItem = Type.Object(
  {
    item: Type.String(),
    ...rate,
    by_position: Type.Array(Type.Object({ position: Type.Integer(), ...rate }, open), {
      description:
        'by position in the list, from 0 to 49; positions without an impression of the item are left out, and later ones count in the totals alone',
    }),
  },
  { $id: 'FeedbackItem', ...open, description: 'Impressions of an item, and reactions to it' },
);

export const FeedbackSummary = Type.Object(
  {
    lists: Type.Integer({ minimum: 0, description: 'lists that were served' }),
    total: Type.Object(rate, open),
    by_snapshot: Type.Array(Type.Object({ ...part, snapshot: Type.String() }, open)),
    by_arm: Type.Array(Type.Object({ ...part, arm: Type.String() }, open)),
    by_position: Type.Array(Type.Object({ ...part, position: Type.Integer() }, open)),
    by_day: Type.Array(Type.Object({ ...part, day: Type.String() }, open), {
      description: 'by day of serving, UTC, newest first',
    }),
    shown,
    without_exploration: Type.Object(
      {
        lists: Type.Integer({ minimum: 0 }),
        impressions: Type.Integer({ minimum: 0 }),
        ips: OrNull(Type.Number(), 'by inverse propensity scores'),
        snips: OrNull(Type.Number(), 'by self-normalized inverse propensity scores'),
      },
      {
        ...open,
        description:
          'estimate of the click-through without exploration, from the lists whose items have known probabilities, with 95 % intervals',
      },
    ),
    experiments: Type.Array(
      Type.Object({ experiment: Type.String(), arms: Type.Array(Type.Object({ arm: Type.String() }, open)) }, open),
      {
        description:
          'newest first: click-through by arm, and how each arm differs from the first one, with p-values and intervals that hold at any time',
      },
    ),
    unattributed: Type.Object({}, { ...open, description: 'reactions without a list within the attribution window' }),
    prequential: OrNull(
      Type.Object({ snapshot: Type.String(), seq: Type.Integer(), scored: Type.Integer() }, open),
      'quality on the newest events up to the snapshot in force, each one predicted before it was learned: hr, ndcg and mrr at 10 of the model, of decayed popularity and of item kNN; null before the first snapshot',
    ),
  },
  { $id: 'FeedbackSummary', ...open, description: 'How users reacted to the lists that they were shown' },
);
