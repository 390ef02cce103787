import { asyncApiDocument, type DocumentedOutput } from '../../src/bus/event/asyncapi.ts';
import { VERSION } from '../../src/version.ts';
import { documentedEndpoints } from './endpoints.ts';
import { formatJson } from './json.ts';

const OUTPUTS: readonly DocumentedOutput[] = [
  {
    name: 'dead-letter',
    address: 'dlq.{service}.{context}.{entity}.{verb}',
    description:
      'Copy of an event that a service moved to the dead letters. The headers hold the reason. The stream DEAD_LETTERS keeps it',
    parameters: {
      service: 'the service that could not fold the event',
      context: 'context of the event, or unknown',
      entity: 'id of the entity as a token; if the subject is not one of the log, the whole subject as one token',
      verb: 'verb of the event, or unknown',
    },
  },
  {
    name: 'snapshot',
    address: 'out.engine.snapshot',
    description:
      'The engine has written a snapshot of the model that is now in force. The stream ENGINE_OUTPUT keeps it',
    parameters: {},
  },
  {
    name: 'ranking-of-user',
    address: '$KV.rankings.user.{user}',
    description: 'The ranking of a user, whenever it changes: key user.<id> of the KV bucket rankings',
    parameters: { user: 'id of the user as a token' },
  },
  {
    name: 'similar-items',
    address: '$KV.rankings.similar.{item}',
    description: 'The items that are similar to an item: key similar.<id> of the KV bucket rankings',
    parameters: { item: 'id of the item as a token' },
  },
  {
    name: 'trending',
    address: '$KV.rankings.trending',
    description: 'The items with the most interactions lately: key trending of the KV bucket rankings',
    parameters: {},
  },
];

export const asyncApiFile = (): string =>
  `${formatJson(asyncApiDocument({ version: VERSION, endpoints: documentedEndpoints(), outputs: OUTPUTS }))}\n`;
