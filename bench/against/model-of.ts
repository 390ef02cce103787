/** The model of a tree, whatever the module that exports its factory there. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Config } from '../../src/config/schema.ts';
import type { Model } from '../../src/engine/model/mod.ts';
import { UsageError } from '../../src/errors.ts';

/** What a benchmark tells a model of any revision. */
export type ToldModel = Pick<Model, 'clock' | 'interact' | 'publishItem' | 'setTraits'>;

/** Members of the model that all revisions have. */
export type ComparedModel = ToldModel & Pick<Model, 'recommend' | 'prequential' | 'stats'>;

/** Tells a model what a teller tells, from a position on. */
export type Told = (teller: (target: ToldModel) => void, first: number) => void;

/** The thread of a tree that learns beside the fold (src/engine/fold/beside), and what records for it. */
interface BesideModules {
  learnBeside(options: { model: ComparedModel; config: Config }): {
    started: Promise<void>;
    tell(commands: readonly unknown[], first: number): void;
  };
  record(teller: (target: ToldModel) => void): unknown[];
}

/** Tells this model in two threads, where the tree can. */
export async function besideOf(root: string, model: ComparedModel, config: Config): Promise<Told> {
  const folder = join(root, 'src/engine/fold/beside');
  if (!existsSync(folder)) return (teller) => teller(model);
  const load = (name: string) => import(pathToFileURL(join(folder, name)).href) as Promise<BesideModules>;
  const [{ learnBeside }, { record }] = [await load('beside.ts'), await load('commands.ts')];
  const beside = learnBeside({ model, config });
  await beside.started;
  return (teller, first) => beside.tell(record(teller), first);
}

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
