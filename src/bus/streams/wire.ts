/** Definitions in the form of the server, where buckets and object stores are streams with subjects and limits of their own. */
import { DiscardPolicy, nanos, RetentionPolicy, StorageType, type StreamConfig } from 'nats';
import type { BucketDefinition, ObjectStoreDefinition, StreamDefinition } from '../../../streams.config.ts';

/** The settings that Freshet compares, under the server's names; durations in nanoseconds. */
export type WireStream = Pick<
  StreamConfig,
  | 'name'
  | 'description'
  | 'subjects'
  | 'retention'
  | 'storage'
  | 'max_age'
  | 'max_bytes'
  | 'max_msgs'
  | 'max_msgs_per_subject'
  | 'max_msg_size'
  | 'duplicate_window'
  | 'discard'
  | 'num_replicas'
  | 'deny_delete'
  | 'deny_purge'
  | 'allow_rollup_hdrs'
  | 'allow_direct'
>;

const storageOf = (storage: 'file' | 'memory'): StorageType =>
  storage === 'file' ? StorageType.File : StorageType.Memory;

const common = {
  retention: RetentionPolicy.Limits,
  max_msgs: -1,
  max_msg_size: -1,
  num_replicas: 1,
  deny_purge: false,
};

export function wireStream(definition: StreamDefinition | BucketDefinition | ObjectStoreDefinition): WireStream {
  const { description } = definition;
  const storage = storageOf(definition.storage);
  switch (definition.kind) {
    case 'stream':
      return {
        ...common,
        name: definition.name,
        description,
        storage,
        subjects: definition.subjects,
        max_age: nanos(definition.maxAgeMs),
        max_bytes: definition.maxBytes,
        max_msgs_per_subject: -1,
        duplicate_window: nanos(definition.duplicateWindowMs),
        discard: definition.discard === 'new' ? DiscardPolicy.New : DiscardPolicy.Old,
        // The erasure of a user removes messages.
        deny_delete: false,
        allow_rollup_hdrs: false,
        allow_direct: true,
      };
    case 'kv':
      return {
        ...common,
        name: `KV_${definition.name}`,
        description,
        storage,
        subjects: [`$KV.${definition.name}.>`],
        max_age: nanos(definition.ttlMs),
        max_bytes: -1,
        max_msgs_per_subject: definition.history,
        duplicate_window: nanos(definition.ttlMs > 0 ? Math.min(definition.ttlMs, 120_000) : 120_000),
        discard: DiscardPolicy.New,
        deny_delete: true,
        allow_rollup_hdrs: true,
        allow_direct: true,
      };
    case 'object-store':
      return {
        ...common,
        name: `OBJ_${definition.name}`,
        description,
        storage,
        subjects: [`$O.${definition.name}.C.>`, `$O.${definition.name}.M.>`],
        max_age: 0,
        max_bytes: -1,
        max_msgs_per_subject: -1,
        duplicate_window: nanos(120_000),
        discard: DiscardPolicy.New,
        deny_delete: false,
        allow_rollup_hdrs: true,
        allow_direct: false,
      };
  }
}
