/** Pages of the catalogue end where they are full. */

/** The first rows that fit into so many bytes, and at least one. */
export function withinBytes<T>(rows: readonly T[], most: number, bytesOf: (row: T) => number): readonly T[] {
  let bytes = 0;
  const end = rows.findIndex((row, i) => {
    bytes += bytesOf(row);
    return i > 0 && bytes > most;
  });
  return end === -1 ? rows : rows.slice(0, end);
}
