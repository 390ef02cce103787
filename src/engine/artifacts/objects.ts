/**
 * A copy of each recorded input in the object store, for a fold without the engine's file: the log does not contain the
 * inputs. The retention of snapshots does not remove copies.
 */
import type { NatsConnection, ObjectStore } from 'nats';
import type { Logger } from 'pino';
import { SNAPSHOTS } from '../../../streams.config.ts';
import { removeObject } from '../../bus/erasure/remove-object.ts';
import { streamSeq } from '../../bus/event/ids.ts';
import { mayHold } from '../../bus/log/losses.ts';
import type { Log } from '../../bus/log/port.ts';
import { onceMade } from '../../bus/nats/once-made.ts';
import { withTimeLimit } from '../../bus/nats/time-limit.ts';
import { checkLog } from '../../bus/projection/checks.ts';
import { messageOf } from '../../errors.ts';
import { type InputMention, type InputRecords, inOrder, keyOf, type RecordedInput, sha256Of } from './records.ts';

/** Prefix of the names of copies. */
const PREFIX = 'input-';
/** Milliseconds until a part of an object that was sent counts as lost. */
const PUT_MS = 30_000;

/** A record as its copy describes it. */
interface Described extends InputMention {
  /** Creation time of the stream whose fold recorded the input. */
  stream: string;
}

export interface InputObjectsOptions {
  nc: NatsConnection;
  log: Log;
  logger: Pick<Logger, 'info' | 'warn'>;
  /** Milliseconds without an answer until a copy counts as unreadable. */
  stallMs: number;
}

export interface InputObjects {
  /** Copies of inputs of this log, in order. */
  list(): Promise<InputMention[]>;
  /** The record with its bytes; undefined, with a warning, if the bytes do not match the record. */
  read(mention: InputMention): Promise<RecordedInput | undefined>;
  /** All readable records, in order. */
  readAll(): Promise<RecordedInput[]>;
  put(input: RecordedInput): Promise<void>;
  /** Removes a copy, if it exists. */
  remove(mention: InputMention): Promise<void>;
  /** Removes the copies of this stream's inputs for which `isLost` holds. */
  removeLost(isLost: (mention: InputMention) => boolean): Promise<void>;
}

export const objectName = ({ from_seq, trained_at, kind, sha256 }: InputMention): string =>
  `${PREFIX}${String(from_seq).padStart(12, '0')}-${trained_at}-${kind}-${sha256.slice(0, 8)}`;

export async function createInputObjects({ nc, log, logger, stallMs }: InputObjectsOptions): Promise<InputObjects> {
  const store: ObjectStore = await nc.jetstream().views.os(SNAPSHOTS.name);
  const jsm = onceMade(() => nc.jetstreamManager({ checkAPI: false }));

  async function isOfThisLog({ stream, from_seq, trained_at, marks }: Described): Promise<boolean> {
    const { created } = await log.info();
    // A stream that an operator restored from a backup has another creation time and the same messages.
    if (stream !== created && !(await anyInLog(marks))) return false;
    const { refused } = await checkLog(log, {
      service: 'engine',
      checkpoint: { seq: streamSeq(from_seq - 1), created, fence: streamSeq(0) },
      fingerprints: marks,
      holds: (loss) => mayHold(loss, trained_at),
    });
    return refused === undefined;
  }

  /** Whether one of these messages is in the log. The caller compares the contents later. */
  async function anyInLog(marks: Described['marks']): Promise<boolean> {
    for (const { seq } of marks) if (await log.at(seq)) return true;
    return false;
  }

  const objects: InputObjects = {
    list: async () => {
      const found: InputMention[] = [];
      for (const { name, deleted, description } of await store.list()) {
        if (deleted || !name.startsWith(PREFIX)) continue;
        const described = parse(description ?? '');
        if (!described || objectName(described) !== name) {
          logger.warn({ object: name }, 'a copy of a recorded input has no valid description; the engine skips it');
          continue;
        }
        const { stream: _, ...mention } = described;
        if (await isOfThisLog(described)) found.push(mention);
      }
      return found.sort(inOrder);
    },
    read: async (mention) => {
      const object = objectName(mention);
      try {
        const bytes = await withTimeLimit(
          store.getBlob(object),
          stallMs,
          `the object store did not send it within ${stallMs} ms`,
        );
        if (!bytes || sha256Of(bytes) !== mention.sha256)
          throw new Error('its bytes do not match the recorded SHA-256');
        return { ...mention, bytes };
      } catch (err) {
        logger.warn(
          { object, reason: messageOf(err) },
          'the engine cannot read a recorded input from the object store',
        );
        return undefined;
      }
    },
    readAll: async () => {
      const all: RecordedInput[] = [];
      for (const mention of await objects.list()) {
        const input = await objects.read(mention);
        if (input) all.push(input);
      }
      return all;
    },
    remove: async (mention) => removeObject(await jsm(), store, SNAPSHOTS.name, objectName(mention)),
    removeLost: async (isLost) => {
      const { created } = await log.info();
      for (const { name, deleted, description } of await store.list()) {
        if (deleted || !name.startsWith(PREFIX)) continue;
        const described = parse(description ?? '');
        if (described?.stream === created && isLost(described))
          await removeObject(await jsm(), store, SNAPSHOTS.name, name);
      }
    },
    put: async ({ bytes, ...mention }) => {
      const { created } = await log.info();
      const described: Described = { ...mention, stream: created };
      const meta = { name: objectName(mention), description: JSON.stringify(described) };
      await store.putBlob(meta, bytes, { timeout: PUT_MS });
    },
  };
  return objects;
}

const TEXTS = ['kind', 'sha256', 'backend', 'stream'] as const;
const NUMBERS = ['trained_at', 'from_seq', 'seconds'] as const;

function parse(text: string): Described | undefined {
  try {
    const value = JSON.parse(text) as Record<string, unknown>;
    if (!TEXTS.every((name) => typeof value[name] === 'string')) return undefined;
    if (!NUMBERS.every((name) => typeof value[name] === 'number') || !Array.isArray(value.marks)) return undefined;
    return value as unknown as Described;
  } catch {
    return undefined;
  }
}

export interface GatherOptions {
  records: InputRecords;
  objects: InputObjects;
  /** Position of the rows. The engine may take inputs that count from a later position from the object store. */
  checkpoint: number;
  /** Whether the copies decide at every position: true for an instance that does not train. */
  follows: boolean;
}

/**
 * Reconciles the records of a file with the copies before a fold begins. Returns the records without a copy.
 *
 * A copy that counts from a position behind the rows is ignored: the rows passed this position without it. Such a copy
 * exists only if an operator mixed files of different times.
 */
export async function gatherRecords({ records, objects, checkpoint, follows }: GatherOptions): Promise<InputMention[]> {
  let copies = await objects.list();
  if (!follows) {
    // A rebuild without a forgotten user computed other weights at the same position; the copy still contains the user's part.
    const rebuilt = new Map(records.list().flatMap((own) => (own.kind === 'ranker' ? [[keyOf(own), own.sha256]] : [])));
    const stale = copies.filter((copy) => (rebuilt.get(keyOf(copy)) ?? copy.sha256) !== copy.sha256);
    for (const copy of stale) await objects.remove(copy);
    copies = copies.filter((copy) => !stale.includes(copy));
  }
  const copied = new Set(copies.map(keyOf));
  const own = new Set(records.list().map(keyOf));
  for (const mention of copies) {
    if (own.has(keyOf(mention)) || (mention.from_seq <= checkpoint && !follows)) continue;
    const input = await objects.read(mention);
    if (input) records.add(input);
  }
  const missing = records.list().filter((mention) => !copied.has(keyOf(mention)));
  if (!follows) return missing;
  // This replica was ahead and took the input at a position of its own; from here on it uses that of the first instance.
  if (copies.length > 0) for (const mention of missing) records.remove(mention);
  return [];
}

/** Reads the copies that are new in the object store and count from a position that the rows have not folded yet. */
export async function followRecords(
  records: InputRecords,
  objects: InputObjects,
  next: () => number,
): Promise<RecordedInput[]> {
  const known = new Set(records.list().map(({ trained_at, kind, sha256 }) => `${trained_at}/${kind}/${sha256}`));
  const taken: RecordedInput[] = [];
  for (const mention of await objects.list()) {
    if (known.has(`${mention.trained_at}/${mention.kind}/${mention.sha256}`)) continue;
    const input = await objects.read(mention);
    if (!input) continue;
    const own = { ...input, from_seq: Math.max(input.from_seq, next()) };
    records.add(own);
    taken.push(own);
  }
  return taken;
}
