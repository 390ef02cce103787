/** Placeholder of the learned towers. */
import type { TrainingData } from '../model/mod.ts';
import type { Tensorflow } from './backend.ts';
import type { Trained } from './closed-form.ts';

export interface TowersConfig {
  /** Length of vectors. */
  rank: number;
}

export const TOWERS_DEFAULTS: TowersConfig = { rank: 64 };

export async function trainTowers(_tf: Tensorflow, _data: TrainingData, _config: TowersConfig): Promise<Trained> {
  throw new Error('not there yet');
}
