/** The nearest known name, for errors and warnings about a name that is probably mistyped. */

/** Number of insertions, deletions, replacements and swaps of neighbours (optimal string alignment distance). */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, rows[i - 2]![j - 2]! + 1);
      row.push(least);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}

/** Longest name that is compared, and most known names: a caller may choose both. */
const LENGTH_MOST = 100;
const KNOWN_MOST = 5_000;

/** The known name that takes the fewest changes, at most a third of the name's length; the first one of several. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  if (name.length > LENGTH_MOST) return undefined;
  let found: string | undefined;
  let least = Math.floor(Math.max(name.length, 3) / 3) + 1;
  let left = KNOWN_MOST;
  for (const one of known) {
    if (left-- === 0) break;
    if (Math.abs(one.length - name.length) >= least) continue;
    const changes = distance(name, one);
    if (changes >= least) continue;
    least = changes;
    found = one;
  }
  return found;
}
