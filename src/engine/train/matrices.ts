/** Dense linear algebra in float64 that TensorFlow.js does not have. Matrices are row-major. */

/**
 * Lower triangle L with L L' = A (n x n, symmetric, positive definite); only A's lower triangle is read. Columns come one
 * after the other, and in each column four rows at a time, whose sums do not depend on each other.
 */
export function cholesky(a: Float64Array, n: number): Float64Array {
  const lower = new Float64Array(n * n);
  for (let j = 0; j < n; j++) {
    const own = j * n;
    let square = a[own + j]!;
    for (let k = 0; k < j; k++) square -= lower[own + k]! * lower[own + k]!;
    const pivot = Math.sqrt(square);
    lower[own + j] = pivot;
    let i = j + 1;
    for (; i + 3 < n; i += 4) {
      const first = i * n;
      const second = first + n;
      const third = second + n;
      const fourth = third + n;
      let p = a[first + j]!;
      let q = a[second + j]!;
      let r = a[third + j]!;
      let s = a[fourth + j]!;
      for (let k = 0; k < j; k++) {
        const factor = lower[own + k]!;
        p -= lower[first + k]! * factor;
        q -= lower[second + k]! * factor;
        r -= lower[third + k]! * factor;
        s -= lower[fourth + k]! * factor;
      }
      lower[first + j] = p / pivot;
      lower[second + j] = q / pivot;
      lower[third + j] = r / pivot;
      lower[fourth + j] = s / pivot;
    }
    for (; i < n; i++) {
      const row = i * n;
      let sum = a[row + j]!;
      for (let k = 0; k < j; k++) sum -= lower[row + k]! * lower[own + k]!;
      lower[row + j] = sum / pivot;
    }
  }
  return lower;
}

/** Rows that {@link invertLower} computes at a time. */
const BLOCK = 4;

/**
 * Inverse of a lower triangle (n x n). A row of the inverse follows from the rows above it, which are read once for a
 * block of rows.
 */
export function invertLower(lower: Float64Array, n: number): Float64Array {
  const inverse = new Float64Array(n * n);
  for (let from = 0; from < n; from += BLOCK) {
    const rows = Math.min(BLOCK, n - from);
    if (rows === BLOCK) subtractAbove(lower, inverse, n, from);
    for (let i = from; i < from + rows; i++) {
      const row = i * n;
      const pivot = 1 / lower[row + i]!;
      for (let k = rows === BLOCK ? from : 0; k < i; k++) {
        const factor = lower[row + k]!;
        const above = k * n;
        for (let j = 0; j <= k; j++) inverse[row + j] = inverse[row + j]! - factor * inverse[above + j]!;
      }
      for (let j = 0; j < i; j++) inverse[row + j] = inverse[row + j]! * pivot;
      inverse[row + i] = pivot;
    }
  }
  return inverse;
}

/** Subtracts from a block of rows of the inverse what the rows above the block contribute. */
function subtractAbove(lower: Float64Array, inverse: Float64Array, n: number, from: number): void {
  const first = from * n;
  const second = first + n;
  const third = second + n;
  const fourth = third + n;
  for (let k = 0; k < from; k++) {
    const [p, q, r, s] = [lower[first + k]!, lower[second + k]!, lower[third + k]!, lower[fourth + k]!];
    const above = k * n;
    for (let j = 0; j <= k; j++) {
      const value = inverse[above + j]!;
      inverse[first + j] = inverse[first + j]! - p * value;
      inverse[second + j] = inverse[second + j]! - q * value;
      inverse[third + j] = inverse[third + j]! - r * value;
      inverse[fourth + j] = inverse[fourth + j]! - s * value;
    }
  }
}

/** Makes the columns of a matrix (n x k) orthonormal in place, from the first on; a column that depends on those before it becomes 0. */
export function orthonormalise(v: Float64Array, n: number, k: number): void {
  // Column by column in memory, as all of the work is on columns.
  const columns = new Float64Array(n * k);
  for (let row = 0; row < n; row++) for (let j = 0; j < k; j++) columns[j * n + row] = v[row * k + j]!;
  for (let j = 0; j < k; j++) {
    const own = j * n;
    // Twice is enough for rounding (Kahan; Parlett, "The Symmetric Eigenvalue Problem", 6.9).
    for (let pass = 0; pass < 2; pass++) takeOut(columns, n, own, j);
    let squares = 0;
    for (let row = 0; row < n; row++) squares += columns[own + row]! * columns[own + row]!;
    const scale = squares > 1e-20 ? 1 / Math.sqrt(squares) : 0;
    for (let row = 0; row < n; row++) columns[own + row] = columns[own + row]! * scale;
  }
  for (let row = 0; row < n; row++) for (let j = 0; j < k; j++) v[row * k + j] = columns[j * n + row]!;
}

/**
 * Takes the parts along the first `count` columns, which are orthonormal, out of the column at `own`: four columns at a
 * time, whose sums do not depend on each other.
 */
function takeOut(columns: Float64Array, n: number, own: number, count: number): void {
  let i = 0;
  for (; i + 3 < count; i += 4) {
    const first = i * n;
    const second = first + n;
    const third = second + n;
    const fourth = third + n;
    let [p, q, r, s] = [0, 0, 0, 0];
    for (let row = 0; row < n; row++) {
      const value = columns[own + row]!;
      p += columns[first + row]! * value;
      q += columns[second + row]! * value;
      r += columns[third + row]! * value;
      s += columns[fourth + row]! * value;
    }
    for (let row = 0; row < n; row++)
      columns[own + row] =
        columns[own + row]! -
        p * columns[first + row]! -
        q * columns[second + row]! -
        r * columns[third + row]! -
        s * columns[fourth + row]!;
  }
  for (; i < count; i++) {
    const other = i * n;
    let dot = 0;
    for (let row = 0; row < n; row++) dot += columns[other + row]! * columns[own + row]!;
    for (let row = 0; row < n; row++) columns[own + row] = columns[own + row]! - dot * columns[other + row]!;
  }
}
