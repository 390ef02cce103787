/**
 * Everything that Freshet keeps in JetStream. `freshet streams diff` compares these definitions with a server, `apply`
 * changes the server to match them, and `export` writes them as the JSON that `nats stream add --config` reads.
 * Sizes are bytes, durations milliseconds. -1 or 0 means no limit.
 */

/** A program of Freshet that needs a stream, bucket or store while it runs. */
export type Needer = 'user' | 'content' | 'feedback' | 'engine' | 'gateway';

/** What it means if it is gone. */
interface Content {
  name: string;
  description: string;
  /** Whether Freshet can write all of the content again at any time. Settings that lose messages may then stay. */
  derived: boolean;
  neededBy: readonly Needer[];
  /**
   * The services that make it again if somebody deletes it while they run, and what they write into it. Without a maker
   * only an operator makes it again, because what it held is lost.
   */
  madeAgainBy: readonly Needer[];
}

export interface StreamDefinition extends Content {
  kind: 'stream';
  subjects: string[];
  storage: 'file' | 'memory';
  /** Age at which the server deletes a message, milliseconds; 0 keeps all. */
  maxAgeMs: number;
  /** -1 for no limit. */
  maxBytes: number;
  /** Window in which the server drops a repeated `Nats-Msg-Id`, milliseconds. */
  duplicateWindowMs: number;
  /** At a limit, `new` refuses new messages, and `old` drops the oldest ones. */
  discard: 'old' | 'new';
}

export interface BucketDefinition extends Content {
  kind: 'kv';
  /** How many values the server keeps per key. */
  history: number;
  storage: 'file' | 'memory';
  /** Age at which the server deletes a value, milliseconds; 0 keeps all. */
  ttlMs: number;
}

export interface ObjectStoreDefinition extends Content {
  kind: 'object-store';
  storage: 'file' | 'memory';
}

/** The consumer by which a service reads the log. The projection loop sets its start position at each start. */
export interface ConsumerDefinition {
  kind: 'consumer';
  name: string;
  stream: string;
  description: string;
}

export type Definition = StreamDefinition | BucketDefinition | ObjectStoreDefinition | ConsumerDefinition;

/** The one log. */
export const EVENTS: StreamDefinition = {
  kind: 'stream',
  name: 'EVENTS',
  description: 'The log: every event, in one total order, kept forever. All state is a fold of it',
  subjects: ['ev.>'],
  storage: 'file',
  maxAgeMs: 0,
  maxBytes: -1,
  duplicateWindowMs: 120_000,
  discard: 'new',
  derived: false,
  neededBy: ['user', 'content', 'feedback', 'engine', 'gateway'],
  madeAgainBy: [],
};

export const DEAD_LETTERS: StreamDefinition = {
  kind: 'stream',
  name: 'DEAD_LETTERS',
  description:
    'Copies of events that a service could not fold: dlq.<service>.<context>.<entity>.<verb>, with the reason in headers',
  subjects: ['dlq.>'],
  storage: 'file',
  maxAgeMs: 0,
  maxBytes: -1,
  duplicateWindowMs: 120_000,
  discard: 'new',
  derived: false,
  neededBy: ['user', 'content', 'feedback', 'engine'],
  madeAgainBy: ['user', 'content', 'feedback', 'engine'],
};

export const ENGINE_OUTPUT: StreamDefinition = {
  kind: 'stream',
  name: 'ENGINE_OUTPUT',
  description: 'Announcements of the engine: each snapshot that comes into force, on out.engine.snapshot',
  subjects: ['out.engine.>'],
  storage: 'file',
  maxAgeMs: 30 * 86_400_000,
  maxBytes: 16 * 1024 * 1024,
  duplicateWindowMs: 120_000,
  discard: 'old',
  derived: false,
  neededBy: ['engine'],
  madeAgainBy: ['engine'],
};

export const RANKINGS: BucketDefinition = {
  kind: 'kv',
  name: 'rankings',
  description: 'Current rankings: user.<id>, similar.<item>, trending. Derived data: the engine can write it again',
  history: 1,
  storage: 'file',
  ttlMs: 0,
  derived: true,
  neededBy: ['engine', 'user', 'gateway'],
  madeAgainBy: ['engine'],
};

export const ENGINE: BucketDefinition = {
  kind: 'kv',
  name: 'engine',
  description:
    'Key current: the snapshot in force, changed by compare-and-set. Its history shows which snapshot was in force when',
  history: 16,
  storage: 'file',
  ttlMs: 0,
  derived: false,
  neededBy: ['engine'],
  madeAgainBy: ['engine'],
};

export const KEYS: BucketDefinition = {
  kind: 'kv',
  name: 'keys',
  description: 'Hashes of API keys, by id. Every gateway watches it, so that a revocation takes effect at once',
  history: 1,
  storage: 'file',
  ttlMs: 0,
  derived: false,
  neededBy: ['gateway'],
  madeAgainBy: [],
};

export const DEAD_LETTER_MARKS: BucketDefinition = {
  kind: 'kv',
  name: 'dead_letters',
  description: 'Dead letters that an operator has discarded or published again under a new id: <service>.<sequence>',
  history: 1,
  storage: 'file',
  ttlMs: 0,
  derived: false,
  neededBy: [],
  madeAgainBy: [],
};

export const ERASURES: BucketDefinition = {
  kind: 'kv',
  name: 'erasures',
  description: 'The ledger of erasures, act.<id>, and the key of the HMACs that stand for user ids',
  history: 1,
  storage: 'file',
  ttlMs: 0,
  derived: false,
  neededBy: ['user', 'content', 'feedback', 'engine'],
  madeAgainBy: [],
};

export const LEASES: BucketDefinition = {
  kind: 'kv',
  name: 'leases',
  description:
    'Leases: which replica holds the right to work that only one may do, with its last renewal. Derived data',
  history: 1,
  storage: 'file',
  ttlMs: 0,
  derived: true,
  neededBy: ['engine'],
  madeAgainBy: ['engine'],
};

export const SNAPSHOTS: ObjectStoreDefinition = {
  kind: 'object-store',
  name: 'snapshots',
  description:
    'Snapshots of the model, one immutable object per version; and input-*, the results of trainings, kept forever',
  storage: 'file',
  derived: false,
  neededBy: ['engine'],
  madeAgainBy: ['engine'],
};

const reader = (service: string, what: string): ConsumerDefinition => ({
  kind: 'consumer',
  name: `${service}-projection`,
  stream: EVENTS.name,
  description: `How far the ${service} service has read the log, for ${what}`,
});

export const CONSUMERS: ConsumerDefinition[] = [
  reader('user', 'profiles and histories'),
  reader('content', 'the catalogue'),
  reader('feedback', 'impressions and reactions'),
  reader('engine', 'the model and its rankings'),
];

export interface BackupRule {
  /** Name of the stream in JetStream. */
  stream: string;
  backedUp: boolean;
  /** What would be lost without it, or why a backup does without it. */
  why: string;
}

/**
 * What a backup holds. `freshet backup` reads the streams in this order: the ledger of erasures last, so that it has every
 * erasure that the backup of the log has.
 */
export const BACKUP: readonly BackupRule[] = [
  { stream: 'EVENTS', backedUp: true, why: 'the log: without it nothing can be rebuilt' },
  {
    stream: 'OBJ_snapshots',
    backedUp: true,
    why: 'results of trainings, which a rebuild reads and cannot compute again, and snapshots of the model',
  },
  {
    stream: 'KV_dead_letters',
    backedUp: true,
    why: 'which dead letters an operator has retried or discarded; without it they are on the list again',
  },
  { stream: 'KV_keys', backedUp: true, why: 'hashes of API keys; without it no API key works' },
  {
    stream: 'KV_erasures',
    backedUp: true,
    why: 'the ledger of erasures, and the key by which their records name users; without it users whom Freshet forgot after the backup of the log are back',
  },
  {
    stream: 'DEAD_LETTERS',
    backedUp: false,
    why: 'copies of messages of the log; a service that folds the log again publishes them again',
  },
  { stream: 'ENGINE_OUTPUT', backedUp: false, why: 'announcements, which expire; the engine writes new ones' },
  { stream: 'KV_rankings', backedUp: false, why: 'the engine computes and publishes rankings again' },
  {
    stream: 'KV_engine',
    backedUp: false,
    why: 'names the snapshot in force; the engine names the next one that it writes. Settings in force are in the log',
  },
  { stream: 'KV_leases', backedUp: false, why: 'of use to running replicas only' },
];

export const STREAMS: Definition[] = [
  EVENTS,
  DEAD_LETTERS,
  ENGINE_OUTPUT,
  RANKINGS,
  ENGINE,
  KEYS,
  DEAD_LETTER_MARKS,
  ERASURES,
  LEASES,
  SNAPSHOTS,
  ...CONSUMERS,
];
