/**
 * Counters of impressions and reactions, which the fold keeps in the transaction of the rows (decision 0038). The summary
 * reads them alone: its time depends on the number of parts, not on the number of impressions. A distribution is stored as
 * a histogram of whole numbers, so that a removed list leaves what the log without it gives.
 */
import type { Database } from 'better-sqlite3';
import type { PersonalDataRows } from '../bus/projection/personal-data.ts';

/** Most positions in a summary. Later ones are counted in the total alone. */
export const POSITIONS = 50;

/** Parts of the impressions. `unattributed` counts the reactions without a list. */
export type PartKind = 'all' | 'snapshot' | 'arm' | 'position' | 'day' | 'unattributed';

export const COUNTERS_SCHEMA = `
CREATE TABLE IF NOT EXISTS part (
  kind TEXT NOT NULL, key ANY NOT NULL, lists INTEGER NOT NULL, impressions INTEGER NOT NULL, clicks INTEGER NOT NULL,
  dismissals INTEGER NOT NULL, conversions INTEGER NOT NULL, covered INTEGER NOT NULL, PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS exposure (
  item TEXT NOT NULL, kind TEXT NOT NULL, key ANY NOT NULL, impressions INTEGER NOT NULL, PRIMARY KEY (item, kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS exposure_none ON exposure (kind) WHERE impressions = 0;
CREATE TABLE IF NOT EXISTS spread (
  kind TEXT NOT NULL, key ANY NOT NULL, impressions INTEGER NOT NULL, items INTEGER NOT NULL,
  PRIMARY KEY (kind, key, impressions)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS spread_none ON spread (kind) WHERE items = 0;
CREATE TABLE IF NOT EXISTS arm_user (
  user TEXT NOT NULL, arm TEXT NOT NULL, impressions INTEGER NOT NULL, hits INTEGER NOT NULL, PRIMARY KEY (user, arm)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS arm_spread (
  arm TEXT NOT NULL, impressions INTEGER NOT NULL, hits INTEGER NOT NULL, users INTEGER NOT NULL,
  PRIMARY KEY (arm, impressions, hits)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS weighed (
  impressions INTEGER NOT NULL, weight REAL NOT NULL, clicked REAL NOT NULL, lists INTEGER NOT NULL,
  PRIMARY KEY (impressions, weight, clicked)
) STRICT, WITHOUT ROWID;`;

export const COUNTERS_DATA: PersonalDataRows = {
  part: 'arm_user',
  sql: 'SELECT arm AS key, arm_user.* FROM arm_user WHERE user = @user',
};

export type ReactionKind = 'clicked' | 'dismissed' | 'converted';

export interface Place {
  list: string;
  position: number;
}

export interface Counters {
  /** Counts a list, its impressions and the reactions to them. Called behind the insertion of its rows. */
  add(list: string): void;
  /** Undoes {@link Counters.add}. Called before the removal of the rows. */
  remove(list: string): void;
  /** Counts a reaction, or one less. Called while the row of the reaction is not there: before its insertion, after its removal. */
  react(place: Place | undefined, kind: ReactionKind, sign: 1 | -1): void;
  /** A reaction without a list has become part of a list, which is not counted yet. */
  adopted(kind: ReactionKind): void;
  /** These lists now belong to another user. */
  move(lists: readonly string[], from: string, to: string): void;
  /** The catalogue has a new item. */
  publish(item: string): void;
}

interface ListRow {
  user: string;
  arm: string;
  snapshot: string;
  day: string;
}

interface PlaceRow {
  position: number;
  propensity: number | null;
  explored: number;
  clicked: number;
  dismissed: number;
  converted: number;
}

/** By counted time, which cannot lie ahead. A time before SQLite's range has no day. */
const DAY = "coalesce(date(served.time / 1000, 'unixepoch'), 'unknown')";

const reacted = (kind: ReactionKind): string =>
  `EXISTS (SELECT 1 FROM outcome WHERE outcome.list = impression.list AND outcome.position = impression.position
   AND kind = '${kind}') AS ${kind}`;

/** The impressions of an item in a part, after one impression more or less. */
interface Exposure {
  kind: PartKind;
  key: string | number;
  impressions: number;
  /** 1: no other impression, and the item is in the catalogue. */
  known: number;
}

/** How many items more, or fewer, have so many impressions in a part. */
interface Move {
  kind: PartKind;
  key: string | number;
  impressions: number;
  items: number;
}

export function prepareCounters(db: Database): Counters {
  const listRow = db.prepare<[string], ListRow>(`SELECT user, arm, snapshot, ${DAY} AS day FROM served WHERE list = ?`);
  // Two clicks on an impression count once.
  const placeRows = db.prepare<[string], PlaceRow>(
    `SELECT position, propensity, explored, ${reacted('clicked')}, ${reacted('dismissed')}, ${reacted('converted')}
     FROM impression WHERE list = ? ORDER BY position`,
  );
  const addPart = db.prepare(
    `INSERT INTO part VALUES (?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT DO UPDATE SET lists = lists + excluded.lists,
       impressions = impressions + excluded.impressions, clicks = clicks + excluded.clicks,
       dismissals = dismissals + excluded.dismissals, conversions = conversions + excluded.conversions`,
  );
  const dropPart = db.prepare(
    `DELETE FROM part WHERE kind = ? AND key = ? AND lists = 0 AND impressions = 0 AND clicks = 0 AND dismissals = 0
       AND conversions = 0`,
  );
  /** Counts each impression of a list in its parts. Returns the item's count in the part afterwards. */
  const expose = db.prepare<object, Exposure>(
    `INSERT INTO exposure
       SELECT item, kind, key, @sign FROM impression CROSS JOIN (
         SELECT 'all' AS kind, '' AS key UNION ALL SELECT 'snapshot', @snapshot UNION ALL SELECT 'arm', @arm
         UNION ALL SELECT 'day', @day) WHERE list = @list
       UNION ALL SELECT item, 'position', position, @sign FROM impression WHERE list = @list AND position < ${POSITIONS}
     ON CONFLICT DO UPDATE SET impressions = impressions + excluded.impressions
     RETURNING kind, key, impressions,
       impressions <= 1 AND EXISTS (SELECT 1 FROM item WHERE item.item = exposure.item) AS known`,
  );
  const addSpread = db.prepare(
    'INSERT INTO spread VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET items = items + excluded.items',
  );
  const setCovered = db.prepare('UPDATE part SET covered = covered + ? WHERE kind = ? AND key = ?');
  const dropExposure = db.prepare('DELETE FROM exposure WHERE impressions = 0');
  const dropSpread = db.prepare('DELETE FROM spread WHERE items = 0');
  const coverItem = db.prepare(
    'UPDATE part SET covered = covered + 1 WHERE (kind, key) IN (SELECT kind, key FROM exposure WHERE item = ?)',
  );
  const armUser = db.prepare<[string, string], { impressions: number; hits: number }>(
    'SELECT impressions, hits FROM arm_user WHERE user = ? AND arm = ?',
  );
  const setArmUser = db.prepare('INSERT OR REPLACE INTO arm_user VALUES (?, ?, ?, ?)');
  const dropArmUser = db.prepare('DELETE FROM arm_user WHERE user = ? AND arm = ?');
  const addArmSpread = db.prepare(
    'INSERT INTO arm_spread VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET users = users + excluded.users',
  );
  const dropArmSpread = db.prepare(
    'DELETE FROM arm_spread WHERE arm = ? AND impressions = ? AND hits = ? AND users = 0',
  );
  const addWeighed = db.prepare(
    'INSERT INTO weighed VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET lists = lists + excluded.lists',
  );
  const dropWeighed = db.prepare(
    'DELETE FROM weighed WHERE impressions = ? AND weight = ? AND clicked = ? AND lists = 0',
  );

  function countUser(user: string, arm: string, impressions: number, hits: number): void {
    const before = armUser.get(user, arm);
    const after = { impressions: (before?.impressions ?? 0) + impressions, hits: (before?.hits ?? 0) + hits };
    if (before) {
      addArmSpread.run(arm, before.impressions, before.hits, -1);
      dropArmSpread.run(arm, before.impressions, before.hits);
    }
    if (after.impressions === 0) {
      dropArmUser.run(user, arm);
      return;
    }
    setArmUser.run(user, arm, after.impressions, after.hits);
    addArmSpread.run(arm, after.impressions, after.hits, 1);
  }

  function weigh(places: readonly PlaceRow[], sign: 1 | -1): void {
    let impressions = 0;
    let weight = 0;
    let clicked = 0;
    for (const { propensity, explored, clicked: isClicked } of places) {
      if (propensity === null) continue;
      impressions++;
      // Without exploration, an explored item would not have been in the list.
      const own = (1 - explored) / propensity;
      weight += own;
      if (isClicked) clicked += own;
    }
    if (impressions === 0) return;
    addWeighed.run(impressions, weight, clicked, sign);
    if (sign < 0) dropWeighed.run(impressions, weight, clicked);
  }

  const partsOf = ({ snapshot, arm, day }: ListRow): [PartKind, string][] => [
    ['all', ''],
    ['snapshot', snapshot],
    ['arm', arm],
    ['day', day],
  ];

  function countPart(kind: PartKind, key: string | number, sign: 1 | -1, lists: number, rows: readonly PlaceRow[]) {
    let [clicks, dismissals, conversions] = [0, 0, 0];
    for (const row of rows) {
      clicks += row.clicked;
      dismissals += row.dismissed;
      conversions += row.converted;
    }
    addPart.run(kind, key, sign * lists, sign * rows.length, sign * clicks, sign * dismissals, sign * conversions);
  }

  /** Moves items to the numbers that they have now. */
  function spreadOut(exposures: readonly Exposure[], sign: 1 | -1): void {
    const moves = new Map<string, Move>();
    const move = (kind: PartKind, key: string | number, impressions: number, items: number): void => {
      if (impressions === 0) return;
      const name = `${kind} ${impressions} ${key}`;
      const known = moves.get(name);
      if (known) known.items += items;
      else moves.set(name, { kind, key, impressions, items });
    };
    for (const { kind, key, impressions, known } of exposures) {
      move(kind, key, impressions - sign, -1);
      move(kind, key, impressions, 1);
      // The list is the first one that shows the item, or was the last one.
      if (known === 1 && impressions === (sign > 0 ? 1 : 0)) setCovered.run(sign, kind, key);
    }
    for (const { kind, key, impressions, items } of moves.values())
      if (items !== 0) addSpread.run(kind, key, impressions, items);
    dropSpread.run();
  }

  function count(list: string, sign: 1 | -1): void {
    const row = listRow.get(list);
    if (!row) return;
    const places = placeRows.all(list);
    if (places.length === 0) {
      countPart('all', '', sign, 1, places);
      dropPart.run('all', '');
      return;
    }
    const { user, ...of } = row;
    const named = { list, snapshot: of.snapshot, arm: of.arm, day: of.day };
    const parts: [PartKind, string | number][] = partsOf(row);
    for (const [kind, key] of parts) countPart(kind, key, sign, 1, places);
    for (const place of places.slice(0, POSITIONS)) {
      countPart('position', place.position, sign, 1, [place]);
      parts.push(['position', place.position]);
    }
    spreadOut(expose.all({ ...named, sign }), sign);
    if (sign < 0) {
      dropExposure.run();
      for (const [kind, key] of parts) dropPart.run(kind, key);
    }
    countUser(user, of.arm, sign * places.length, sign * places.reduce((sum, place) => sum + place.clicked, 0));
    weigh(places, sign);
  }

  const countLoose = (kind: ReactionKind, sign: 1 | -1): void => {
    addReaction('unattributed', '', kind, sign);
    dropPart.run('unattributed', '');
  };
  const addReaction = (part: PartKind, key: string | number, kind: ReactionKind, sign: 1 | -1): void =>
    void addPart.run(
      part,
      key,
      0,
      0,
      kind === 'clicked' ? sign : 0,
      kind === 'dismissed' ? sign : 0,
      kind === 'converted' ? sign : 0,
    );

  return {
    add: (list) => count(list, 1),
    remove: (list) => count(list, -1),
    react: (place, kind, sign) => {
      if (!place) {
        countLoose(kind, sign);
        return;
      }
      const row = listRow.get(place.list);
      const places = row ? placeRows.all(place.list) : [];
      const at = places[place.position];
      if (!row || !at || at[kind]) return;
      for (const [part, key] of partsOf(row)) addReaction(part, key, kind, sign);
      if (place.position < POSITIONS) addReaction('position', place.position, kind, sign);
      if (kind !== 'clicked') return;
      countUser(row.user, row.arm, 0, sign);
      if (at.propensity === null) return;
      const clicked = places.map((one) => (one === at ? { ...one, clicked: 1 } : one));
      weigh(sign > 0 ? places : clicked, -1);
      weigh(sign > 0 ? clicked : places, 1);
    },
    adopted: (kind) => countLoose(kind, -1),
    move: (lists, from, to) => {
      for (const list of lists) {
        const { arm } = listRow.get(list) as ListRow;
        const places = placeRows.all(list);
        const hits = places.reduce((sum, place) => sum + place.clicked, 0);
        if (places.length === 0) continue;
        countUser(from, arm, -places.length, -hits);
        countUser(to, arm, places.length, hits);
      }
    },
    publish: (item) => void coverItem.run(item),
  };
}
