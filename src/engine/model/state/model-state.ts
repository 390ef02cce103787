/** All that the model holds of the log, as one record that the fold writes and that answers and learning read. */
import type { ItemData } from '../../../bus/event/types.ts';
import { IdPrefixes } from '../kernel/id-prefixes.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { Catalogue } from './catalogue.ts';
import { Dismissals } from './dismissals.ts';
import { Histories } from './histories.ts';
import { HistoryWriter } from './history-writer.ts';
import { IdTable } from './id-table.ts';
import { Impressions, type ImpressionsConfig } from './impressions.ts';
import { Links } from './links.ts';
import { LogHead } from './log-head.ts';
import { Popularity, type PopularityConfig } from './popularity.ts';
import { Postings } from './postings.ts';
import { Statistics, type StatisticsConfig } from './statistics.ts';
import type { ContentConfig } from './terms.ts';
import type { Traits } from './traits.ts';
import { Warnings } from './warnings.ts';

export interface ModelStateConfig {
  statistics: StatisticsConfig;
  content: ContentConfig;
  popularity: PopularityConfig;
  impressions: ImpressionsConfig;
}

export interface ModelState {
  /** What computes on the tables below, in whose memory the largest of them are. */
  readonly kernel: Kernel;
  /** The first characters of ids, for the kernel. */
  readonly prefixes: { readonly items: IdPrefixes; readonly users: IdPrefixes };
  readonly head: LogHead;
  /** Ids of users and sessions. */
  readonly users: IdTable;
  readonly traits: Map<number, Traits>;
  readonly links: Links;
  readonly histories: Histories;
  /** Changes histories, and what the model counts of them. */
  readonly historyWriter: HistoryWriter;
  readonly postings: Postings;
  readonly statistics: Statistics;
  readonly popularity: Popularity;
  readonly catalogue: Catalogue;
  readonly dismissals: Dismissals;
  readonly impressions: Impressions;
  readonly warnings: Warnings;
}

/**
 * An empty state.
 *
 * @param describe takes an item's fields whenever they change; false: the length of its embedding is not the usual one
 */
export function createModelState(
  config: ModelStateConfig,
  kernel: Kernel,
  describe: (item: number, fields: ItemData) => boolean,
): ModelState {
  const warnings = new Warnings();
  const users = new IdTable();
  const histories = new Histories(kernel);
  const head = new LogHead();
  const postings = new Postings(users.ids, kernel);
  const statistics = new Statistics(config.statistics, kernel);
  const onFields = (item: number, fields: ItemData): void => {
    if (!describe(item, fields)) warnings.count('embedding-length');
  };
  const catalogue = new Catalogue(config.content, onFields, kernel);
  const prefixes = { items: new IdPrefixes(kernel, catalogue.ids.ids), users: new IdPrefixes(kernel, users.ids) };
  catalogue.ids.onId((number, id) => prefixes.items.set(number, id));
  users.onId((number, id) => prefixes.users.set(number, id));
  const popularity = new Popularity(config.popularity, config.statistics.bucketMs, catalogue.ids.ids, kernel);
  return {
    kernel,
    prefixes,
    head,
    users,
    traits: new Map(),
    links: new Links(),
    histories,
    historyWriter: new HistoryWriter({ head, users, histories, statistics, postings, popularity }, kernel),
    postings,
    statistics,
    popularity,
    catalogue,
    dismissals: new Dismissals(),
    impressions: new Impressions(config.impressions),
    warnings,
  };
}
