/** The erasure of a user, as the gateway answers it. It does not name the user. */
export interface Erasure {
  erasure: string;
  requested: string;
  state: 'recording' | 'purging' | 'folding' | 'rebuilding' | 'done';
  deadline: string;
  overdue: boolean;
  done: string | null;
  /** In sentences; empty once it is done. */
  waits_for: string[];
}

export interface ErasureList {
  /** Open ones first, then the newest. */
  erasures: Erasure[];
  open: number;
  overdue: number;
  total: number;
}
