/** What the configuration says of lists, wherever they are made: by the live engine, by a shadow, or as of then. */
import type { Config } from '../../config/schema.ts';
import { answerHash, configuredRules } from '../rerank/configured.ts';
import { seenRule } from '../rerank/seen.ts';
import { configHash } from '../settings/settings.ts';
import type { ListsOptions } from './lists.ts';

export type ConfiguredLists = Required<
  Pick<
    ListsOptions,
    | 'config'
    | 'rules'
    | 'seen'
    | 'contextWeight'
    | 'segmentEvents'
    | 'segmentMs'
    | 'explorationSeed'
    | 'length'
    | 'depth'
  >
>;

/**
 * @param now when the rules are read, which may speak of times such as `now-30d`; milliseconds since 1970
 * Throws `ConfigInvalidError` for what is no rule.
 */
export function configuredLists(config: Config, now?: () => number): ConfiguredLists {
  const { engine, http, lists } = config;
  return {
    config: answerHash(configHash(config), config),
    rules: configuredRules(config, now),
    seen: seenRule(lists.seen_for_s, lists.seen_by_type_s),
    contextWeight: lists.context_weight,
    segmentEvents: lists.segment_events,
    segmentMs: lists.segment_ms,
    explorationSeed: lists.exploration_seed,
    length: engine.list_length,
    depth: http.list_max,
  };
}
