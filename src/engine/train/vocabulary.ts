/** The features of a training, and items as rows of features. */
import type { TrainingData } from '../model/mod.ts';

/** Items as sparse rows: columns and values from `starts[item]` up to `starts[item + 1]`. */
export interface ItemRows {
  /** Hashes of the features, by column; the columns after them hold the embedding. */
  hashes: Uint32Array;
  /** Number of columns. */
  columns: number;
  starts: Int32Array;
  places: Int32Array;
  values: Float32Array;
}

/** The features that the most items have, ties by hash. A feature of one item alone says nothing about other items. */
export function itemRows(data: TrainingData, most: number): ItemRows {
  const counts = new Map<number, number>();
  for (const hash of data.features) counts.set(hash, (counts.get(hash) ?? 0) + 1);
  const chosen = [...counts].filter(([, n]) => n > 1).sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  const hashes = Uint32Array.from(chosen.slice(0, most), ([hash]) => hash);
  const columns = new Map<number, number>();
  for (const [column, hash] of hashes.entries()) columns.set(hash, column);
  const items = data.featureStarts.length - 1;
  const starts = new Int32Array(items + 1);
  const places: number[] = [];
  const values: number[] = [];
  for (let item = 0; item < items; item++) {
    for (let at = data.featureStarts[item]!; at < data.featureStarts[item + 1]!; at++) {
      const column = columns.get(data.features[at]!);
      if (column === undefined) continue;
      places.push(column);
      values.push(1);
    }
    for (let at = 0; at < data.embeddingSize; at++) {
      const value = data.embeddings[item * data.embeddingSize + at]!;
      if (value === 0) continue;
      places.push(hashes.length + at);
      values.push(value);
    }
    starts[item + 1] = places.length;
  }
  return {
    hashes,
    columns: hashes.length + data.embeddingSize,
    starts,
    places: Int32Array.from(places),
    values: Float32Array.from(values),
  };
}

export function addRow(rows: ItemRows, item: number, factor: number, into: Float32Array, offset: number): void {
  for (let at = rows.starts[item]!; at < rows.starts[item + 1]!; at++) {
    const place = offset + rows.places[at]!;
    into[place] = into[place]! + factor * rows.values[at]!;
  }
}
