/** The streams, buckets and stores that a server lacks, with what that means and the next step. */
import type { JetStreamManager } from 'nats';
import {
  type ConsumerDefinition,
  DEAD_LETTER_MARKS,
  type Definition,
  ERASURES,
  EVENTS,
  KEYS,
  type Needer,
  STREAMS,
} from '../../../streams.config.ts';
import { StreamMissingError } from '../../errors.ts';
import { wireStream } from './wire.ts';

/** A definition that has a stream of its own. */
export type Stored = Exclude<Definition, ConsumerDefinition>;

export const STORED: readonly Stored[] = STREAMS.filter((one): one is Stored => one.kind !== 'consumer');

/** What the server lacks, for a status. */
export interface MissingStream {
  kind: Stored['kind'];
  name: string;
  code: string;
  message: string;
  next: string;
  /** Whether a service makes it again. */
  made_again: boolean;
  /** The services that need it while they run. */
  needed_by: readonly Needer[];
}

/** Whether the system cannot do all that it promises while this is missing. */
export const isBlocking = ({ made_again, needed_by }: MissingStream): boolean => !made_again && needed_by.length > 0;

const NOUN: Readonly<Record<Stored['kind'], string>> = {
  stream: 'stream',
  kv: 'KV bucket',
  'object-store': 'object store',
};

const RESTORE = 'restore it from a backup (docs/how-to/back-up-and-restore.md)';
/** What is lost with it, and the next step, where no service makes it again. */
const LOST: Readonly<Record<string, readonly [what: string, next: string]>> = {
  [EVENTS.name]: [
    'It held all events: no caller can publish, and services keep the state of their last commit.',
    `${RESTORE}; without one: freshet streams apply begins a new log, and freshet replay SERVICE folds it`,
  ],
  [ERASURES.name]: [
    'It held the ledger of erasures and the key by which records of erasures name users: Freshet can forget nobody, and cannot forget again whom a backup of the log brings back.',
    `${RESTORE}; without one, while a service still runs: freshet streams apply (the service writes the key again, and the ledger starts anew)`,
  ],
  [KEYS.name]: [
    'It held the API keys: nobody can revoke one, and no new gateway accepts any.',
    `${RESTORE}; without one: freshet streams apply, then freshet keys create NAME --scope SCOPE for each program`,
  ],
  [DEAD_LETTER_MARKS.name]: [
    'It held which dead letters an operator has retried or discarded: freshet dlq list shows them again.',
    `${RESTORE}; without one: freshet streams apply`,
  ],
};

export function missingStream(definition: Stored): MissingStream {
  const { kind, name, madeAgainBy, neededBy } = definition;
  const [what, next] = LOST[name] ?? [
    `The service that makes it again is ${madeAgainBy.join(' or ')}: it does so within seconds, and writes what belongs there.`,
    'freshet status',
  ];
  const error = new StreamMissingError(`The nats-server does not have the ${NOUN[kind]} ${name}. ${what}`, { next });
  return {
    kind,
    name,
    code: error.code,
    message: error.message,
    next,
    made_again: madeAgainBy.length > 0,
    needed_by: neededBy,
  };
}

/** The names of all streams of the account: one request for a thousand of them, whatever they hold. */
async function streamNames(jsm: JetStreamManager): Promise<Set<string>> {
  const names = new Set<string>();
  for await (const name of jsm.streams.names()) names.add(name);
  return names;
}

/** What of these definitions the server lacks. Throws if the server does not answer. */
export async function missingStreams(
  jsm: JetStreamManager,
  definitions: readonly Stored[] = STORED,
): Promise<MissingStream[]> {
  const names = await streamNames(jsm);
  return definitions.filter((one) => !names.has(wireStream(one).name)).map(missingStream);
}
