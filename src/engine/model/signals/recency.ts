/**
 * How lately users take an item, by the log's own pace: positions since its last and its first event, and its rate,
 * which is a number of its newest postings over the positions since the oldest of them. Popularity by event time needs
 * half-lives that suit the data; the pace of the log always suits it.
 *
 * An event adds its posting (postings.ts) and nothing else. The kernel reads the newest postings of each candidate
 * (kernel/assembly/search.ts). Reasons name this signal popularity.
 */
import { FEATURE } from './names.ts';

export const RECENCY_CHANNELS = [
  FEATURE.sinceTaken,
  FEATURE.sinceFirst,
  FEATURE.takenLately,
  FEATURE.takenLatelyLong,
] as const;
