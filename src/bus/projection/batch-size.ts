/** How many messages a batch takes, so that callers do not wait long for its end. */
import type { LoopLimits } from './loop.ts';

export interface BatchSize {
  /** Most messages of the next batch. */
  most(): number;
  /** A batch of so many messages took so many milliseconds. */
  took(messages: number, ms: number): void;
}

/** Share of the newest batch in the mean time of a message. */
const NEWEST = 0.2;

/** From `batchMax` on it follows the mean time that a message took. */
export function createBatchSize({ batchMax, batchMs }: Pick<LoopLimits, 'batchMax' | 'batchMs'>): BatchSize {
  let perMessage: number | undefined;
  return {
    most: () =>
      perMessage === undefined ? batchMax : Math.max(1, Math.min(batchMax, Math.floor(batchMs / perMessage))),
    took: (messages, ms) => {
      // A transaction has a fixed cost, so a message alone says little about one of many.
      const weight = NEWEST * Math.min(1, messages / 10);
      perMessage = perMessage === undefined ? ms / messages : perMessage + weight * (ms / messages - perMessage);
    },
  };
}
