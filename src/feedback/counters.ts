/**
 * Counters of impressions and reactions, which the fold keeps in the transaction of the rows (decision 0038). The summary
 * reads them alone: its time depends on the number of parts, not on the number of impressions. A distribution is stored as
 * a histogram of whole numbers, so that a removed list leaves what the log without it gives.
 */
import type { Database } from 'better-sqlite3';
import type { Gathered } from '../bus/projection/definition.ts';
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
  kind TEXT NOT NULL, key ANY NOT NULL, item TEXT NOT NULL, impressions INTEGER NOT NULL, PRIMARY KEY (kind, key, item)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spread (
  kind TEXT NOT NULL, key ANY NOT NULL, impressions INTEGER NOT NULL, items INTEGER NOT NULL,
  PRIMARY KEY (kind, key, impressions)
) STRICT, WITHOUT ROWID;
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
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS item_reaction (
  item TEXT NOT NULL, position INTEGER NOT NULL, clicks INTEGER NOT NULL, dismissals INTEGER NOT NULL,
  conversions INTEGER NOT NULL, PRIMARY KEY (item, position)
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

export interface Counters extends Gathered {
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
  item: string;
  propensity: number | null;
  explored: number;
  clicked: number;
  dismissed: number;
  converted: number;
}

/** By counted time, which cannot lie ahead. A time before SQLite's range has no day. */
const DAY = "coalesce(date(served.time / 1000, 'unixepoch'), 'unknown')";

interface ItemReactions extends Record<ReactionKind, number> {
  item: string;
  position: number;
}

/** What the events of a transaction change in a part. */
interface Change {
  kind: PartKind;
  key: string | number;
  lists: number;
  impressions: number;
  clicked: number;
  dismissed: number;
  converted: number;
  /** Impressions of items. */
  items: Map<string, number>;
}

/** Whether an earlier release wrote the rows: it kept no counters, and a rebuild beside the file is under way. */
export const lacksCounters = (db: Database): boolean =>
  db
    .prepare<[], number>("SELECT EXISTS (SELECT 1 FROM served) AND NOT EXISTS (SELECT 1 FROM part WHERE kind = 'all')")
    .pluck()
    .get() === 1;

/**
 * Whether an earlier release wrote the rows: it counted reactions, and not those of each item. Only a file of that release
 * has the one without the other.
 */
export const lacksItemReactions = (db: Database): boolean =>
  lacksCounters(db) ||
  db
    .prepare<[], number>(
      `SELECT EXISTS (SELECT 1 FROM part WHERE kind = 'all' AND clicks + dismissals + conversions > 0)
         AND NOT EXISTS (SELECT 1 FROM item_reaction)`,
    )
    .pluck()
    .get() === 1;

const NO_COUNTERS: Counters = {
  add: () => {},
  remove: () => {},
  react: () => {},
  adopted: () => {},
  move: () => {},
  publish: () => {},
  write: () => {},
  drop: () => {},
};

export function prepareCounters(db: Database): Counters {
  // Counters of the later lists alone would be wrong.
  if (lacksCounters(db)) return NO_COUNTERS;
  const listRow = db.prepare<[string], ListRow>(`SELECT user, arm, snapshot, ${DAY} AS day FROM served WHERE list = ?`);
  const impressions = db.prepare<[string], Pick<PlaceRow, 'position' | 'item' | 'propensity' | 'explored'>>(
    'SELECT position, item, propensity, explored FROM impression WHERE list = ? ORDER BY position',
  );
  // Two clicks on an impression count once.
  const reactions = db.prepare<[string], { position: number; kind: ReactionKind }>(
    'SELECT DISTINCT position, kind FROM outcome WHERE list = ?',
  );
  /** The places of a list in their order, with the reactions to each. */
  function placesOf(list: string): PlaceRow[] {
    const places = impressions.all(list).map((row) => ({ ...row, clicked: 0, dismissed: 0, converted: 0 }));
    for (const { position, kind } of reactions.all(list)) {
      const place = places[position];
      if (place) place[kind] = 1;
    }
    return places;
  }
  const addPart = db.prepare(
    `INSERT INTO part VALUES (?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT DO UPDATE SET lists = lists + excluded.lists,
       impressions = impressions + excluded.impressions, clicks = clicks + excluded.clicks,
       dismissals = dismissals + excluded.dismissals, conversions = conversions + excluded.conversions`,
  );
  const dropPart = db.prepare(
    `DELETE FROM part WHERE kind = ? AND key = ? AND lists = 0 AND impressions = 0 AND clicks = 0 AND dismissals = 0
       AND conversions = 0`,
  );
  // One statement for all items of a part: measured at half the time of a statement for each.
  const addExposures = db
    .prepare<[PartKind, string | number, string], [item: string, impressions: number]>(
      `INSERT INTO exposure SELECT ?, ?, value ->> 0, value ->> 1 FROM json_each(?) WHERE true
       ON CONFLICT DO UPDATE SET impressions = impressions + excluded.impressions RETURNING item, impressions`,
    )
    .raw();
  const dropExposure = db.prepare('DELETE FROM exposure WHERE kind = ? AND key = ? AND item = ?');
  const isShown = db.prepare<[PartKind, string | number, string], number>(
    'SELECT 1 FROM exposure WHERE kind = ? AND key = ? AND item = ?',
  );
  const isListed = db.prepare<[string], number>('SELECT 1 FROM item WHERE item = ?');
  const parts = db.prepare<[], { kind: PartKind; key: string | number }>('SELECT kind, key FROM part');
  const addSpread = db.prepare(
    'INSERT INTO spread VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET items = items + excluded.items',
  );
  const dropSpread = db.prepare('DELETE FROM spread WHERE kind = ? AND key = ? AND impressions = ? AND items = 0');
  const setCovered = db.prepare('UPDATE part SET covered = covered + ? WHERE kind = ? AND key = ?');
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

  const countsItems = !lacksItemReactions(db);
  const addItemReactions = db.prepare(
    `INSERT INTO item_reaction VALUES (@item, @position, @clicked, @dismissed, @converted) ON CONFLICT DO UPDATE SET
       clicks = clicks + excluded.clicks, dismissals = dismissals + excluded.dismissals,
       conversions = conversions + excluded.conversions`,
  );
  const dropItemReactions = db.prepare(
    `DELETE FROM item_reaction WHERE item = @item AND position = @position AND clicks = 0 AND dismissals = 0
       AND conversions = 0`,
  );
  /** What the events of a transaction change in the reactions to items, by item and position. */
  let itemReactions = new Map<string, ItemReactions>();
  function reactToItem(item: string, at: number, more: Record<ReactionKind, number>): void {
    // Later positions share a row, since a summary has none of them.
    const position = Math.min(at, POSITIONS);
    const name = `${position} ${item}`;
    const known = itemReactions.get(name) ?? { item, position, clicked: 0, dismissed: 0, converted: 0 };
    known.clicked += more.clicked;
    known.dismissed += more.dismissed;
    known.converted += more.converted;
    itemReactions.set(name, known);
  }
  function writeItemReactions(): void {
    for (const one of itemReactions.values()) {
      if (one.clicked === 0 && one.dismissed === 0 && one.converted === 0) continue;
      addItemReactions.run(one);
      if (one.clicked < 0 || one.dismissed < 0 || one.converted < 0) dropItemReactions.run(one);
    }
    itemReactions = new Map();
  }

  let changes = new Map<string, Change>();
  function changeOf(kind: PartKind, key: string | number): Change {
    const name = `${kind} ${key}`;
    let change = changes.get(name);
    if (change === undefined) {
      change = { kind, key, lists: 0, impressions: 0, clicked: 0, dismissed: 0, converted: 0, items: new Map() };
      changes.set(name, change);
    }
    return change;
  }

  const changesOf = ({ snapshot, arm, day }: ListRow): Change[] => [
    changeOf('all', ''),
    changeOf('snapshot', snapshot),
    changeOf('arm', arm),
    changeOf('day', day),
  ];

  function countPlace(change: Change, place: PlaceRow, sign: 1 | -1): void {
    change.impressions += sign;
    change.clicked += sign * place.clicked;
    change.dismissed += sign * place.dismissed;
    change.converted += sign * place.converted;
    change.items.set(place.item, (change.items.get(place.item) ?? 0) + sign);
  }

  function count(list: string, sign: 1 | -1): void {
    const row = listRow.get(list);
    if (!row) return;
    const places = placesOf(list);
    if (places.length === 0) {
      changeOf('all', '').lists += sign;
      return;
    }
    for (const change of changesOf(row)) {
      change.lists += sign;
      for (const place of places) countPlace(change, place, sign);
    }
    for (const place of places.slice(0, POSITIONS)) {
      const change = changeOf('position', place.position);
      change.lists += sign;
      countPlace(change, place, sign);
    }
    for (const { position, item, clicked, dismissed, converted } of places)
      if (clicked + dismissed + converted > 0)
        reactToItem(item, position, {
          clicked: sign * clicked,
          dismissed: sign * dismissed,
          converted: sign * converted,
        });
    countUser(row.user, row.arm, sign * places.length, sign * places.reduce((sum, place) => sum + place.clicked, 0));
    weigh(places, sign);
  }

  /** Moves the items of a part to the numbers of impressions that they have now. */
  function writeItems({ kind, key, items }: Change): void {
    const moves = new Map<number, number>();
    const move = (impressions: number, more: number): void => {
      if (impressions > 0) moves.set(impressions, (moves.get(impressions) ?? 0) + more);
    };
    let covered = 0;
    const changed = [...items].filter(([, more]) => more !== 0);
    for (const [item, impressions] of addExposures.all(kind, key, JSON.stringify(changed))) {
      const before = impressions - (items.get(item) as number);
      move(before, -1);
      move(impressions, 1);
      if ((before === 0 || impressions === 0) && isListed.get(item)) covered += before === 0 ? 1 : -1;
      if (impressions === 0) dropExposure.run(kind, key, item);
    }
    for (const [impressions, more] of moves) {
      if (more !== 0) addSpread.run(kind, key, impressions, more);
      if (more < 0) dropSpread.run(kind, key, impressions);
    }
    if (covered !== 0) setCovered.run(covered, kind, key);
  }

  return {
    add: (list) => count(list, 1),
    remove: (list) => count(list, -1),
    react: (place, kind, sign) => {
      if (!place) {
        changeOf('unattributed', '')[kind] += sign;
        return;
      }
      const row = listRow.get(place.list);
      const places = row ? placesOf(place.list) : [];
      const at = places[place.position];
      if (!row || !at || at[kind]) return;
      for (const change of changesOf(row)) change[kind] += sign;
      if (place.position < POSITIONS) changeOf('position', place.position)[kind] += sign;
      reactToItem(at.item, place.position, { clicked: 0, dismissed: 0, converted: 0, [kind]: sign });
      if (kind !== 'clicked') return;
      countUser(row.user, row.arm, 0, sign);
      if (at.propensity === null) return;
      const clicked = places.map((one) => (one === at ? { ...one, clicked: 1 } : one));
      weigh(sign > 0 ? places : clicked, -1);
      weigh(sign > 0 ? clicked : places, 1);
    },
    adopted: (kind) => {
      changeOf('unattributed', '')[kind]--;
    },
    move: (lists, from, to) => {
      for (const list of lists) {
        const { arm } = listRow.get(list) as ListRow;
        const places = placesOf(list);
        const hits = places.reduce((sum, place) => sum + place.clicked, 0);
        if (places.length === 0) continue;
        countUser(from, arm, -places.length, -hits);
        countUser(to, arm, places.length, hits);
      }
    },
    publish: (item) => {
      if (!isShown.get('all', '', item)) return;
      for (const { kind, key } of parts.all()) if (isShown.get(kind, key, item)) setCovered.run(1, kind, key);
    },
    write: () => {
      for (const change of changes.values()) {
        const { kind, key, lists, impressions, clicked, dismissed, converted } = change;
        addPart.run(kind, key, lists, impressions, clicked, dismissed, converted);
        writeItems(change);
        dropPart.run(kind, key);
      }
      changes = new Map();
      if (countsItems) writeItemReactions();
    },
    drop: () => {
      changes = new Map();
      itemReactions = new Map();
    },
  };
}
