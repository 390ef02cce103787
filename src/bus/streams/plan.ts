/** The difference between streams.config.ts and a server, and how Freshet removes it. */
import { DiscardPolicy, type JetStreamManager, type NatsConnection, StorageType, type StreamConfig } from 'nats';
import { type ConsumerDefinition, type Definition, STREAMS } from '../../../streams.config.ts';
import { messageOf, StreamChangeLosesDataError, StreamConfigDiffersError, StreamRefusedError } from '../../errors.ts';
import { isNotFound } from '../nats/connection.ts';
import { type WireStream, wireStream } from './wire.ts';

export interface SettingChange {
  setting: string;
  found: unknown;
  wanted: unknown;
  /** Why the change would lose messages, or why the server cannot make it; undefined for a safe change. */
  danger?: string;
  /** Why the setting, if it stays, loses messages; undefined if it may stay. */
  hazard?: string;
  possible: boolean;
}

export type StreamDifference =
  | { state: 'equal'; kind: Definition['kind']; name: string }
  | { state: 'missing'; kind: Definition['kind']; name: string; config: WireStream | undefined }
  | { state: 'different'; kind: Definition['kind']; name: string; config: WireStream; changes: SettingChange[] };

/** Settings that a server accepts only when it creates a stream. */
const FIXED = new Set<keyof WireStream>(['storage', 'retention', 'deny_delete', 'deny_purge']);

export async function diffStreams(
  nc: NatsConnection,
  definitions: readonly Definition[] = STREAMS,
): Promise<StreamDifference[]> {
  const jsm = await nc.jetstreamManager({ checkAPI: false });
  const differences: StreamDifference[] = [];
  for (const definition of definitions)
    differences.push(
      definition.kind === 'consumer' ? await diffConsumer(jsm, definition) : await diffStream(jsm, definition),
    );
  return differences;
}

async function diffConsumer(
  jsm: JetStreamManager,
  { kind, name, stream }: ConsumerDefinition,
): Promise<StreamDifference> {
  try {
    await jsm.consumers.info(stream, name);
    return { state: 'equal', kind, name };
  } catch (err) {
    if (isNotFound(err)) return { state: 'missing', kind, name, config: undefined };
    throw err;
  }
}

async function diffStream(
  jsm: JetStreamManager,
  definition: Exclude<Definition, ConsumerDefinition>,
): Promise<StreamDifference> {
  const { kind, name } = definition;
  const config = wireStream(definition);
  let found: StreamConfig;
  try {
    found = (await jsm.streams.info(config.name)).config;
  } catch (err) {
    if (isNotFound(err)) return { state: 'missing', kind, name, config };
    throw err;
  }
  const changes = compareConfig(found, config);
  return changes.length === 0 ? { state: 'equal', kind, name } : { state: 'different', kind, name, config, changes };
}

/** What differs between a server's settings and ours. */
export function compareConfig(found: Partial<StreamConfig>, wanted: WireStream): SettingChange[] {
  const changes: SettingChange[] = [];
  for (const setting of Object.keys(wanted) as (keyof WireStream)[]) {
    // The operator of a cluster chooses the number of copies. A new stream starts with one.
    if (setting === 'num_replicas') continue;
    const before = normal(setting, found[setting]);
    const after = normal(setting, wanted[setting]);
    if (JSON.stringify(before) === JSON.stringify(after)) continue;
    const danger = dangerOf(setting, before, after);
    const hazard = hazardOf(setting, before, after, found.discard ?? DiscardPolicy.Old);
    changes.push({
      setting,
      found: before,
      wanted: after,
      possible: !FIXED.has(setting),
      ...(danger ? { danger } : {}),
      ...(hazard ? { hazard } : {}),
    });
  }
  return changes;
}

function normal(setting: keyof WireStream, value: unknown): unknown {
  if (Array.isArray(value)) return [...value].sort();
  if (value === undefined) return typeof value === 'boolean' ? false : (DEFAULTS[setting] ?? false);
  return setting === 'max_msgs_per_subject' && value === 0 ? -1 : value;
}

const DEFAULTS: Partial<Record<keyof WireStream, unknown>> = { description: '', max_age: 0, subjects: [] };

const LIMITS: readonly (keyof WireStream)[] = ['max_age', 'max_bytes', 'max_msgs', 'max_msgs_per_subject'];
const limitOf = (value: unknown): number => (typeof value === 'number' && value > 0 ? value : Number.POSITIVE_INFINITY);

/** What a stream loses if it keeps a setting of the server. */
function hazardOf(
  setting: keyof WireStream,
  found: unknown,
  wanted: unknown,
  discard: DiscardPolicy,
): string | undefined {
  // A full stream that refuses new messages loses none: the publisher gets an error.
  const refuses = discard === DiscardPolicy.New && (setting === 'max_bytes' || setting === 'max_msgs');
  if (LIMITS.includes(setting) && limitOf(found) < limitOf(wanted) && !refuses)
    return 'the server deletes messages over this limit when new ones come';
  if (setting === 'retention') return 'the server deletes messages after a reader has read them';
  if (setting === 'storage' && found === StorageType.Memory) return 'all messages are lost when the server stops';
  if (setting === 'subjects') {
    const missing = (wanted as string[]).filter((subject) => !(found as string[]).includes(subject));
    if (missing.length > 0) return `the stream does not store all messages on ${missing.join(', ')}`;
  }
  return undefined;
}

/** Narrower limits delete messages. A setting that is fixed at creation needs another stream. */
function dangerOf(setting: keyof WireStream, before: unknown, after: unknown): string | undefined {
  if (FIXED.has(setting))
    return 'the server sets it at creation only: the change deletes the stream with all its messages and creates it again';
  if (LIMITS.includes(setting) && limitOf(after) < limitOf(before))
    return 'the server deletes messages over the new limit';
  if (setting === 'subjects') {
    const lost = (before as string[]).filter((subject) => !(after as string[]).some((wide) => covers(wide, subject)));
    if (lost.length > 0) return `the stream no longer stores messages on ${lost.join(', ')}`;
  }
  return undefined;
}

/** Whether a subject with wildcards matches all that another one matches: `ev.>` covers `ev.user.*`. */
const covers = (wide: string, narrow: string): boolean =>
  wide === narrow || (wide.endsWith('.>') && narrow.startsWith(wide.slice(0, -1)));

export interface ApplyOptions {
  /** Makes changes that lose data as well. */
  loseData?: boolean;
  /** Only creates what is missing. A difference that matters throws `StreamConfigDiffersError`; others stay. */
  onlyMissing?: boolean;
}

export interface Applied {
  name: string;
  kind: Definition['kind'];
  done: 'created' | 'updated' | 'recreated' | 'equal' | 'left';
}

/**
 * Removes the difference. Throws `StreamChangeLosesDataError` before it changes anything if the change would lose messages
 * and `loseData` is not set. It creates no consumers: each projection loop creates its own at the right position.
 */
export async function applyStreams(
  nc: NatsConnection,
  { loseData = false, onlyMissing = false }: ApplyOptions = {},
  definitions: readonly Definition[] = STREAMS,
): Promise<Applied[]> {
  const jsm = await nc.jetstreamManager({ checkAPI: false });
  const differences = await diffStreams(nc, definitions);
  for (const difference of differences) {
    if (difference.state !== 'different') continue;
    const dangerous = difference.changes.filter(({ danger }) => danger !== undefined);
    const hazardous = difference.changes.filter(({ danger, hazard }) => (danger ?? hazard) !== undefined);
    if (onlyMissing && difference.kind === 'stream' && hazardous.length > 0)
      throw differsError(difference.name, hazardous);
    if (onlyMissing && dangerous.length > 0) throw differsError(difference.name, dangerous);
    if (!onlyMissing && !loseData && dangerous.length > 0) throw losesDataError(difference.name, dangerous);
  }
  const applied: Applied[] = [];
  for (const difference of differences) {
    const { kind, name } = difference;
    if (difference.state === 'equal' || kind === 'consumer' || (difference.state === 'different' && onlyMissing)) {
      applied.push({ kind, name, done: difference.state === 'equal' ? 'equal' : 'left' });
      continue;
    }
    const config = difference.config as WireStream;
    if (difference.state === 'missing') {
      await jsm.streams.add(config as Partial<StreamConfig>).catch((err: unknown) => {
        throw refusedError(name, err);
      });
      applied.push({ kind, name, done: 'created' });
    } else if (difference.changes.every(({ possible }) => possible)) {
      await jsm.streams.update(config.name, config as Partial<StreamConfig>);
      applied.push({ kind, name, done: 'updated' });
    } else {
      await jsm.streams.delete(config.name);
      await jsm.streams.add(config as Partial<StreamConfig>);
      applied.push({ kind, name, done: 'recreated' });
    }
  }
  return applied;
}

const listed = (changes: readonly SettingChange[]): string =>
  changes
    .map(
      ({ setting, found, wanted, danger, hazard }) =>
        `${setting} is ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)} (${hazard ?? danger})`,
    )
    .join('; ');

function differsError(name: string, changes: readonly SettingChange[]): StreamConfigDiffersError {
  return new StreamConfigDiffersError(`The nats-server has ${name} with other settings: ${listed(changes)}.`, {
    next: changes.some(({ danger }) => danger !== undefined) ? 'freshet streams diff' : 'freshet streams apply',
    details: { name, changes },
  });
}

function losesDataError(name: string, changes: readonly SettingChange[]): StreamChangeLosesDataError {
  return new StreamChangeLosesDataError(`A change of ${name} would lose data: ${listed(changes)}.`, {
    next: 'freshet streams apply --lose-data --yes-lose-data',
    details: { name, changes },
  });
}

/** The error of the server, and what to do if its disk is too small. */
function refusedError(name: string, cause: unknown): StreamRefusedError {
  return new StreamRefusedError(`The nats-server cannot create ${name}: ${messageOf(cause)}.`, {
    next: /insufficient/.test(messageOf(cause))
      ? 'free disk space, or start on another disk: freshet up --data DIR'
      : 'freshet streams diff',
    details: { name },
    cause,
  });
}

/** One document per stream, in the form that `nats stream add --config` reads. */
export function exportStreams(definitions: readonly Definition[] = STREAMS): WireStream[] {
  return definitions.flatMap((definition) => (definition.kind === 'consumer' ? [] : [wireStream(definition)]));
}
