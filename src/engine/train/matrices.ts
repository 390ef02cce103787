/** Dense linear algebra in float64 that TensorFlow.js does not have. Matrices are row-major. */

/** Lower triangle L with L L' = A (n x n, symmetric, positive definite); only A's lower triangle is read. */
export function cholesky(a: Float64Array, n: number): Float64Array {
  const lower = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const own = i * n;
    for (let j = 0; j <= i; j++) {
      const other = j * n;
      let sum = a[own + j]!;
      for (let k = 0; k < j; k++) sum -= lower[own + k]! * lower[other + k]!;
      lower[own + j] = i === j ? Math.sqrt(sum) : sum / lower[other + j]!;
    }
  }
  return lower;
}

/** Inverse of a lower triangle (n x n). */
export function invertLower(lower: Float64Array, n: number): Float64Array {
  const inverse = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const row = i * n;
    const pivot = 1 / lower[row + i]!;
    // Row i of the inverse from the rows above it, so that memory is walked along rows.
    for (let k = 0; k < i; k++) {
      const factor = lower[row + k]!;
      if (factor === 0) continue;
      const above = k * n;
      for (let j = 0; j <= k; j++) inverse[row + j] = inverse[row + j]! - factor * inverse[above + j]!;
    }
    for (let j = 0; j < i; j++) inverse[row + j] = inverse[row + j]! * pivot;
    inverse[row + i] = pivot;
  }
  return inverse;
}

/** Makes the columns of a matrix (n x k) orthonormal in place, from the first on; a column that depends on those before it becomes 0. */
export function orthonormalise(v: Float64Array, n: number, k: number): void {
  for (let j = 0; j < k; j++) {
    // Twice is enough for rounding (Kahan; Parlett, "The Symmetric Eigenvalue Problem", 6.9).
    for (let pass = 0; pass < 2; pass++) {
      for (let i = 0; i < j; i++) {
        let dot = 0;
        for (let row = 0; row < n; row++) dot += v[row * k + i]! * v[row * k + j]!;
        for (let row = 0; row < n; row++) v[row * k + j] = v[row * k + j]! - dot * v[row * k + i]!;
      }
    }
    let squares = 0;
    for (let row = 0; row < n; row++) squares += v[row * k + j]! * v[row * k + j]!;
    const scale = squares > 1e-20 ? 1 / Math.sqrt(squares) : 0;
    for (let row = 0; row < n; row++) v[row * k + j] = v[row * k + j]! * scale;
  }
}
