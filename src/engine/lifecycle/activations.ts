/**
 * Activations put settings of the engine in force: the newest `control.promoted` or `control.rolled_back` of the log
 * (decision 0021). The engine reads them before it folds anything, since the fold depends on these settings.
 */
import type { NatsConnection } from 'nats';
import { EVENTS } from '../../../streams.config.ts';
import { createCodec, type LoggedEvent } from '../../bus/event/codec.ts';
import { readSubject } from '../../bus/log/read-subject.ts';
import type { Config } from '../../config/schema.ts';
import { messageOf } from '../../errors.ts';
import { type EngineSettings, withSettings } from '../settings/settings.ts';

export type ActivationVerb = 'promoted' | 'rolled_back';

/** An event that puts settings in force. */
export interface Activation {
  /** Id of the activation, as callers and the log see it. */
  act: string;
  verb: ActivationVerb;
  seq: number;
  /** Time of the event, milliseconds since 1970. */
  time: number;
  /** Snapshot that it names, an object of the store. */
  snapshot: string;
  /** Undefined: the settings of the file. */
  settings: EngineSettings | undefined;
  reason: string | undefined;
}

const VERBS: readonly ActivationVerb[] = ['promoted', 'rolled_back'];

/** The activation in an event; undefined for events of other types. */
export function activationOf(event: LoggedEvent): Activation | undefined {
  if (event.type !== 'control.promoted.v1' && event.type !== 'control.rolled_back.v1') return undefined;
  const { seq, subject, time, data } = event;
  return {
    act: subject,
    verb: event.type === 'control.promoted.v1' ? 'promoted' : 'rolled_back',
    seq,
    time,
    snapshot: data.snapshot,
    settings: settingsIn(data.config),
    reason: event.type === 'control.rolled_back.v1' ? event.data.reason : undefined,
  };
}

function settingsIn(text: string): EngineSettings | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as EngineSettings) : undefined;
  } catch {
    return undefined;
  }
}

/** All activations in the log up to `upTo`, in the log's order. */
export async function readActivations(nc: NatsConnection, upTo = Number.POSITIVE_INFINITY): Promise<Activation[]> {
  const activations: Activation[] = [];
  for (const verb of VERBS)
    for (const activation of await readVerb(nc, verb)) if (activation.seq <= upTo) activations.push(activation);
  return activations.sort((one, other) => one.seq - other.seq);
}

async function readVerb(nc: NatsConnection, verb: ActivationVerb): Promise<Activation[]> {
  const codec = createCodec();
  const messages = await readSubject(nc, EVENTS.name, `ev.control.*.${verb}`);
  return messages.flatMap((message) => {
    const decoded = codec.decode(message);
    return (decoded.kind === 'event' ? activationOf(decoded.event) : undefined) ?? [];
  });
}

export interface InForce {
  /** The configuration with the settings in force. */
  config: Config;
  /** The activation that put them in force; undefined: the settings are the file's. */
  activation: Activation | undefined;
}

/** What the newest activation puts in force over a configuration; the one before it if its settings are invalid. */
export function inForce(
  config: Config,
  activations: readonly Activation[],
  warn: (text: string) => void = () => {},
): InForce {
  for (const activation of [...activations].reverse()) {
    const { act, verb, settings } = activation;
    if (settings === undefined) return { config, activation };
    try {
      return { config: withSettings(config, settings, `${verb} ${act}`), activation };
    } catch (err) {
      warn(`the engine cannot put the settings of ${verb} ${act} in force: ${messageOf(err)}`);
    }
  }
  return { config, activation: undefined };
}

/** The configuration in force at a position; at the head of the log unless one is given. */
export const configInForce = async (config: Config, nc: NatsConnection, upTo?: number): Promise<Config> =>
  inForce(config, await readActivations(nc, upTo)).config;
