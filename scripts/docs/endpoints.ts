/** The micro endpoints, with the descriptions that the services give them. The generator starts no service. */
import Database from 'better-sqlite3';
import type { NatsConnection } from 'nats';
import type { DocumentedEndpoint } from '../../src/bus/event/asyncapi.ts';
import { createCodec } from '../../src/bus/event/codec.ts';
import type { Endpoint } from '../../src/bus/nats/micro.ts';
import { type ProjectionDefinition, SERVICES, type ServiceName } from '../../src/bus/projection/definition.ts';
import { openStore } from '../../src/bus/projection/store.ts';
import { COMMON_ENDPOINTS } from '../../src/bus/service/endpoints.ts';
import { completeConfig } from '../../src/config/load.ts';
import { contentEndpoints } from '../../src/content/api.ts';
import { contentProjection } from '../../src/content/projection.ts';
import { createSearchPart } from '../../src/content/search/part.ts';
import { createSearchReader } from '../../src/content/search/reader.ts';
import { MODEL_CONTENTS } from '../../src/engine/lifecycle/contents.ts';
import { MODEL_HASH } from '../../src/engine/lifecycle/part.ts';
import { ROLLBACK_ENDPOINTS } from '../../src/engine/lifecycle/rollback.ts';
import { engineEndpoints } from '../../src/engine/serve/endpoints.ts';
import { experimentEndpoints } from '../../src/engine/serve/experiments.ts';
import type { Lists } from '../../src/engine/serve/lists.ts';
import { EXPLAIN } from '../../src/engine/serve/why-endpoint.ts';
import { feedbackEndpoints } from '../../src/feedback/api.ts';
import { feedbackProjection } from '../../src/feedback/projection.ts';
import { userEndpoints } from '../../src/user/api.ts';
import { EXPORT } from '../../src/user/export.ts';
import { forgetEndpoints } from '../../src/user/forget.ts';
import { userProjection } from '../../src/user/projection.ts';

type Described = Readonly<Record<string, Pick<Endpoint, 'description' | 'example'>>>;

const NOBODY = {
  publish: () => {
    throw new TypeError('The generator describes this endpoint and never calls it.');
  },
};

function own(service: ServiceName): Described {
  const config = completeConfig({});
  switch (service) {
    case 'user':
      return {
        ...userEndpoints(emptyProjection(userProjection(config)), config),
        export: EXPORT,
        ...forgetEndpoints(() => {
          throw new TypeError('only described here');
        }, config),
      };
    case 'content':
      return {
        ...contentEndpoints(emptyProjection(contentProjection()), config),
        ...createSearchPart({
          db: emptyProjection(contentProjection()),
          stale: false,
          config,
          nc: {} as NatsConnection,
          reader: createSearchReader({ file: '', cacheKib: 0, waiting: 0 }),
        }).endpoints,
      };
    case 'feedback':
      return feedbackEndpoints(emptyProjection(feedbackProjection(config)), async () => null);
    case 'engine':
      return {
        ...engineEndpoints({} as Lists, (user) => user, config, {
          attributes: { warningsFor: () => [] },
          model: { item: () => undefined },
        }),
        ...experimentEndpoints({
          db: emptyDatabase(''),
          codec: createCodec(),
          events: NOBODY,
          reached: async () => {},
        }),
        explain: EXPLAIN,
        ...ROLLBACK_ENDPOINTS,
        hash: MODEL_HASH,
        contents: MODEL_CONTENTS,
      };
  }
}

/** A database with the tables of a projection, those that every projection has among them. */
const emptyProjection = <Tables>(definition: ProjectionDefinition<Tables>): Database.Database =>
  openStore({ file: ':memory:', definition, codec: createCodec() }).db;

function emptyDatabase(schema: string): Database.Database {
  const db = new Database(':memory:');
  db.exec(schema);
  return db;
}

export function documentedEndpoints(): DocumentedEndpoint[] {
  return SERVICES.flatMap((service) =>
    Object.entries({ ...own(service), ...COMMON_ENDPOINTS }).map(([name, { description, example }]) => ({
      subject: `freshet.${service}.${name}`,
      description,
      example,
    })),
  );
}
