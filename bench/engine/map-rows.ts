/** The same pair counts in `Map`s of objects: the obvious implementation, as a reference for the packed rows. */
import { STATISTICS_DEFAULTS } from '../../src/engine/model/mod.ts';

interface Counts {
  f: number;
  b: number;
  co: number;
}

export interface MapRows {
  /** Counts one event of a user by the formula of `src/engine/model/state/statistics.ts`. */
  count(user: string, item: string, weight: number): void;
  /** Stored pairs, each pair of items in two rows. */
  pairs(): number;
}

export function createMapRows(): MapRows {
  const { transitionReach, transitionDecay, coOccurrenceReach } = STATISTICS_DEFAULTS;
  const rows = new Map<string, Map<string, Counts>>();
  const histories = new Map<string, string[]>();
  const rowOf = (item: string): Map<string, Counts> => {
    let row = rows.get(item);
    if (row === undefined) {
      row = new Map();
      rows.set(item, row);
    }
    return row;
  };
  const add = (from: string, to: string, f: number, b: number, co: number): void => {
    const row = rowOf(from);
    const counts = row.get(to);
    if (counts === undefined) row.set(to, { f, b, co });
    else {
      counts.f += f;
      counts.b += b;
      counts.co += co;
    }
  };
  return {
    count: (user, item, weight) => {
      let history = histories.get(user);
      if (history === undefined) {
        history = [];
        histories.set(user, history);
      }
      for (let a = 0; a < Math.min(coOccurrenceReach, history.length); a++) {
        const other = history[history.length - 1 - a] as string;
        if (other === item) continue;
        const r = a < transitionReach ? Math.round(64 * weight * transitionDecay ** a) : 0;
        add(item, other, 0, r, weight);
        add(other, item, r, 0, weight);
      }
      history.push(item);
    },
    pairs: () => {
      let pairs = 0;
      for (const row of rows.values()) pairs += row.size;
      return pairs;
    },
  };
}
