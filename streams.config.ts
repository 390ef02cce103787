/**
 * Everything that lives in JetStream. `freshet streams diff` compares it with a server, `apply` carries the difference
 * out, `export` writes it as the JSON that `nats stream add --config` reads.
 * Sizes are bytes, durations milliseconds; -1 or 0 means without limit.
 */

export interface StreamDefinition {
  kind: 'stream';
  name: string;
  description: string;
  subjects: string[];
  storage: 'file' | 'memory';
  /** Oldest message that is kept, milliseconds; 0 keeps all. */
  maxAgeMs: number;
  /** -1 for no limit. */
  maxBytes: number;
  /** Window in which the server itself recognises a repeated `Nats-Msg-Id`, milliseconds. */
  duplicateWindowMs: number;
  /** `new` refuses what is over a limit, `old` makes room by dropping the oldest. */
  discard: 'old' | 'new';
}

export interface BucketDefinition {
  kind: 'kv';
  name: string;
  description: string;
  /** Values kept per key. */
  history: number;
  storage: 'file' | 'memory';
  /** Milliseconds a value is kept; 0 keeps all. */
  ttlMs: number;
}

export interface ObjectStoreDefinition {
  kind: 'object-store';
  name: string;
  description: string;
  storage: 'file' | 'memory';
}

/** A service's reader of the log. Start position and life time are the projection loop's, at each start. */
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
  description: 'The log: every event in one total order, kept for good; all state is a fold of it',
  subjects: ['ev.>'],
  storage: 'file',
  maxAgeMs: 0,
  maxBytes: -1,
  duplicateWindowMs: 120_000,
  discard: 'new',
};

export const DEAD_LETTERS: StreamDefinition = {
  kind: 'stream',
  name: 'DEAD_LETTERS',
  description:
    'Copies of events that a service set aside: dlq.<service>.<context>.<entity>.<verb>, the reason in headers',
  subjects: ['dlq.>'],
  storage: 'file',
  maxAgeMs: 0,
  maxBytes: -1,
  duplicateWindowMs: 120_000,
  discard: 'new',
};

export const ENGINE_OUTPUT: StreamDefinition = {
  kind: 'stream',
  name: 'ENGINE_OUTPUT',
  description: 'What the engine announces: each snapshot that comes into force, on out.engine.snapshot',
  subjects: ['out.engine.>'],
  storage: 'file',
  maxAgeMs: 30 * 86_400_000,
  maxBytes: 16 * 1024 * 1024,
  duplicateWindowMs: 120_000,
  discard: 'old',
};

export const RANKINGS: BucketDefinition = {
  kind: 'kv',
  name: 'rankings',
  description: 'Rankings as they move: user.<id>, similar.<item>, trending; derived, can be dropped',
  history: 1,
  storage: 'file',
  ttlMs: 0,
};

export const ENGINE: BucketDefinition = {
  kind: 'kv',
  name: 'engine',
  description: 'Key current: the snapshot in force, moved by compare-and-set; its history is kept for rollback',
  history: 16,
  storage: 'file',
  ttlMs: 0,
};

export const KEYS: BucketDefinition = {
  kind: 'kv',
  name: 'keys',
  description: 'API keys as hashes, by id; gateways follow it, so that a key that is revoked opens nothing any more',
  history: 1,
  storage: 'file',
  ttlMs: 0,
};

export const DEAD_LETTER_MARKS: BucketDefinition = {
  kind: 'kv',
  name: 'dead_letters',
  description:
    'Dead letters that somebody has dealt with, <service>.<sequence>: discarded, or published again under a new id',
  history: 1,
  storage: 'file',
  ttlMs: 0,
};

export const ERASURES: BucketDefinition = {
  kind: 'kv',
  name: 'erasures',
  description: 'The ledger of erasures outside the log, act.<id>, and the key that users are named by in it',
  history: 1,
  storage: 'file',
  ttlMs: 0,
};

export const LEASES: BucketDefinition = {
  kind: 'kv',
  name: 'leases',
  description: 'Who does what one of several replicas is to do, with signs of life; derived, can be dropped',
  history: 1,
  storage: 'file',
  ttlMs: 0,
};

export const SNAPSHOTS: ObjectStoreDefinition = {
  kind: 'object-store',
  name: 'snapshots',
  description:
    'Model snapshots, one immutable object a version; and input-*, what was trained outside the fold, never removed',
  storage: 'file',
};

const reader = (service: string, what: string): ConsumerDefinition => ({
  kind: 'consumer',
  name: `${service}-projection`,
  stream: EVENTS.name,
  description: `How far the ${service} service has read the log: ${what}`,
});

export const CONSUMERS: ConsumerDefinition[] = [
  reader('user', 'profiles and histories'),
  reader('content', 'the catalogue'),
  reader('feedback', 'what was shown and what came of it'),
  reader('engine', 'the model and its rankings'),
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
