/**
 * Names of signals and features as callers see them in reasons and explanations. They are part of the interface, so
 * they stay as they are; the code calls the same things by the field's terms.
 */

/** The signal that a reason names. */
export const SIGNAL = {
  /** What users take after, or before, an item. */
  transition: 'directed',
  coOccurrence: 'together',
  neighbours: 'neighbours',
  lift: 'evidence',
  content: 'content',
  whitened: 'whitened',
  towers: 'towers',
  popularity: 'popular',
  newness: 'new',
  dislike: 'disliked',
} as const;
export type SignalName = (typeof SIGNAL)[keyof typeof SIGNAL];

/** A column of the feature table. */
export const FEATURE = {
  afterShort: 'after-short',
  afterLong: 'after-long',
  beforeShort: 'before-short',
  beforeLong: 'before-long',
  coOccurrenceRecent: 'together-recent',
  coOccurrenceAll: 'together-all',
  content: 'content',
  popularity: 'popular',
  popularityShort: 'popular-short',
  popularityLong: 'popular-long',
  newness: 'new',
  dislike: 'disliked',
  dismissals: 'dismissed',
  lift: 'evidence',
  liftBest: 'evidence-best',
  liftBefore: 'evidence-before',
  liftCoOccurrence: 'evidence-together',
  liftReach: 'evidence-reach',
  liftShare: 'evidence-share',
  afterLast: 'after-last',
  beforeLast: 'before-last',
  coOccurrenceLast: 'together-last',
  afterFar: 'after-far',
  coOccurrenceFar: 'together-far',
  neighbours: 'neighbours',
  neighboursClose: 'neighbours-close',
  neighboursNext: 'neighbours-next',
  userKnn: 'kindred',
  userKnnLate: 'kindred-late',
  userKnnNear: 'kindred-near',
  sinceTaken: 'since-taken',
  sinceFirst: 'since-first',
  takenLately: 'lately',
  takenLatelyLong: 'lately-long',
  whitened: 'whitened',
  whitenedNew: 'whitened-new',
  towers: 'towers',
  towersNew: 'towers-new',
  contentLast: 'content-last',
} as const;
export type FeatureName = (typeof FEATURE)[keyof typeof FEATURE];
