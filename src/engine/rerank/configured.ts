/** Rules of the configuration, which every list is under. */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../../bus/event/canonical.ts';
import type { Config } from '../../config/schema.ts';
import { ConfigInvalidError, messageOf } from '../../errors.ts';
import { parseRules } from './request.ts';
import { NO_RULES, type Rules } from './rules.ts';

/** Times such as `now-30d` are read anew once a minute. */
const MINUTE_MS = 60_000;

/** Gives the rules as they are now. Throws `ConfigInvalidError` for what is no rule. */
export function configuredRules({ lists }: Config, now: () => number = Date.now): () => Rules {
  const { filter, boosts, quotas, diversity_lambda, exploration_share } = lists;
  const plain =
    Object.keys(filter).length === 0 &&
    boosts.length === 0 &&
    quotas.length === 0 &&
    diversity_lambda === 1 &&
    exploration_share === 0;
  if (plain) return () => NO_RULES;
  const said = { filter, boosts, quotas, diversity: { lambda: diversity_lambda }, exploration: exploration_share };
  const read = (at: number): Rules => parseRules(said, { n: 1, at }) ?? NO_RULES;
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

/** Hash of what answers depend on beside the log: the model's settings, and the rules where there are any. */
export function answerHash(modelHash: string, { lists }: Config): string {
  const { filter, boosts, quotas, diversity_lambda, seen_for_s, exploration_share, exploration_seed } = lists;
  const { seen_by_type_s, context_weight } = lists;
  const byType = Object.keys(seen_by_type_s).length > 0 ? { seen_by_type_s } : {};
  const inContext = context_weight === CONTEXT_WEIGHT ? {} : { context_weight };
  const exploring = exploration_share > 0 ? { exploration_share, exploration_seed } : {};
  const said = canonicalJson({
    filter,
    boosts,
    quotas,
    diversity_lambda,
    seen_for_s,
    ...exploring,
    ...byType,
    ...inContext,
  });
  if (said === PLAIN) return modelHash;
  return createHash('sha256').update(`${modelHash}\n${said}`).digest('hex').slice(0, 12);
}

/** What it is unless set: named here, so that hashes of before stay as they were. */
const CONTEXT_WEIGHT = 0.5;
const PLAIN = canonicalJson({ filter: {}, boosts: [], quotas: [], diversity_lambda: 1, seen_for_s: 0 });
