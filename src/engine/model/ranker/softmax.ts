/**
 * Losses over a list, as their gradients by score. Sums run in the order of rows, so a list has exactly one gradient.
 */
import { exp } from '../primitives/math.ts';

/** A larger difference of scores counts as infinite, as `exp` cannot compute it. */
const LOWEST = -600;

/** Writes the probabilities of scores into `into`. */
export function softmax(scores: Float64Array, rows: number, into: Float64Array): void {
  let most = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < rows; row++) if (scores[row]! > most) most = scores[row]!;
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    const p = exp(Math.max(scores[row]! - most, LOWEST));
    into[row] = p;
    sum += p;
  }
  for (let row = 0; row < rows; row++) into[row] = into[row]! / sum;
}

/** Gradient of `-ln p(target)`. */
export function positiveGradient(scores: Float64Array, rows: number, target: number, into: Float64Array): void {
  softmax(scores, rows, into);
  into[target] = into[target]! - 1;
}

/**
 * Gradient of `-ln(1 - p(refused))`: it lowers the refused item and raises the others in proportion to their
 * probabilities, so a dismissal says nothing about the order of the others.
 */
export function negativeGradient(scores: Float64Array, rows: number, refused: number, into: Float64Array): void {
  softmax(scores, rows, into);
  const p = into[refused]!;
  const rest = Math.max(1 - p, 1e-9);
  for (let row = 0; row < rows; row++) into[row] = row === refused ? p : (-p * into[row]!) / rest;
}
