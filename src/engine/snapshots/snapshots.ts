/**
 * The store of snapshots. Each version of the model is an immutable object. The engine stores the object first, then
 * moves the pointer `engine.current` to it by compare-and-set, so that a reader of the pointer finds a whole object. Each
 * object carries its manifest as its description, so that an engine can use an older one if the one in force is
 * damaged. Retention removes old ones.
 */
import { createHash } from 'node:crypto';
import { type KV, type NatsConnection, NatsError, type ObjectStore } from 'nats';
import type { Logger } from 'pino';
import { ENGINE, ENGINE_OUTPUT, SNAPSHOTS } from '../../../streams.config.ts';
import { removeObject } from '../../bus/erasure/remove-object.ts';
import type { Publisher } from '../../bus/nats/publisher.ts';
import { withTimeLimit } from '../../bus/nats/time-limit.ts';
import type { Fingerprint } from '../../bus/projection/store.ts';
import { messageOf, SnapshotUnreadableError } from '../../errors.ts';
import { VERSION } from '../../version.ts';
import type { EngineSettings, Origin } from '../settings/settings.ts';
import { nextTurn } from '../slices.ts';
import { stepTaken } from '../steps.ts';
import { incompatibility, type Manifest, parseManifest } from './manifest.ts';
import { retained } from './retention.ts';

/** Key of the pointer in the bucket `engine`. */
export const POINTER = 'current';
/** Prefix of the names of snapshots. */
const PREFIX = 'model-';
/** Milliseconds until a part of an object that was sent, and not acknowledged, counts as lost. */
const PUT_MS = 30_000;

/** The model at one position, ready for the store. */
export interface ModelImage {
  seq: number;
  clock: number;
  state: Uint8Array;
  users: number;
  items: number;
  events: number;
  backend: string;
  inputs: string;
  prequential: object | null;
  /** Snapshot whose ranker is pinned. */
  pinned?: string | undefined;
  /** See {@link Manifest.exact}. */
  exact?: boolean | undefined;
  marks: Fingerprint[];
}

export interface SnapshotsOptions {
  nc: NatsConnection;
  publisher: Publisher;
  logger: Pick<Logger, 'info' | 'warn'>;
  /** The origin of this engine's states. */
  origin: () => Origin;
  /** Settings of the engine that writes the snapshots. */
  settings?: EngineSettings;
  /** How many of the newest snapshots retention keeps. */
  keep: number;
  /** How many older ones, and as many of other configurations, it keeps as well; 0 unless given. */
  older?: number;
  /** Milliseconds without a part of an object after which the object counts as unreadable. */
  stallMs: number;
  onWritten?: (seconds: number, bytes: number) => void;
}

export interface Snapshots {
  /** The snapshot in force, as this process last read or moved the pointer. */
  current(): Manifest | undefined;
  /** Position of the snapshot in force, if this engine can use it; 0 otherwise. */
  usableSeq(): number;
  /** Counts a snapshot as missing, as it turned out to be damaged, until the engine writes it again. */
  distrust(object: string): void;
  /** Reads the pointer. */
  load(): Promise<Manifest | undefined>;
  /** All snapshots, the highest position first. Logs a warning for an object without a manifest, and leaves it out. */
  list(): Promise<Manifest[]>;
  /** The bytes of a snapshot. Throws `SnapshotUnreadableError` if they do not have the manifest's SHA-256. */
  read(manifest: Manifest): Promise<Buffer>;
  /** Stores the image and moves the pointer to it; undefined if another instance moved the pointer meanwhile. */
  write(image: ModelImage): Promise<Manifest | undefined>;
  /** Stores the image, and does not move the pointer. */
  put(image: ModelImage): Promise<Manifest>;
  /** Moves the pointer to a snapshot; false if the snapshot was removed, or another instance moved the pointer. */
  point(manifest: Manifest): Promise<boolean>;
  /** Removes all snapshots but the one in force. */
  removeOthers(): Promise<void>;
}

export async function createSnapshots(options: SnapshotsOptions): Promise<Snapshots> {
  const { nc, publisher, logger, origin, settings, keep, older = 0, stallMs, onWritten } = options;
  const js = nc.jetstream();
  const kv: KV = await js.views.kv(ENGINE.name, { bindOnly: true });
  const store: ObjectStore = await js.views.os(SNAPSHOTS.name);
  let current: Manifest | undefined;
  let revision = 0;
  const damaged = new Set<string>();
  // A snapshot holds all users, also those that a later erasure names.
  const jsm = await nc.jetstreamManager({ checkAPI: false });
  const remove = (name: string): Promise<void> => removeObject(jsm, store, SNAPSHOTS.name, name);

  async function load(): Promise<Manifest | undefined> {
    const entry = await kv.get(POINTER);
    revision = entry?.revision ?? 0;
    current = entry && entry.operation === 'PUT' ? parseManifest(entry.string()) : undefined;
    return current;
  }

  const names = async () => (await store.list()).filter(({ name, deleted }) => !deleted && name.startsWith(PREFIX));

  async function list(): Promise<Manifest[]> {
    const found: Manifest[] = [];
    for (const { name, description } of await names()) {
      const manifest = parseManifest(description ?? '');
      if (manifest?.object === name) found.push(manifest);
      else logger.warn({ object: name }, 'an object in the snapshot store has no manifest; the engine skips it');
    }
    return found.sort((a, b) => b.seq - a.seq || (a.object < b.object ? 1 : -1));
  }

  async function read(manifest: Manifest): Promise<Buffer> {
    const { object } = manifest;
    const bytes = await withStallLimit(object);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    if (sha256 !== manifest.sha256)
      throw new SnapshotUnreadableError(
        `The snapshot ${object} has ${bytes.length} bytes with SHA-256 ${sha256}. Its manifest says ${manifest.bytes} bytes with SHA-256 ${manifest.sha256}.`,
        { details: { object, found: sha256, expected: manifest.sha256 } },
      );
    return bytes;
  }

  /** Reading an object without one of its parts would never end: the server has nothing to send for the part. */
  async function withStallLimit(object: string): Promise<Buffer> {
    const unreadable = (cause: unknown): SnapshotUnreadableError =>
      new SnapshotUnreadableError(`The engine cannot read the snapshot ${object}: ${messageOf(cause)}.`, {
        details: { object },
        cause,
      });
    const found = await store.get(object).catch((err: unknown) => {
      throw unreadable(err);
    });
    if (!found) throw unreadable(new Error('the store does not have it'));
    // The stream fails with the same error.
    found.error.catch(() => {});
    const reader = found.data.getReader();
    const parts: Uint8Array[] = [];
    try {
      for (;;) {
        const { done, value } = await withTimeLimit(
          reader.read(),
          stallMs,
          `the server sent no part of it for ${stallMs} ms`,
        );
        if (done) return Buffer.concat(parts);
        parts.push(value);
      }
    } catch (err) {
      throw unreadable(err);
    }
  }

  async function put(image: ModelImage): Promise<Manifest> {
    const { state, clock, pinned, exact, ...said } = image;
    const sha256 = await hashInTurns(state);
    const object = `${PREFIX}${String(image.seq).padStart(12, '0')}-${sha256.slice(0, 8)}`;
    const manifest: Manifest = {
      object,
      sha256,
      ...said,
      event_time: new Date(clock).toISOString(),
      ...origin(),
      ...(settings ? { settings } : {}),
      ...(pinned === undefined ? {} : { pinned }),
      ...(exact === true ? { exact } : {}),
      code: VERSION,
      bytes: state.length,
    };
    stepTaken('snapshot-exported');
    await store.put({ name: object, description: JSON.stringify(manifest) }, inTurns(state), { timeout: PUT_MS });
    stepTaken('snapshot-stored');
    return manifest;
  }

  async function point(manifest: Manifest): Promise<boolean> {
    const found = await store.info(manifest.object);
    return found !== null && !found.deleted && movePointer(manifest);
  }

  async function movePointer(manifest: Manifest): Promise<boolean> {
    try {
      revision = await kv.put(POINTER, JSON.stringify(manifest), { previousSeq: revision });
    } catch (err) {
      if (!isWrongRevision(err)) throw err;
      // Another instance moved the pointer. If its snapshot holds less, the next attempt moves the pointer again.
      const theirs = await load();
      logger.warn({ theirs: theirs?.object, ours: manifest.object }, 'another instance moved the snapshot pointer');
      return false;
    }
    current = manifest;
    damaged.delete(manifest.object);
    return true;
  }

  async function write(image: ModelImage): Promise<Manifest | undefined> {
    const started = performance.now();
    const manifest = await put(image);
    if (!(await movePointer(manifest))) return undefined;
    stepTaken('snapshot-pointed');
    const { object, bytes } = manifest;
    onWritten?.((performance.now() - started) / 1000, bytes);
    await publisher
      .publish({
        subject: `${ENGINE_OUTPUT.subjects[0]?.replace('>', 'snapshot')}`,
        payload: Buffer.from(JSON.stringify(manifest)),
        identity: `snapshot/${object}`,
      })
      .catch((err: unknown) =>
        logger.warn({ err }, 'the engine could not publish the control event for the snapshot in force'),
      );
    stepTaken('snapshot-announced');
    await removeOld();
    stepTaken('snapshots-thinned');
    return manifest;
  }

  async function removeOld(): Promise<void> {
    try {
      // By time of writing, because the positions of a re-created stream start again at 1.
      const found = (await names()).map(({ name, mtime, description }) => ({
        name,
        written: Date.parse(mtime),
        config: parseManifest(description ?? '')?.config,
      }));
      const kept = retained(found, { keep, older, now: Date.now() });
      for (const { name } of found) if (!kept.has(name) && name !== current?.object) await remove(name);
    } catch (err) {
      logger.warn(
        { reason: messageOf(err) },
        'the engine could not remove old snapshots; it tries again after the next one',
      );
    }
  }

  async function removeOthers(): Promise<void> {
    for (const { name } of await names()) if (name !== current?.object) await remove(name);
    stepTaken('snapshots-replaced');
  }

  return {
    current: () => current,
    usableSeq: () => {
      if (!current || damaged.has(current.object)) return 0;
      return incompatibility(current, origin()) === undefined ? current.seq : 0;
    },
    distrust: (object) => void damaged.add(object),
    load,
    list,
    read,
    write,
    put,
    point,
    removeOthers,
  };
}

/** Bytes that the store hashes and sends in one turn of the event loop. */
const TURN_BYTES = 131_072;

/** Bytes in parts, each in a turn of its own: the client hashes what it gets at once, 10 MB in a tenth of a second. */
const inTurns = (bytes: Uint8Array): ReadableStream<Uint8Array> => {
  let at = 0;
  return new ReadableStream({
    pull: async (controller) => {
      await nextTurn();
      controller.enqueue(bytes.subarray(at, at + TURN_BYTES));
      at += TURN_BYTES;
      if (at >= bytes.length) controller.close();
    },
  });
};

/** SHA-256, hex. */
async function hashInTurns(bytes: Uint8Array): Promise<string> {
  const hash = createHash('sha256');
  for (let at = 0; at < bytes.length; at += 8 * TURN_BYTES) {
    hash.update(bytes.subarray(at, at + 8 * TURN_BYTES));
    await nextTurn();
  }
  return hash.digest('hex');
}

const isWrongRevision = (err: unknown): boolean => err instanceof NatsError && err.api_error?.err_code === 10071;
