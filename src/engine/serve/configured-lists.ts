/** The settings of lists, for the live engine, a shadow, and lists as of a position. */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../../bus/event/canonical.ts';
import type { Config } from '../../config/schema.ts';
import { ConfigInvalidError, messageOf } from '../../errors.ts';
import { parseRules } from '../rerank/request.ts';
import { NO_RULES, type Rules } from '../rerank/rules.ts';
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
 * @param now the time that `now` in a rule means, as in `now-30d`; milliseconds since 1970
 * Throws `ConfigInvalidError` for an invalid rule.
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

/** The engine reads times such as `now-30d` again once a minute. */
const MINUTE_MS = 60_000;

/** Returns the re-ranking rules as of now. Throws `ConfigInvalidError` for an invalid rule. */
function configuredRules({ lists }: Config, now: () => number = Date.now): () => Rules {
  const { filter, boosts, quotas, diversity_lambda, exploration_share } = lists;
  const plain =
    Object.keys(filter).length === 0 &&
    boosts.length === 0 &&
    quotas.length === 0 &&
    diversity_lambda === 1 &&
    exploration_share === 0;
  if (plain) return () => NO_RULES;
  const configured = {
    filter,
    boosts,
    quotas,
    diversity: { lambda: diversity_lambda },
    exploration: exploration_share,
  };
  const read = (at: number): Rules => parseRules(configured, { n: 1, at }) ?? NO_RULES;
  let minute = Math.floor(now() / MINUTE_MS);
  let rules: Rules;
  try {
    rules = read(now());
  } catch (cause) {
    throw new ConfigInvalidError(`lists: ${messageOf(cause)}`, { next: 'see docs/how-to/shape-lists.md', cause });
  }
  return () => {
    const at = now();
    if (Math.floor(at / MINUTE_MS) !== minute) {
      minute = Math.floor(at / MINUTE_MS);
      rules = read(at);
    }
    return rules;
  };
}

/** Hash of what answers depend on beside the log: the model's settings, and the rules if there are any. */
function answerHash(modelHash: string, { lists }: Config): string {
  const { filter, boosts, quotas, diversity_lambda, seen_for_s, exploration_share, exploration_seed } = lists;
  const { seen_by_type_s, context_weight } = lists;
  const byType = Object.keys(seen_by_type_s).length > 0 ? { seen_by_type_s } : {};
  const inContext = context_weight === CONTEXT_WEIGHT ? {} : { context_weight };
  const exploring = exploration_share > 0 ? { exploration_share, exploration_seed } : {};
  const hashed = canonicalJson({
    filter,
    boosts,
    quotas,
    diversity_lambda,
    seen_for_s,
    ...exploring,
    ...byType,
    ...inContext,
  });
  if (hashed === PLAIN) return modelHash;
  return createHash('sha256').update(`${modelHash}\n${hashed}`).digest('hex').slice(0, 12);
}

/** The default, repeated here so that hashes of earlier releases stay the same. */
const CONTEXT_WEIGHT = 0.5;
const PLAIN = canonicalJson({ filter: {}, boosts: [], quotas: [], diversity_lambda: 1, seen_for_s: 0 });
