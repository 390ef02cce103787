/** Weights of interactions, in whole sixteenths: 16 is one full interaction, 0 counts nothing. */
import { MAX_WEIGHT } from './statistics.ts';

export interface WeightsConfig {
  /** Sixteenths by verb: `viewed`, `played`, `added`, `purchased`, `rated`, or a declared `x_` verb. */
  verbs: Readonly<Record<string, number>>;
  /** Weight of a verb that the configuration does not list. */
  other: number;
  /**
   * Verbs whose `value` can be negative feedback: a value at or below `low` also counts `negative` sixteenths as
   * negative. The event remains an interaction: a user who rates a film has chosen to see it, and lists are judged by
   * what users choose.
   */
  verdicts: Readonly<Record<string, { low: number; negative: number }>>;
}

export const WEIGHT_DEFAULTS: WeightsConfig = {
  verbs: { viewed: 16, played: 16, added: 24, purchased: 48, rated: 16 },
  other: 16,
  verdicts: { rated: { low: 2, negative: 16 } },
};

export interface Weighed {
  /** Sixteenths. */
  weight: number;
  /** Sixteenths of the negative feedback. */
  negative: number;
}

/** Weight of an interaction by its verb (`viewed` of `user.viewed.v1`) and value. */
export function weigh(verb: string, value: number | undefined, config: WeightsConfig = WEIGHT_DEFAULTS): Weighed {
  const weight = whole(Object.hasOwn(config.verbs, verb) ? config.verbs[verb]! : config.other);
  const verdict = Object.hasOwn(config.verdicts, verb) ? config.verdicts[verb] : undefined;
  const low = verdict !== undefined && value !== undefined && value <= verdict.low;
  return { weight, negative: low ? whole(verdict.negative) : 0 };
}

function whole(sixteenths: number): number {
  return Number.isFinite(sixteenths) ? Math.min(MAX_WEIGHT, Math.max(0, Math.round(sixteenths))) : 0;
}
