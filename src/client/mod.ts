/** The client library, for browsers and Node 20 or newer. */
export {
  type ClientOptions,
  createClient,
  type FreshetClient,
  FreshetClientError,
  type PublishExtras,
} from './client.ts';
export type { QueueStorage } from './queue.ts';
export type {
  CatalogueItem,
  CatalogueItems,
  ClientEvent,
  ClientEventData,
  ClientEventType,
  FoundItems,
  ListOptions,
  RankedItem,
  Ranking,
  RecommendOptions,
  RejectedEvent,
  SearchOptions,
  UserRanking,
  Warning,
} from './types.ts';
