/** The summary of feedback by a scan of the rows: what the counters of the fold must equal. */
import type { Database } from 'better-sqlite3';
import { offPolicy, type WeighedLists } from '../../src/feedback/off-policy.ts';
import { armFigures, type UserCounts } from '../../src/feedback/sequential.ts';
import { diversity, type Exposed, gini, novelty } from '../../src/feedback/statistics.ts';

const REACTED = `
  SELECT list, position, max(kind = 'clicked') AS clicked, max(kind = 'dismissed') AS dismissed, max(kind = 'converted') AS converted
  FROM outcome WHERE list IS NOT NULL GROUP BY list, position`;
const COUNTS = `count(*) AS impressions, coalesce(sum(clicked), 0) AS clicks, coalesce(sum(dismissed), 0) AS dismissals,
  coalesce(sum(converted), 0) AS conversions`;

/** Columns by which the summary divides the impressions; the first is for all of them. */
const KEYS = {
  all: "''",
  snapshot: 'snapshot',
  arm: 'arm',
  position: 'position',
  day: "coalesce(date(served.time / 1000, 'unixepoch'), 'unknown')",
} as const;

interface ScannedPart {
  key: string | number;
  impressions: number;
  clicks: number;
  dismissals: number;
  conversions: number;
  shown: { items: number; covered: number; gini: number; novelty: number; diversity: number };
}

export interface Scanned {
  lists: number;
  parts: Record<keyof typeof KEYS, ScannedPart[]>;
  unattributed: { clicks: number; dismissals: number; conversions: number };
  without_exploration: ReturnType<typeof offPolicy>;
  arms: Record<string, ReturnType<typeof armFigures>>;
  /** By item and position. */
  items: ScannedItem[];
}

export interface ScannedItem {
  item: string;
  position: number;
  impressions: number;
  clicks: number;
  dismissals: number;
  conversions: number;
}

export function scanFeedback(db: Database): Scanned {
  const all = <T>(sql: string, ...given: unknown[]): T[] => db.prepare<unknown[], T>(sql).all(...given);
  const lists = all<{ n: number }>('SELECT count(*) AS n FROM served')[0]?.n ?? 0;
  const partsBy = (key: string): ScannedPart[] =>
    all<Omit<ScannedPart, 'shown'>>(
      `SELECT ${key} AS key, ${COUNTS} FROM impression JOIN served USING (list)
       LEFT JOIN (${REACTED}) USING (list, position) GROUP BY key ORDER BY key`,
    ).map((part) => {
      const of = `FROM impression JOIN served USING (list) WHERE ${key} = ?`;
      const items = all<Exposed & { known: number }>(
        `SELECT count(*) AS impressions, 1 AS items, item IN (SELECT item FROM item) AS known ${of} GROUP BY item`,
        part.key,
      );
      const shownIn =
        key === KEYS.all ? lists : all<{ n: number }>(`SELECT count(DISTINCT list) AS n ${of}`, part.key)[0]?.n;
      return {
        ...part,
        shown: {
          items: items.length,
          covered: items.reduce((sum, { known }) => sum + known, 0),
          gini: gini(items),
          novelty: novelty(items, shownIn as number),
          diversity: diversity(items),
        },
      };
    });
  const arms = all<{ arm: string }>('SELECT DISTINCT arm FROM served ORDER BY arm').map(({ arm }) => [
    arm,
    armFigures(
      all<UserCounts>(
        `SELECT 1 AS users, count(*) AS impressions, coalesce(sum(clicked), 0) AS hits
         FROM impression JOIN served USING (list) LEFT JOIN (${REACTED}) USING (list, position) WHERE arm = ? GROUP BY user`,
        arm,
      ),
    ),
  ]);
  return {
    lists,
    parts: {
      all: partsBy(KEYS.all),
      snapshot: partsBy(KEYS.snapshot),
      arm: partsBy(KEYS.arm),
      position: partsBy(KEYS.position),
      day: partsBy(KEYS.day),
    },
    unattributed: all<Scanned['unattributed']>(
      `SELECT coalesce(sum(kind = 'clicked'), 0) AS clicks, coalesce(sum(kind = 'dismissed'), 0) AS dismissals,
         coalesce(sum(kind = 'converted'), 0) AS conversions FROM outcome WHERE list IS NULL`,
    )[0] as Scanned['unattributed'],
    without_exploration: offPolicy(
      all<WeighedLists>(
        `SELECT 1 AS lists, count(*) AS impressions, sum((1 - explored) / propensity) AS weight,
           sum((1 - explored) / propensity * coalesce(clicked, 0)) AS clicked
         FROM impression LEFT JOIN (${REACTED}) USING (list, position) WHERE propensity IS NOT NULL GROUP BY list`,
      ),
    ),
    arms: Object.fromEntries(arms),
    items: all<ScannedItem>(
      `SELECT item, position, ${COUNTS} FROM impression JOIN served USING (list)
       LEFT JOIN (${REACTED}) USING (list, position) GROUP BY item, position ORDER BY item, position`,
    ),
  };
}
