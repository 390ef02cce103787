/** What the feedback service answers. */
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
  /** Impressions: one for each item of each list that was shown. */
  impressions: number;
  clicks: number;
  dismissals: number;
  conversions: number;
  /** Clicked impressions per impression. */
  ctr: number;
  /** 95 %, as if impressions were independent of each other. */
  ctr_interval: [low: number, high: number];
  /** Converted impressions per impression. */
  conversion_rate: number;
}

/** How impressions spread over items. */
export interface Spread {
  /** Different ones. */
  items: number;
  /** Share of those that were ever published; null without a catalogue. */
  coverage: number | null;
  /** Gini coefficient, mean self-information in bits, probability that two impressions are of different items. */
  gini: number;
  novelty: number;
  diversity: number;
}

/** A part of what was shown. */
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
  /** Clicked impressions per impression, with users as what was drawn; null without impressions. */
  ctr: number | null;
  /** Beside the first arm; null as long as nothing can be told, and for the first arm. */
  beside_first: (Comparison & { found: boolean }) | null;
}

export interface ExperimentResults {
  experiment: string;
  state: 'running' | 'ended';
  started: string;
  ended: string | null;
  /** Risk of finding a difference where there is none, over all arms and at all times together. */
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
  /** What the lists whose places may have explored would have brought without exploration. */
  without_exploration: OffPolicy;
  /** The newest first. */
  experiments: ExperimentResults[];
  /** Reactions that no list within the window accounts for. */
  unattributed: { clicks: number; dismissals: number; conversions: number };
  /** Quality as the engine measured it up to the snapshot in force; null where there is none. */
  prequential: SnapshotQuality | null;
}

/** What the snapshot in force says of quality. */
export interface SnapshotQuality {
  snapshot: string;
  /** Log position of that snapshot. */
  seq: number;
  [more: string]: unknown;
}

type Counts = Pick<Rate, 'impressions' | 'clicks' | 'dismissals' | 'conversions'>;

/** Positions that are told one by one. */
const POSITIONS = 50;

// An impression that is clicked twice counts once.
const REACTED = `
  SELECT list, position, max(kind = 'clicked') AS clicked, max(kind = 'dismissed') AS dismissed, max(kind = 'converted') AS converted
  FROM outcome WHERE list IS NOT NULL GROUP BY list, position`;

/** Experiments that are told one by one. */
const EXPERIMENTS = 20;
/** Days that are told one by one. */
const DAYS = 90;
/** An absurd event time has no day. */
const DAY = "coalesce(date(served.time / 1000, 'unixepoch'), 'unknown')";

const countsBy = (key: string, limit = 1_000, order: 'ASC' | 'DESC' = 'ASC'): string => `
  SELECT ${key} AS key, count(*) AS impressions, coalesce(sum(clicked), 0) AS clicks, coalesce(sum(dismissed), 0) AS dismissals,
    coalesce(sum(converted), 0) AS conversions
  FROM impression JOIN served USING (list) LEFT JOIN (${REACTED}) USING (list, position)
  GROUP BY key ORDER BY key ${order} LIMIT ${limit}`;

/** How often each item was shown, by part, and whether it was ever published. */
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
  // What was there because its place explored would not have been there.
  const weighed = db.prepare<[], WeighedList>(`
    SELECT count(*) AS impressions, sum((1 - explored) / propensity) AS weight,
      sum((1 - explored) / propensity * coalesce(clicked, 0)) AS clicked
    FROM impression LEFT JOIN (${REACTED}) USING (list, position) WHERE propensity IS NOT NULL GROUP BY list`);
  const byUser = db.prepare<[string], UserCounts>(`
    SELECT count(*) AS impressions, coalesce(sum(clicked), 0) AS hits
    FROM impression JOIN served USING (list) LEFT JOIN (${REACTED}) USING (list, position)
    WHERE arm = ? GROUP BY user`);
  const resultsOf = ({ experiment, arms, started, ended, endedSeq }: Experiment): ExperimentResults => {
    // The risk is shared by all that are compared with the first (Bonferroni).
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
      description:
        'Click-through and conversion, in all and by snapshot, arm, position and day, and prequential quality',
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

/** The spread of each part, looked up once all of them are counted. */
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
