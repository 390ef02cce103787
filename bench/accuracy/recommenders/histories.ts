import type { Interaction } from '../data/data-set.ts';
import type { Asked } from './port.ts';

const NOTHING: readonly number[] = [];

/** The items that each user took, oldest first. */
export interface Histories {
  /** Adds an interaction, and returns the user's items before it. */
  add(interaction: Interaction): readonly number[];
  of(question: Asked): readonly number[];
  /** All histories, user after user. */
  all(): (readonly number[])[];
  count(): number;
}

export function createHistories(): Histories {
  const histories: number[][] = [];
  let count = 0;
  return {
    add: ({ user, item }) => {
      let own = histories[user];
      if (own === undefined) {
        own = [];
        histories[user] = own;
      }
      const before = own.slice();
      own.push(item);
      count++;
      return before;
    },
    of: ({ user, history }) => history ?? histories[user] ?? NOTHING,
    all: () => histories.filter((own) => own !== undefined),
    count: () => count,
  };
}
