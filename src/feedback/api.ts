/** The endpoints of the feedback service. */
import type { Database } from 'better-sqlite3';
import { defineEndpoint, type Endpoint } from '../bus/nats/micro.ts';
import { completeConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { ServiceUnavailableError } from '../errors.ts';
import { type Experiment, labelOf } from '../experiment/arms.ts';
import { experimentsIn } from '../experiment/rows.ts';
import { lacksCounters, type PartKind, POSITIONS } from './counters.ts';
import { itemEndpoints } from './items.ts';
import { type OffPolicy, offPolicy, type WeighedLists } from './off-policy.ts';
import { type Counts, type Rate, rateOf } from './rate.ts';
import { feedbackRequests } from './requests.ts';
import { armFigures, type Comparison, compare, type UserCounts } from './sequential.ts';
import { diversity, type Exposed, gini, novelty } from './statistics.ts';

/** The distribution of impressions over items. */
export interface Spread {
  /** Number of different items. */
  items: number;
  /** Share of the published items that lists have shown; null without a catalogue. */
  coverage: number | null;
  /** Gini coefficient, mean self-information in bits, probability that two impressions are of different items. */
  gini: number;
  novelty: number;
  diversity: number;
}

/** The figures of a part of the impressions. */
export interface Part extends Rate {
  shown: Spread;
}

/** An arm of an experiment. */
export interface ArmResults {
  arm: string;
  share: number;
  users: number;
  impressions: number;
  clicks: number;
  /** Clicked impressions per impression; null without impressions. The sampling unit is the user. */
  ctr: number | null;
  /** Comparison with the first arm; null for the first arm, and while there are too few users. */
  beside_first: (Comparison & { found: boolean }) | null;
}

export interface ExperimentResults {
  experiment: string;
  state: 'running' | 'ended';
  started: string;
  ended: string | null;
  /** Probability of a false difference, over all arms and all times together. */
  alpha: number;
  arms: ArmResults[];
}

export interface SummaryAnswer {
  lists: number;
  total: Rate;
  by_snapshot: (Part & { snapshot: string })[];
  by_arm: (Part & { arm: string })[];
  by_position: (Part & { position: number })[];
  /** By day of serving, UTC, newest first. */
  by_day: (Part & { day: string })[];
  shown: Spread;
  /** Estimated click-through of the lists with exploration, if they had not explored. */
  without_exploration: OffPolicy;
  /** Newest first. */
  experiments: ExperimentResults[];
  /** Reactions without an impression in the attribution window. */
  unattributed: { clicks: number; dismissals: number; conversions: number };
  /** Quality that the engine has measured up to the snapshot in force; null without a snapshot. */
  prequential: SnapshotQuality | null;
}

/** The quality figures of the snapshot in force. */
export interface SnapshotQuality {
  snapshot: string;
  /** Log position of that snapshot. */
  seq: number;
  [more: string]: unknown;
}

/** Most snapshots, and most arms, in an answer. */
const PARTS = 1_000;
/** Most experiments in an answer. */
const EXPERIMENTS = 20;
/** Most days in an answer. */
const DAYS = 90;

type PartRow = Counts & { key: string | number; lists: number; covered: number };

/** Every statement reads counters that the fold keeps (decision 0038): none reads the impressions themselves. */
export function feedbackEndpoints(
  db: Database,
  prequential: () => Promise<SnapshotQuality | null>,
  { feedback, http }: Pick<Config, 'feedback' | 'http'> = completeConfig({}),
  stale = false,
): Record<string, Endpoint> {
  const parts = {
    all: partsBy(db, 'all', 1),
    snapshot: partsBy(db, 'snapshot', PARTS),
    arm: partsBy(db, 'arm', PARTS),
    position: partsBy(db, 'position', POSITIONS),
    day: partsBy(db, 'day', DAYS, 'DESC'),
  };
  const incomplete = lacksCounters(db);
  const catalogue = db.prepare<[], number>('SELECT count(*) FROM item').pluck();
  const weighed = db.prepare<[], WeighedLists>('SELECT * FROM weighed ORDER BY impressions, weight, clicked');
  const byUser = db.prepare<[string], UserCounts>(
    'SELECT users, impressions, hits FROM arm_spread WHERE arm = ? ORDER BY impressions, hits',
  );
  const resultsOf = ({ experiment, arms, started, ended, endedSeq }: Experiment): ExperimentResults => {
    // The comparisons with the first arm share the probability of a false difference (Bonferroni).
    const settings = {
      effect: feedback.experiment_effect,
      alpha: feedback.experiment_alpha / Math.max(1, arms.length - 1),
    };
    const figures = arms.map(({ arm }) => armFigures(byUser.all(labelOf(experiment, arm))));
    return {
      experiment,
      state: endedSeq === null ? 'running' : 'ended',
      started: new Date(started).toISOString(),
      ended: ended === null ? null : new Date(ended).toISOString(),
      alpha: feedback.experiment_alpha,
      arms: arms.map(({ arm, share }, i) => {
        const own = figures[i] as ReturnType<typeof armFigures>;
        const beside = i === 0 ? undefined : compare(figures[0] as typeof own, own, settings);
        const { users, impressions, hits, rate } = own;
        const found = beside && { ...beside, found: beside.p <= settings.alpha };
        return { arm, share, users, impressions, clicks: hits, ctr: rate, beside_first: found ?? null };
      }),
    };
  };
  const loose = db.prepare<[], SummaryAnswer['unattributed']>(
    "SELECT clicks, dismissals, conversions FROM part WHERE kind = 'unattributed'",
  );
  return {
    ...itemEndpoints(db, { feedback, http }, stale),
    summary: defineEndpoint({
      description: 'Click-through and conversion in total, by snapshot, arm, position and day, and prequential quality',
      example: {},
      request: feedbackRequests({ feedback, http }).summary,
      handle: async (): Promise<SummaryAnswer> => {
        if (incomplete)
          throw new ServiceUnavailableError(
            'An earlier release wrote the projection of the feedback service and kept no counters. The service rebuilds it.',
            { next: 'send the request again later; freshet status shows the rebuild' },
          );
        const published = catalogue.get() as number;
        const all = parts.all(published)[0];
        return {
          lists: all?.lists ?? 0,
          shown: all?.shown ?? spreadOf([], 0, { published, covered: 0 }),
          experiments: experimentsIn(db).slice(0, EXPERIMENTS).map(resultsOf),
          without_exploration: offPolicy(weighed.all()),
          by_day: parts.day(published).map(({ key, rate, shown }) => ({ day: String(key), ...rate, shown })),
          total: all?.rate ?? rateOf({ impressions: 0, clicks: 0, dismissals: 0, conversions: 0 }),
          by_snapshot: parts
            .snapshot(published)
            .map(({ key, rate, shown }) => ({ snapshot: String(key), ...rate, shown })),
          by_arm: parts.arm(published).map(({ key, rate, shown }) => ({ arm: String(key), ...rate, shown })),
          by_position: parts
            .position(published)
            .map(({ key, rate, shown }) => ({ position: Number(key), ...rate, shown })),
          unattributed: loose.get() ?? { clicks: 0, dismissals: 0, conversions: 0 },
          prequential: await prequential(),
        };
      },
    }),
  };
}

interface CountedPart {
  key: string | number;
  lists: number;
  rate: Rate;
  shown: Spread;
}

/** The returned function gives the parts of a kind in the order of their keys. */
function partsBy(
  db: Database,
  kind: PartKind,
  limit: number,
  order: 'ASC' | 'DESC' = 'ASC',
): (published: number) => CountedPart[] {
  const rows = db.prepare<[string], PartRow>(
    `SELECT key, lists, impressions, clicks, dismissals, conversions, covered FROM part WHERE kind = ?
     ORDER BY key ${order} LIMIT ${limit}`,
  );
  const spreads = db.prepare<object, Exposed & { key: string | number }>(
    `SELECT key, impressions, items FROM spread WHERE kind = @kind AND key BETWEEN @from AND @to ORDER BY key, impressions`,
  );
  return (published) => {
    const parts = rows.all(kind);
    const keys = parts.map(({ key }) => key);
    if (order === 'DESC') keys.reverse();
    const exposed = new Map<string | number, Exposed[]>(keys.map((key) => [key, []]));
    for (const { key, ...one } of spreads.iterate({ kind, from: keys[0] ?? '', to: keys.at(-1) ?? '' }))
      exposed.get(key)?.push(one);
    return parts.map(({ key, lists, covered, ...counts }) => ({
      key,
      lists,
      rate: rateOf(counts),
      shown: spreadOf(exposed.get(key) ?? [], lists, { published, covered }),
    }));
  };
}

const spreadOf = (
  exposed: readonly Exposed[],
  lists: number,
  { published, covered }: { published: number; covered: number },
): Spread => ({
  items: exposed.reduce((sum, { items }) => sum + items, 0),
  coverage: published === 0 ? null : covered / published,
  gini: gini(exposed),
  novelty: novelty(exposed, lists),
  diversity: diversity(exposed),
});
