/**
 * One way of reading the pair counts for a history: which count, how it fades with events further back, and how it is
 * divided by how frequent both items are. `s(j) = n_j^-target sum_a decay^a n[h_a]^-source C[h_a][j]`
 */
export interface PairChannel {
  name: string;
  /** The signal under whose name it is explained. */
  signal: 'directed' | 'together';
  count: 'f' | 'b' | 'co';
  decay: number;
  source: number;
  target: number;
  /** What one full co-occurrence counts in the table. */
  unit: number;
}
