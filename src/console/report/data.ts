/** What a report shows. No member has an id of a user. */
import type { ArmResult, ByPosition, Rate } from '../api/results.ts';

/** Hit rate and NDCG at 10, of the model and of two plain methods on the same events. */
export interface QualityPoint {
  /** Clock of the fold at the snapshot, milliseconds since 1970. */
  time: number;
  seq: number;
  /** Events of the window. */
  events: number;
  model: { hr: number; ndcg: number };
  popular: { hr: number; ndcg: number };
  item_knn: { hr: number; ndcg: number };
}

export interface ReportItem extends Rate {
  item: string;
  title: string | null;
}

export interface ReportData {
  /** When it was made, RFC 3339. */
  at: string;
  version: string;
  /** Newest sequence of the log, and its number of events. */
  head: number;
  messages: number;
  model: { users: number; items: number; events: number } | null;
  /** Oldest first. */
  quality: QualityPoint[];
  lists: number;
  total: Rate & { conversion_rate: number };
  shown: { items: number; coverage: number | null; gini: number };
  /** By day of serving, UTC, oldest first. */
  days: { day: string; impressions: number; ctr: number; coverage: number | null }[];
  by_position: ByPosition['by_position'];
  items: { shown: number; never_shown: number; top: ReportItem[]; never: { item: string; title: string | null }[] };
  /** Newest first. */
  experiments: {
    experiment: string;
    state: string;
    started: string;
    ended: string | null;
    alpha: number;
    arms: (ArmResult & { share: number })[];
  }[];
}
