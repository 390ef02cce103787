/** The micro endpoints as the services themselves describe them; nothing is started for it. */
import Database from 'better-sqlite3';
import type { DocumentedEndpoint } from '../../src/bus/event/asyncapi.ts';
import { createCodec } from '../../src/bus/event/codec.ts';
import type { Endpoint } from '../../src/bus/micro.ts';
import { SERVICES, type ServiceName } from '../../src/bus/projection/definition.ts';
import { COMMON_ENDPOINTS } from '../../src/bus/service/endpoints.ts';
import { completeConfig } from '../../src/config/load.ts';
import { contentEndpoints } from '../../src/content/api.ts';
import { contentProjection } from '../../src/content/projection.ts';
import { engineEndpoints } from '../../src/engine/api.ts';
import { MODEL_CONTENTS } from '../../src/engine/contents.ts';
import { experimentEndpoints } from '../../src/engine/experiments.ts';
import type { Lists } from '../../src/engine/lists.ts';
import { ROLLBACK_ENDPOINTS } from '../../src/engine/rollback.ts';
import { MODEL_HASH } from '../../src/engine/start.ts';
import { EXPLAIN } from '../../src/engine/why.ts';
import { feedbackEndpoints } from '../../src/feedback/api.ts';
import { feedbackProjection } from '../../src/feedback/projection.ts';
import { userEndpoints } from '../../src/user/api.ts';
import { EXPORT } from '../../src/user/export.ts';
import { forgetEndpoints } from '../../src/user/forget.ts';
import { userProjection } from '../../src/user/projection.ts';

type Described = Readonly<Record<string, Pick<Endpoint, 'description' | 'example'>>>;

const NOBODY = {
  publish: () => {
    throw new TypeError('only described here');
  },
};

function own(service: ServiceName): Described {
  const config = completeConfig({});
  switch (service) {
    case 'user':
      return {
        ...userEndpoints(emptyDatabase(userProjection(config).schema), config),
        export: EXPORT,
        ...forgetEndpoints(() => {
          throw new TypeError('only described here');
        }, config),
      };
    case 'content':
      return contentEndpoints(emptyDatabase(contentProjection().schema), config);
    case 'feedback':
      return feedbackEndpoints(emptyDatabase(feedbackProjection(config).schema), async () => null);
    case 'engine':
      return {
        ...engineEndpoints({} as Lists, (user) => user, config),
        ...experimentEndpoints({
          db: emptyDatabase(''),
          codec: createCodec(),
          publisher: NOBODY,
          reached: async () => {},
        }),
        explain: EXPLAIN,
        ...ROLLBACK_ENDPOINTS,
        hash: MODEL_HASH,
        contents: MODEL_CONTENTS,
      };
  }
}

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
