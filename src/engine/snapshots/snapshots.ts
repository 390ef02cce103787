/**
 * Snapshots: an immutable object a version of the model, then the pointer `engine.current` by compare-and-set, so that
 * whoever reads the pointer finds the object whole. Oldest ones go when there are more than are to be kept.
 */
import { createHash } from 'node:crypto';
import { type KV, type NatsConnection, NatsError, type ObjectStore } from 'nats';
import type { Logger } from 'pino';
import { ENGINE, ENGINE_OUTPUT, SNAPSHOTS } from '../../../streams.config.ts';
import type { Publisher } from '../../bus/publisher.ts';
import { messageOf } from '../../errors.ts';
import { VERSION } from '../../version.ts';

/** Key of the pointer in the bucket `engine`. */
export const POINTER = 'current';

/** What the pointer says; also the object's description of itself. */
export interface Manifest {
  /** Name in the object store. */
  object: string;
  /** SHA-256 of the object's bytes, hex. */
  sha256: string;
  /** Position of the log that it holds. */
  seq: number;
  /** The fold's clock at that position, RFC 3339. */
  event_time: string;
  config: string;
  code: string;
  backend: string;
  bytes: number;
  users: number;
  items: number;
  events: number;
}

export interface ModelImage {
  seq: number;
  clock: number;
  state: Buffer;
  users: number;
  items: number;
  events: number;
}

export interface SnapshotsOptions {
  nc: NatsConnection;
  publisher: Publisher;
  logger: Logger;
  /** Hash of the engine's configuration. */
  config: string;
  backend: string;
  keep: number;
  onWritten?: (seconds: number, bytes: number) => void;
}

export interface Snapshots {
  /** The one in force, as this process last knew it. */
  current(): Manifest | undefined;
  /** Reads the pointer. */
  load(): Promise<Manifest | undefined>;
  /** Stores the image and moves the pointer; undefined where another instance has moved it further meanwhile. */
  write(image: ModelImage): Promise<Manifest | undefined>;
}

export async function createSnapshots(options: SnapshotsOptions): Promise<Snapshots> {
  const { nc, publisher, logger, config, backend, keep, onWritten } = options;
  const js = nc.jetstream();
  const kv: KV = await js.views.kv(ENGINE.name, { bindOnly: true });
  const store: ObjectStore = await js.views.os(SNAPSHOTS.name);
  let current: Manifest | undefined;
  let revision = 0;

  async function load(): Promise<Manifest | undefined> {
    const entry = await kv.get(POINTER);
    revision = entry?.revision ?? 0;
    current = entry && entry.operation === 'PUT' ? entry.json<Manifest>() : undefined;
    return current;
  }

  async function write({ seq, clock, state, users, items, events }: ModelImage): Promise<Manifest | undefined> {
    const started = performance.now();
    const sha256 = createHash('sha256').update(state).digest('hex');
    const object = `model-${String(seq).padStart(12, '0')}-${sha256.slice(0, 8)}`;
    const manifest: Manifest = {
      object,
      sha256,
      seq,
      event_time: new Date(clock).toISOString(),
      config,
      code: VERSION,
      backend,
      bytes: state.length,
      users,
      items,
      events,
    };
    await store.putBlob({ name: object, description: JSON.stringify(manifest) }, state);
    try {
      revision = await kv.put(POINTER, JSON.stringify(manifest), { previousSeq: revision });
    } catch (err) {
      if (!isWrongRevision(err)) throw err;
      // Somebody moved the pointer: theirs stands if it holds more, otherwise the next attempt starts from it.
      const theirs = await load();
      logger.warn({ theirs: theirs?.object, ours: object }, 'another instance moved the snapshot pointer');
      return undefined;
    }
    current = manifest;
    onWritten?.((performance.now() - started) / 1000, state.length);
    await publisher
      .publish({
        subject: `${ENGINE_OUTPUT.subjects[0]?.replace('>', 'snapshot')}`,
        payload: Buffer.from(JSON.stringify(manifest)),
        identity: `snapshot/${object}`,
      })
      .catch((err: unknown) => logger.warn({ err }, 'the snapshot could not be announced'));
    await removeOld();
    return manifest;
  }

  async function removeOld(): Promise<void> {
    try {
      const names = (await store.list())
        .filter(({ deleted }) => !deleted)
        .map(({ name }) => name)
        .sort();
      for (const name of names.slice(0, Math.max(0, names.length - keep)))
        if (name !== current?.object) await store.delete(name);
    } catch (err) {
      logger.warn(
        { reason: messageOf(err) },
        'old snapshots could not be removed; it is tried again with the next one',
      );
    }
  }

  return { current: () => current, load, write };
}

const isWrongRevision = (err: unknown): boolean => err instanceof NatsError && err.api_error?.err_code === 10071;
