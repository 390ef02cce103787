/** The difference between streams.config.ts and a server, and how Freshet removes it. */
import type { JetStreamManager, NatsConnection, StreamConfig } from 'nats';
import { type ConsumerDefinition, type Definition, STREAMS } from '../../../streams.config.ts';
import { messageOf, StreamChangeLosesDataError, StreamConfigDiffersError, StreamRefusedError } from '../../errors.ts';
import { isNotFound } from '../nats/connection.ts';
import { compareConfig, type SettingChange } from './compare.ts';
import { type WireStream, wireStream } from './wire.ts';

export type StreamDifference =
  | { state: 'equal'; kind: Definition['kind']; name: string; notes?: SettingChange[] }
  | { state: 'missing'; kind: Definition['kind']; name: string; config: WireStream | undefined }
  | {
      state: 'different';
      kind: Definition['kind'];
      name: string;
      config: WireStream;
      /** Whether Freshet can write the content again, so that a loss costs time alone. */
      derived: boolean;
      changes: SettingChange[];
      notes?: SettingChange[];
    };

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
  const { kind, name, derived } = definition;
  const config = wireStream(definition);
  let found: StreamConfig;
  try {
    found = (await jsm.streams.info(config.name)).config;
  } catch (err) {
    if (isNotFound(err)) return { state: 'missing', kind, name, config };
    throw err;
  }
  const { changes, notes } = compareConfig({ ...found }, config);
  const shown = notes.length === 0 ? {} : { notes };
  return changes.length === 0
    ? { state: 'equal', kind, name, ...shown }
    : { state: 'different', kind, name, config, derived, changes, ...shown };
}

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
    if (onlyMissing && !difference.derived && hazardous.length > 0) throw differsError(difference.name, hazardous);
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
      await jsm.streams.update(config.name, updateOf(config, difference.changes)).catch((err: unknown) => {
        throw refusedError(name, err, 'change');
      });
      applied.push({ kind, name, done: 'updated' });
    } else {
      await jsm.streams.delete(config.name);
      await jsm.streams.add(config as Partial<StreamConfig>);
      applied.push({ kind, name, done: 'recreated' });
    }
  }
  return applied;
}

/** The settings that an update sends. The client adds those that the server has; undefined takes one away. */
function updateOf(config: WireStream, changes: readonly SettingChange[]): Partial<StreamConfig> {
  const extra = changes.filter(({ setting }) => !(setting in config));
  return { ...config, ...Object.fromEntries(extra.map(({ setting }) => [setting, undefined])) };
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
function refusedError(name: string, cause: unknown, what = 'create'): StreamRefusedError {
  return new StreamRefusedError(`The nats-server cannot ${what} ${name}: ${messageOf(cause)}.`, {
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
