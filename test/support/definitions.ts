/** Definitions of the four projections by service, the engine's with its rows alone. */
import type { ProjectionDefinition, ServiceName } from '../../src/bus/projection/definition.ts';
import type { Config } from '../../src/config/schema.ts';
import { contentProjection } from '../../src/content/projection.ts';
import { engineProjection } from '../../src/engine/fold/projection.ts';
import { feedbackProjection } from '../../src/feedback/projection.ts';
import { userProjection } from '../../src/user/projection.ts';

/** Hides the type of a projection's tables, which only the projection knows. */
type Definition = ProjectionDefinition<never>;

export const definitionsOf = (config: Config): Record<ServiceName, () => Definition> => ({
  user: () => userProjection(config) as Definition,
  content: () => contentProjection() as Definition,
  feedback: () => feedbackProjection(config) as Definition,
  engine: () => engineProjection({ config }) as Definition,
});
