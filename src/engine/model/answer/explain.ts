/** The terms of a score, with the user's own events that they came from. Never names another user's. */
import type { ItemId } from '../../../bus/event/ids.ts';
import { COLUMN, FEATURES } from '../candidates/features.ts';
import type { Ranked, ScoredItem } from '../candidates/types.ts';
import { type ContentQuery, commonTerms } from '../signals/content.ts';
import { LIFT_CHANNELS, type Lift } from '../signals/lift.ts';
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
  /** Sums of the same ranking; the next one overwrites them. */
  pairs: PairSums;
  lift: Lift;
  statistics: Statistics;
  catalogue: Catalogue;
}

/** Reasons for an item of a list, the largest contribution first; they add up to its score. */
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
      parts ??= liftParts(chosen.item, context);
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

/** Parts as shares of their sum; parts of 0 left out. */
function shared(parts: readonly Share[]): Share[] {
  let sum = 0;
  for (const [, part] of parts) sum += part;
  return parts.filter(([, part]) => part > 0).map(([place, part]) => [place, part / sum]);
}

/** Values of the evidence channels for an item, from each of the profile's items alone. */
function liftParts(item: number, { profile, lift, statistics }: Explanation): Float64Array[] {
  const counts = new Float64Array(3);
  lift.begin([item]);
  return profile.items.map((own, place) => {
    const values = new Float64Array(LIFT_CHANNELS.length);
    statistics.pairs.readAll(own, [item], 1, counts);
    lift.add(own, profile.lags[place]![0]!, counts, values, 0, values.length);
    return values;
  });
}

/** How much of an evidence channel comes from each of the profile's items. */
function liftShares(channel: number, parts: readonly Float64Array[]): Share[] {
  const own = parts.map((values, place): Share => [place, values[channel]!]);
  if (LIFT_CHANNELS[channel]!.best !== true) return shared(own);
  let best: Share = [0, 0];
  for (const part of own) if (part[1] > best[1]) best = part;
  return best[1] > 0 ? [[best[0], 1]] : [];
}

/** How much of an item's likeness comes from each of the profile's items; empty where it comes from traits. */
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
