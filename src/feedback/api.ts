/** The endpoint of the feedback service. */
import type { Database } from 'better-sqlite3';
import { defineEndpoint, type Endpoint } from '../bus/nats/micro.ts';
import { completeConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { type Experiment, labelOf } from '../experiment/arms.ts';
import { experimentsIn } from '../experiment/rows.ts';
import { type OffPolicy, offPolicy, type WeighedList } from './off-policy.ts';
import { feedbackRequests } from './requests.ts';
import { armFigures, type Comparison, compare, type UserCounts } from './sequential.ts';
import { diversity, gini, novelty, shareInterval } from './statistics.ts';

export interface Rate {
  /** One impression for each item of each shown list. */
  impressions: number;
  clicks: number;
  dismissals: number;
  conversions: number;
  /** Clicked impressions per impression. */
  ctr: number;
  /** 95 % interval, under the assumption that impressions are independent. */
  ctr_interval: [low: number, high: number];
  /** Converted impressions per impression. */
  conversion_rate: number;
}

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

type Counts = Pick<Rate, 'impressions' | 'clicks' | 'dismissals' | 'conversions'>;

/** Most positions in an answer. */
const POSITIONS = 50;

// Two clicks on an impression count once.
const REACTED = `
  SELECT list, position, max(kind = 'clicked') AS clicked, max(kind = 'dismissed') AS dismissed, max(kind = 'converted') AS converted
  FROM outcome WHERE list IS NOT NULL GROUP BY list, position`;

/** Most experiments in an answer. */
const EXPERIMENTS = 20;
/** Most days in an answer. */
const DAYS = 90;
/** By counted time, which cannot lie ahead. A time before SQLite's range has no day. */
const DAY = "coalesce(date(served.time / 1000, 'unixepoch'), 'unknown')";

const countsBy = (key: string, limit = 1_000, order: 'ASC' | 'DESC' = 'ASC'): string => `
  SELECT ${key} AS key, count(*) AS impressions, coalesce(sum(clicked), 0) AS clicks, coalesce(sum(dismissed), 0) AS dismissals,
    coalesce(sum(converted), 0) AS conversions
  FROM impression JOIN served USING (list) LEFT JOIN (${REACTED}) USING (list, position)
  GROUP BY key ORDER BY key ${order} LIMIT ${limit}`;

/** Impressions of each item by part, and whether anybody has published the item. */
const itemsBy = (key: string): string => `
  SELECT ${key} AS key, count(*) AS n, item IN (SELECT item FROM item) AS known
  FROM impression JOIN served USING (list) GROUP BY key, item`;
const listsBy = (key: string): string =>
  `SELECT ${key} AS key, count(DISTINCT list) AS lists FROM impression JOIN served USING (list) GROUP BY key`;

export function feedbackEndpoints(
  db: Database,
  prequential: () => Promise<SnapshotQuality | null>,
  { feedback, http }: Pick<Config, 'feedback' | 'http'> = completeConfig({}),
): Record<string, Endpoint> {
  const total = db.prepare<[], Counts>(countsBy("''"));
  const bySnapshot = db.prepare<[], Counts & { key: string }>(countsBy('snapshot'));
  const byArm = db.prepare<[], Counts & { key: string }>(countsBy('arm'));
  const byPosition = db.prepare<[], Counts & { key: number }>(countsBy('position', POSITIONS));
  const byDay = db.prepare<[], Counts & { key: string }>(countsBy(DAY, DAYS, 'DESC'));
  const shownBy = {
    snapshot: spreadBy(db, 'snapshot'),
    arm: spreadBy(db, 'arm'),
    position: spreadBy(db, 'position'),
    day: spreadBy(db, DAY),
  };
  const byItem = db.prepare<[], { n: number }>('SELECT count(*) AS n FROM impression GROUP BY item');
  const catalogue = db.prepare<[], { n: number }>('SELECT count(*) AS n FROM item');
  const covered = db.prepare<[], { n: number }>(
    'SELECT count(DISTINCT impression.item) AS n FROM impression JOIN item USING (item)',
  );
  // Without exploration, an explored item would not have been in the list.
  const weighed = db.prepare<[], WeighedList>(`
    SELECT count(*) AS impressions, sum((1 - explored) / propensity) AS weight,
      sum((1 - explored) / propensity * coalesce(clicked, 0)) AS clicked
    FROM impression LEFT JOIN (${REACTED}) USING (list, position) WHERE propensity IS NOT NULL GROUP BY list`);
  const byUser = db.prepare<[string], UserCounts>(`
    SELECT count(*) AS impressions, coalesce(sum(clicked), 0) AS hits
    FROM impression JOIN served USING (list) LEFT JOIN (${REACTED}) USING (list, position)
    WHERE arm = ? GROUP BY user`);
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
  const lists = db.prepare<[], { lists: number }>('SELECT count(*) AS lists FROM served');
  const loose = db.prepare<[], SummaryAnswer['unattributed']>(
    `SELECT coalesce(sum(kind = 'clicked'), 0) AS clicks, coalesce(sum(kind = 'dismissed'), 0) AS dismissals,
       coalesce(sum(kind = 'converted'), 0) AS conversions FROM outcome WHERE list IS NULL`,
  );
  return {
    summary: defineEndpoint({
      description: 'Click-through and conversion in total, by snapshot, arm, position and day, and prequential quality',
      example: {},
      request: feedbackRequests({ http }).summary,
      handle: async (): Promise<SummaryAnswer> => {
        const published = (catalogue.get() as { n: number }).n;
        const all = lists.get() as { lists: number };
        const spread = {
          snapshot: shownBy.snapshot(published),
          arm: shownBy.arm(published),
          position: shownBy.position(published),
          day: shownBy.day(published),
        };
        return {
          lists: all.lists,
          shown: spreadOf(
            byItem.all().map(({ n }) => n),
            all.lists,
            { published, covered: (covered.get() as { n: number }).n },
          ),
          experiments: experimentsIn(db).slice(0, EXPERIMENTS).map(resultsOf),
          without_exploration: offPolicy(weighed.all()),
          by_day: byDay.all().map(({ key, ...counts }) => ({ day: key, ...rateOf(counts), shown: spread.day(key) })),
          total: rateOf(total.get() ?? { impressions: 0, clicks: 0, dismissals: 0, conversions: 0 }),
          by_snapshot: bySnapshot
            .all()
            .map(({ key, ...counts }) => ({ snapshot: key, ...rateOf(counts), shown: spread.snapshot(key) })),
          by_arm: byArm.all().map(({ key, ...counts }) => ({ arm: key, ...rateOf(counts), shown: spread.arm(key) })),
          by_position: byPosition
            .all()
            .map(({ key, ...counts }) => ({ position: key, ...rateOf(counts), shown: spread.position(key) })),
          unattributed: loose.get() as SummaryAnswer['unattributed'],
          prequential: await prequential(),
        };
      },
    }),
  };
}

/** Counts all parts once. The returned function gives the spread of one part. */
function spreadBy(db: Database, key: string): (published: number) => (of: string | number) => Spread {
  const items = db.prepare<[], { key: string | number; n: number; known: number }>(itemsBy(key));
  const lists = db.prepare<[], { key: string | number; lists: number }>(listsBy(key));
  return (published) => {
    const parts = new Map<string | number, { counts: number[]; covered: number }>();
    for (const { key: of, n, known } of items.iterate()) {
      const part = parts.get(of) ?? { counts: [], covered: 0 };
      part.counts.push(n);
      part.covered += known;
      parts.set(of, part);
    }
    const listed = new Map(lists.all().map(({ key: of, lists: n }) => [of, n]));
    return (of) => {
      const { counts, covered } = parts.get(of) ?? { counts: [], covered: 0 };
      return spreadOf(counts, listed.get(of) ?? 0, { published, covered });
    };
  };
}

function rateOf({ impressions, clicks, dismissals, conversions }: Counts): Rate {
  const per = (count: number): number => (impressions === 0 ? 0 : count / impressions);
  return {
    impressions,
    clicks,
    dismissals,
    conversions,
    ctr: per(clicks),
    ctr_interval: shareInterval(clicks, impressions),
    conversion_rate: per(conversions),
  };
}

const spreadOf = (
  counts: readonly number[],
  lists: number,
  { published, covered }: { published: number; covered: number },
): Spread => ({
  items: counts.length,
  coverage: published === 0 ? null : covered / published,
  gini: gini(counts),
  novelty: novelty(counts, lists),
  diversity: diversity(counts),
});
