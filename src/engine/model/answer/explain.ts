/**
 * Explanations: the terms of a score, with the user's own events that they come from. An explanation never names
 * another user's events.
 */
import type { ItemId } from '../../../bus/event/ids.ts';
import { COLUMN, FEATURES } from '../candidates/features.ts';
import type { Ranked, ScoredItem } from '../candidates/types.ts';
import { type ContentQuery, commonTerms } from '../signals/content.ts';
import { LIFT_CHANNELS } from '../signals/lift.ts';
import { SIGNAL } from '../signals/names.ts';
import type { PairSums } from '../signals/pair-sums.ts';
import { type Catalogue, partOf, termOf } from '../state/catalogue.ts';
import type { Profile } from '../state/profile.ts';
import type { PairCounts } from '../state/sparse-rows.ts';
import type { Statistics } from '../state/statistics.ts';
import type { Reason } from './types.ts';

const TERMS_SHOWN = 5;

export interface Explanation {
  ranked: Ranked;
  profile: Profile;
  query: ContentQuery;
  /** Sums of the same list; the next list overwrites them. */
  pairs: PairSums;
  /** By item of the history: what it alone adds to the lift channels of an item. */
  liftParts: (item: number) => Float64Array[];
  statistics: Statistics;
  catalogue: Catalogue;
}

/** Reasons for an item of a list, the largest contribution first. They add up to its score. */
export function reasonsFor(chosen: ScoredItem, context: Explanation): Reason[] {
  const { ranked, profile, pairs, statistics } = context;
  const scratch: PairCounts = { f: 0, b: 0, co: 0 };
  const reasons = new Map<string, Reason>();
  const weights = ranked.weightsOf(chosen.row);
  let parts: Float64Array[] | undefined;
  for (let k = 0; k < FEATURES.length; k++) {
    const { signal } = FEATURES[k]!;
    const contribution = weights[k]! * ranked.features[chosen.row * FEATURES.length + k]!;
    if (contribution === 0) continue;
    if (k >= COLUMN.lift && k < COLUMN.lift + LIFT_CHANNELS.length) {
      parts ??= context.liftParts(chosen.item);
      for (const [place, share] of liftShares(k - COLUMN.lift, parts)) {
        add(reasons, signal, contribution * share, place, context);
      }
    } else if (signal === SIGNAL.transition || signal === SIGNAL.coOccurrence) {
      for (let place = 0; place < profile.items.length; place++) {
        const share = pairs.share(statistics.pairs, profile, place, chosen, k, scratch);
        if (share !== 0) add(reasons, signal, contribution * share, place, context);
      }
    } else if (signal === SIGNAL.content) {
      const shares: Share[] = k === COLUMN.contentLast ? [[0, 1]] : contentShares(chosen.item, context);
      if (shares.length === 0) add(reasons, signal, contribution, -1, context);
      for (const [place, share] of shares) add(reasons, signal, contribution * share, place, context);
      const terms = commonTerms(context.query, chosen.item, context.catalogue, TERMS_SHOWN);
      for (const reason of reasons.values()) if (reason.signal === SIGNAL.content) reason.terms = terms;
    } else add(reasons, signal, contribution, -1, context);
  }
  return [...reasons.values()].sort(byContribution);
}

function byContribution(a: Reason, b: Reason): number {
  return b.contribution - a.contribution || (key(a) < key(b) ? -1 : 1);
}

const key = (reason: Reason): string => `${reason.signal} ${reason.item ?? ''}`;

function add(reasons: Map<string, Reason>, signal: Reason['signal'], by: number, place: number, of: Explanation): void {
  const name = `${signal} ${place}`;
  const known = reasons.get(name);
  if (known !== undefined) {
    known.contribution += by;
    return;
  }
  const reason: Reason = { signal, contribution: by };
  if (place >= 0) {
    reason.item = of.catalogue.ids.id(of.profile.items[place]!) as ItemId;
    const seq = of.profile.seqs[place]!;
    if (seq >= 0) reason.seq = seq;
  }
  reasons.set(name, reason);
}

type Share = [place: number, share: number];

/** Parts as shares of their sum, without parts of 0. */
function shared(parts: readonly Share[]): Share[] {
  let sum = 0;
  for (const [, part] of parts) sum += part;
  return parts.filter(([, part]) => part > 0).map(([place, part]) => [place, part / sum]);
}

/** Share of each of the profile's items in a lift channel. */
function liftShares(channel: number, parts: readonly Float64Array[]): Share[] {
  const own = parts.map((values, place): Share => [place, values[channel]!]);
  if (LIFT_CHANNELS[channel]!.best !== true) return shared(own);
  let best: Share = [0, 0];
  for (const part of own) if (part[1] > best[1]) best = part;
  return best[1] > 0 ? [[best[0], 1]] : [];
}

/** Share of each of the profile's items in an item's similarity; empty if the query is made of traits. */
function contentShares(item: number, { profile, query, catalogue }: Explanation): [place: number, share: number][] {
  const vector = new Map<number, number>();
  for (const word of catalogue.vector(item) ?? []) {
    const weight = query.terms.get(termOf(word));
    if (weight !== undefined) vector.set(termOf(word), partOf(word));
  }
  const parts: [number, number][] = [];
  let sum = 0;
  for (let place = 0; place < profile.items.length; place++) {
    let part = 0;
    for (const word of catalogue.vector(profile.items[place]!) ?? []) {
      const weight = vector.get(termOf(word));
      if (weight !== undefined) part += weight * partOf(word) * catalogue.idf(termOf(word));
    }
    part *= query.fades[place] ?? 0;
    if (part > 0) {
      parts.push([place, part]);
      sum += part;
    }
  }
  return parts.map(([place, part]) => [place, part / sum]);
}
