/** The named steps of the engine's protocols over several files and objects. A test observes them, to stop the process there. */
import { takeStep } from '../bus/projection/file-steps.ts';

/** The steps of the image of a rebuilt model, in order: it is written, and removed once a snapshot of the model is in force. */
export const IMAGE_STEPS = ['image-written', 'image-named', 'image-removed'] as const;

/** The steps of a snapshot, in order. The last one is taken if it replaces all others. */
export const SNAPSHOT_STEPS = [
  'snapshot-begun',
  'snapshot-exported',
  'snapshot-stored',
  'snapshot-pointed',
  'snapshot-announced',
  'snapshots-thinned',
  'snapshots-replaced',
] as const;

/** The steps of a shadow from its start over its promotion to its end, in order. */
export const SHADOW_STEPS = [
  'shadow-started',
  'shadow-stored',
  'shadow-activated',
  'shadow-stopped',
  'shadow-removed',
] as const;

export type EngineStep = (typeof IMAGE_STEPS)[number] | (typeof SNAPSHOT_STEPS)[number] | (typeof SHADOW_STEPS)[number];

export const stepTaken: (step: EngineStep) => void = takeStep;
