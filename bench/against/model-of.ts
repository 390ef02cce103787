/** The model of a tree, whatever the module that exports its factory there. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Config } from '../../src/config/schema.ts';
import type { Model } from '../../src/engine/model/mod.ts';
import { UsageError } from '../../src/errors.ts';

/** Members of the model that all revisions have. */
export type ComparedModel = Pick<
  Model,
  'clock' | 'interact' | 'publishItem' | 'setTraits' | 'recommend' | 'prequential' | 'stats'
>;

/** Modules that export `emptyModel(config)`, of the newest revisions first. */
const FACTORIES = ['src/engine/fold/model-fold.ts', 'src/engine/memory.ts'];

/**
 * An empty model under the default configuration of the tree at `root`.
 *
 * @param catalogued whether items are published; without a catalogue the model serves unpublished items
 */
export async function emptyModelOf(
  root: string,
  catalogued: boolean,
): Promise<{ model: ComparedModel; config: Config }> {
  const factory = FACTORIES.map((path) => join(root, path)).find(existsSync);
  if (factory === undefined)
    throw new UsageError(`${root} has no module that makes a model: neither ${FACTORIES.join(' nor ')}.`, {
      next: 'leave out the rows fold and lists, or add the module of that revision to bench/against/model-of.ts',
    });
  const load = (path: string): Promise<unknown> => import(pathToFileURL(path).href);
  const { completeConfig } = (await load(join(root, 'src/config/load.ts'))) as {
    completeConfig: (given: unknown) => Config;
  };
  const { emptyModel } = (await load(factory)) as { emptyModel: (config: Config) => ComparedModel };
  const config = completeConfig({ engine: { serve_unpublished: !catalogued } });
  return { model: emptyModel(config), config };
}
