/** Names of the sections of a state that write their own bytes. */
export const SECTION = {
  dismissals: 'dismissals',
  impressions: 'impressions',
  inputs: 'inputs',
  prequential: 'prequential',
  ranker: 'ranker',
} as const;
