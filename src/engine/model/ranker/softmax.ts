/**
 * Losses over a list, as their gradients by score. They turn the probabilities of rows (`softmax` of the kernel), whose
 * sums run in the order of rows, into gradients in place. So a list has exactly one gradient.
 */

/** Gradient of `-ln p(target)`. */
export function positiveGradient(probabilities: Float64Array, _rows: number, target: number): void {
  probabilities[target] = probabilities[target]! - 1;
}

/**
 * Gradient of `-ln(1 - p(refused))`: it lowers the refused item and raises the others in proportion to their
 * probabilities, so a dismissal says nothing about the order of the others.
 */
export function negativeGradient(probabilities: Float64Array, rows: number, refused: number): void {
  const p = probabilities[refused]!;
  const rest = Math.max(1 - p, 1e-9);
  for (let row = 0; row < rows; row++)
    probabilities[row] = row === refused ? p : (-p * probabilities[row]!) / rest;
}
