/** Sums over pairs of items: a full table for a small catalogue, else rows of the pairs that occur. */

export interface PairCounts {
  add(from: number, to: number, amount: number): void;
  /** Calls back with every count in the row of this item. */
  each(from: number, visit: (to: number, amount: number) => void): void;
}

/** Most items for a full table, which then takes at most 150 MB. */
const DENSE_ITEMS = 6_000;

export function createPairCounts(items: number): PairCounts {
  if (items <= DENSE_ITEMS) {
    const table = new Float32Array(items * items);
    return {
      add: (from, to, amount) => {
        const at = from * items + to;
        table[at] = (table[at] as number) + amount;
      },
      each: (from, visit) => {
        for (let to = 0, at = from * items; to < items; to++, at++) {
          const amount = table[at] as number;
          if (amount !== 0) visit(to, amount);
        }
      },
    };
  }
  const rows: (Map<number, number> | undefined)[] = [];
  return {
    add: (from, to, amount) => {
      let row = rows[from];
      if (row === undefined) {
        row = new Map();
        rows[from] = row;
      }
      row.set(to, (row.get(to) ?? 0) + amount);
    },
    each: (from, visit) => {
      rows[from]?.forEach((amount, to) => {
        visit(to, amount);
      });
    },
  };
}
