/**
 * Reads the model of a rebuild before the cut-over, in slices between requests and events. Otherwise all callers would
 * wait while the engine reads it: 0.3 s for 100,000 events.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../config/schema.ts';
import { emptyModel } from '../fold/model-fold.ts';
import { configHash } from '../settings/settings.ts';
import { inSlices } from '../slices.ts';
import { type ModelAhead, openImage } from './rebuild.ts';

/**
 * Reads the model of an image, for an engine with these settings. Undefined if there is no image or the engine cannot use
 * it, or if `goOn` ended the reading. The engine then looks at the image once more at the cut-over.
 */
export async function readAhead(file: string, config: Config, goOn: () => boolean): Promise<ModelAhead | undefined> {
  try {
    const image = openImage(file);
    if (!image || image.head.config !== configHash(config)) return undefined;
    const model = emptyModel(config);
    const slices = { sliceMs: config.engine.cut_over_slice_ms, rest: (took: number) => sleep(took) };
    const read = await inSlices(model.importingState(image.state), slices, goOn);
    return read && { model, sha256: image.head.sha256 };
  } catch (err) {
    if (!(err instanceof Error)) throw err;
    return undefined;
  }
}
