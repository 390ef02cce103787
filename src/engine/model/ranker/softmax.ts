/**
 * Losses over a list, as their gradients by score. Sums run in the order of rows (kernel/assembly/ranker.ts), so a list
 * has exactly one gradient.
 */
import type { Column, Kernel } from '../kernel/kernel.ts';

type Scores = Column<Float64Array>;

/** Writes the gradient of `-ln p(target)` into `into`. */
export function positiveGradient(kernel: Kernel, scores: Scores, rows: number, target: number, into: Scores): void {
  kernel.calls.softmax(scores.address, rows, into.address);
  const { view } = into;
  view[target] = view[target]! - 1;
}

/**
 * Writes the gradient of `-ln(1 - p(refused))`: it lowers the refused item and raises the others in proportion to their
 * probabilities, so a dismissal says nothing about the order of the others.
 */
export function negativeGradient(kernel: Kernel, scores: Scores, rows: number, refused: number, into: Scores): void {
  kernel.calls.softmax(scores.address, rows, into.address);
  const { view } = into;
  const p = view[refused]!;
  const rest = Math.max(1 - p, 1e-9);
  for (let row = 0; row < rows; row++) view[row] = row === refused ? p : (-p * view[row]!) / rest;
}
