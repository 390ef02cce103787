/** Projections as verbs fold them beside a system that runs: what each service writes, and what it keeps in memory. */
import type { ProjectionDefinition, ServiceName } from '../bus/projection/definition.ts';
import type { ProjectionStore } from '../bus/projection/store.ts';
import type { Config } from '../config/schema.ts';
import type { ModelHash } from '../engine/rebuild.ts';

export interface Rebuildable {
  definition: ProjectionDefinition<unknown>;
  /** What is in memory beside the rows; it can't go on from rows alone, so that a rebuild begins at the beginning. */
  memory?: {
    hash(): ModelHash;
    /** Writes it to a file, for the service that takes the rows over. */
    write(file: string, store: ProjectionStore): void;
  };
}

/** Each verb loads the services that it is asked for. */
export async function rebuildable(service: ServiceName, config: Config): Promise<Rebuildable> {
  switch (service) {
    case 'user':
      return erase((await import('../user/projection.ts')).userProjection(config));
    case 'content':
      return erase((await import('../content/projection.ts')).contentProjection());
    case 'feedback':
      return erase((await import('../feedback/projection.ts')).feedbackProjection(config));
    case 'engine':
      return engine(config);
  }
}

async function engine(config: Config): Promise<Rebuildable> {
  const { engineRebuild, hashModel, writeImage } = await import('../engine/rebuild.ts');
  const { originOf } = await import('../engine/start.ts');
  const { definition, memory } = engineRebuild(config);
  const held = () => {
    const found = memory();
    if (!found) throw new TypeError('the projection is not open yet');
    return found;
  };
  return {
    ...erase(definition),
    memory: {
      hash: () => hashModel(held().model, held().position()),
      write: (file, { version, checkpoint }) =>
        writeImage(file, held(), originOf(config, version, checkpoint().created)),
    },
  };
}

/** The loop hands a definition nothing but the tables that it made itself. */
const erase = <Tables>(definition: ProjectionDefinition<Tables>): Rebuildable => ({
  definition: definition as ProjectionDefinition<unknown>,
});
