import { asyncApiDocument, type DocumentedOutput } from '../../src/bus/event/asyncapi.ts';
import { VERSION } from '../../src/version.ts';
import { documentedEndpoints } from './endpoints.ts';
import { formatJson } from './json.ts';

const OUTPUTS: readonly DocumentedOutput[] = [
  {
    name: 'dead-letter',
    address: 'dlq.{service}.{context}.{entity}.{verb}',
    description: 'Copy of an event that a service set aside; the reason is in headers. Kept in the stream DEAD_LETTERS',
    parameters: {
      service: 'the service that set it aside',
      context: 'context of the event, or unknown',
      entity: 'id of the entity as a token, or the whole subject as one where it is none of the log',
      verb: 'verb of the event, or unknown',
    },
  },
  {
    name: 'snapshot',
    address: 'out.engine.snapshot',
    description: 'A snapshot of the model has come into force. Kept in the stream ENGINE_OUTPUT',
    parameters: {},
  },
  {
    name: 'ranking-of-user',
    address: '$KV.rankings.user.{user}',
    description: 'The ranking of a user, each time it moves: key user.<id> of the KV bucket rankings',
    parameters: { user: 'id of the user as a token' },
  },
  {
    name: 'similar-items',
    address: '$KV.rankings.similar.{item}',
    description: 'What goes with an item: key similar.<id> of the KV bucket rankings',
    parameters: { item: 'id of the item as a token' },
  },
  {
    name: 'trending',
    address: '$KV.rankings.trending',
    description: 'What is taken most lately: key trending of the KV bucket rankings',
    parameters: {},
  },
];

export const asyncApiFile = (): string =>
  `${formatJson(asyncApiDocument({ version: VERSION, endpoints: documentedEndpoints(), outputs: OUTPUTS }))}\n`;
