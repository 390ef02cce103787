/**
 * Reads the model of a rebuild before the cut-over, in slices between requests and events. Otherwise all callers would
 * wait while the engine reads it: 0.3 s for 100,000 events.
 */
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { Config } from '../../config/schema.ts';
import { emptyModel } from '../fold/model-fold.ts';
import type { Steps } from '../model/mod.ts';
import { configHash } from '../settings/settings.ts';
import { type ModelAhead, openImage } from './rebuild.ts';

/** Milliseconds of pause for each millisecond of reading. */
const REST = 1;

/** Takes steps for `sliceMs`, then pauses. Undefined if `goOn` says no between two slices. */
async function inSlices<T>(steps: Steps<T>, sliceMs: number, goOn: () => boolean): Promise<{ value: T } | undefined> {
  while (goOn()) {
    const started = performance.now();
    let took = 0;
    while (took < sliceMs) {
      const step = steps.next();
      if (step.done) return { value: step.value };
      took = performance.now() - started;
    }
    await (took * REST >= 1 ? sleep(took * REST) : turn());
  }
  return undefined;
}

/**
 * The model of an image, for an engine with these settings. Undefined if there is none, if the engine can't use it, or if
 * `goOn` ended the reading: the engine then finds out, or reads it, at the cut-over.
 */
export async function readAhead(file: string, config: Config, goOn: () => boolean): Promise<ModelAhead | undefined> {
  try {
    const image = openImage(file);
    if (!image || image.head.config !== configHash(config)) return undefined;
    const model = emptyModel(config);
    const read = await inSlices(model.importingState(image.state), config.engine.cut_over_slice_ms, goOn);
    return read && { model, sha256: image.head.sha256 };
  } catch (err) {
    if (!(err instanceof Error)) throw err;
    return undefined;
  }
}
