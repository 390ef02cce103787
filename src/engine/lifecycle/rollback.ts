/** Rollback: the snapshots to roll back to, the rollback by a control event, and the return to the file's settings. */
import { randomBytes } from 'node:crypto';
import type { EventCodec } from '../../bus/event/codec.ts';
import type { Endpoint } from '../../bus/nats/micro.ts';
import type { Publisher } from '../../bus/nats/publisher.ts';
import { optionalFlag, optionalText } from '../../bus/nats/request.ts';
import type { Config } from '../../config/schema.ts';
import { BadRequestError, NotFoundError, RollbackRefusedError } from '../../errors.ts';
import type { Origin } from '../settings/settings.ts';
import { configHash, differences, type EngineSettings, settingsOf } from '../settings/settings.ts';
import type { Manifest } from '../snapshots/manifest.ts';
import type { Snapshots } from '../snapshots/snapshots.ts';
import type { Activation, ActivationVerb } from './activations.ts';
import { type Pins, unfit } from './pins.ts';

/** Publisher of control events. */
const SOURCE = 'freshet';

export interface ActivationView {
  act: string;
  verb: ActivationVerb;
  seq: number;
  time: string;
  snapshot: string;
  /** Whether it returned to the settings of the file. */
  file: boolean;
  reason: string | null;
}

/** The settings in force, in status and answers. */
export interface InForceView {
  /** Null: the settings are the file's; no promotion or rollback is in force. */
  act: ActivationView | null;
  /** Snapshot that the ranker is pinned to. */
  pinned: string | null;
  /** Hash of the settings that come into force once a rebuild on standby has folded the log under them. */
  coming: string | null;
  /** Settings of the file that are not in force, by name: those of the file, those in force. */
  file_differs: Record<string, [unknown, unknown]>;
}

const activationView = ({ act, verb, seq, time, snapshot, settings, reason }: Activation): ActivationView => ({
  act,
  verb,
  seq,
  time: new Date(time).toISOString(),
  snapshot,
  file: settings === undefined,
  reason: reason ?? null,
});

export function inForceView(of: {
  activation: Activation | undefined;
  file: Config;
  config: Config;
  coming: string | undefined;
  pinned: string | undefined;
}): InForceView {
  const { activation, file, config, coming, pinned } = of;
  return {
    // An activation without settings returned to the file's.
    act: activation?.settings ? activationView(activation) : null,
    pinned: pinned ?? null,
    coming: coming ?? null,
    file_differs: differences(settingsOf(file), settingsOf(config)),
  };
}

export interface SnapshotView
  extends Pick<Manifest, 'object' | 'seq' | 'event_time' | 'config' | 'bytes' | 'users' | 'items' | 'events' | 'code'> {
  /** Whether the pointer names it. */
  current: boolean;
  /** Settings that differ from those in force, by name: its own, those in force; null: it does not contain its settings. */
  settings_differ: Record<string, [unknown, unknown]> | null;
  pinned: string | null;
  prequential: object | null;
  /** Why an operator cannot roll back to it; null if they can. */
  unfit: string | null;
}

export interface SnapshotsAnswer {
  snapshots: SnapshotView[];
  /** Promotions and rollbacks, the newest first. */
  acts: ActivationView[];
}

export interface SettingsAnswer {
  config: string;
  settings: EngineSettings;
  /** Interaction types that the configuration declares. */
  declared: string[];
}

export interface RollbackAnswer {
  act: string;
  verb: ActivationVerb;
  seq: number;
  snapshot: string;
  /** Hash of the settings that come into force. */
  config: string;
  /** `in force`, or `refolding`: the settings differ, so a rebuild folds the log under them first. */
  state: 'in force' | 'refolding';
}

export interface RollbackOptions {
  snapshots: Pick<Snapshots, 'current' | 'list' | 'load'>;
  pins: Pick<Pins, 'activate'>;
  activations: () => readonly Activation[];
  /** In force. */
  config: Config;
  file: Config;
  origin: () => Origin;
  coming: () => string | undefined;
  codec: EventCodec;
  publisher: Pick<Publisher, 'publish'>;
  /** Resolves once this position is folded. */
  reached(seq: number): Promise<unknown>;
  now?: () => number;
}

export interface ControlWriter {
  codec: EventCodec;
  publisher: Pick<Publisher, 'publish'>;
  now?: () => number;
}

/** Appends `control.promoted` or `control.rolled_back`; returns the id and the position of the activation. */
export async function writeActivation(
  { codec, publisher, now = Date.now }: ControlWriter,
  verb: ActivationVerb,
  data: { snapshot: string; config: string; reason?: string },
): Promise<{ act: string; seq: number }> {
  const id = `${verb === 'promoted' ? 'p' : 'r'}-${randomBytes(9).toString('base64url')}`;
  const event = {
    specversion: '1.0',
    id: `${id}-${verb}`,
    source: SOURCE,
    type: `control.${verb}.v1`,
    subject: id,
    time: new Date(now()).toISOString(),
    data,
  };
  const result = codec.prepare(event, { control: true });
  if (!result.ok) throw new BadRequestError(result.problem.message);
  return { act: id, seq: (await publisher.publish(result.prepared)).seq };
}

/** Descriptions and examples of the endpoints. */
export const ROLLBACK_ENDPOINTS = {
  snapshots: {
    description: 'Snapshots, highest position first, and the promotions and rollbacks so far',
    example: {},
  },
  settings: { description: 'Settings in force that the engine’s answers depend on, with their hash', example: {} },
  rollback: {
    description:
      'Rolls back to the settings and the ranker of a snapshot: the named one, or the one before; end: true returns to the settings of the file',
    example: { snapshot: 'model-000000012345-0f1e2d3c', reason: 'worse lists since this morning' },
  },
} as const;

export function rollbackEndpoints(options: RollbackOptions): Record<string, Endpoint> {
  const { snapshots, pins, activations, config, file, origin, coming, reached } = options;
  const hash = configHash(config);

  async function list(): Promise<SnapshotView[]> {
    await snapshots.load();
    const ours = origin();
    const here = settingsOf(config);
    return (await snapshots.list()).map((manifest) => ({
      object: manifest.object,
      seq: manifest.seq,
      event_time: manifest.event_time,
      config: manifest.config,
      bytes: manifest.bytes,
      users: manifest.users,
      items: manifest.items,
      events: manifest.events,
      code: manifest.code,
      current: manifest.object === snapshots.current()?.object,
      settings_differ: manifest.settings
        ? differences(manifest.settings, here)
        : manifest.config === ours.config
          ? {}
          : null,
      pinned: manifest.pinned ?? null,
      prequential: manifest.prequential,
      unfit: unfit(manifest, ours) ?? null,
    }));
  }

  /** The snapshot of a rollback without a name: the one before a promotion, or before the newest snapshot. */
  function before(all: readonly Manifest[]): Manifest | undefined {
    const ours = origin();
    const fit = all.filter((manifest) => unfit(manifest, ours) === undefined);
    const newest = activations().at(-1);
    if (newest?.verb === 'promoted') return fit.find(({ config: other }) => other !== hash);
    const at = snapshots.current()?.seq ?? Number.POSITIVE_INFINITY;
    return fit.find(({ seq }) => seq < at);
  }

  async function rollBack(named: string | undefined, reason: string | undefined): Promise<RollbackAnswer> {
    await snapshots.load();
    const all = await snapshots.list();
    const found = named === undefined ? before(all) : all.find(({ object }) => object === named);
    if (!found)
      throw new NotFoundError(
        named === undefined ? 'The store has no snapshot to roll back to.' : `The store has no snapshot ${named}.`,
        { next: 'freshet snapshots' },
      );
    const why = unfit(found, origin());
    if (why !== undefined)
      throw new RollbackRefusedError(`The engine cannot roll back to ${found.object}: ${why}.`, {
        next: 'freshet snapshots',
        details: { snapshot: found.object },
      });
    const last = activations().at(-1);
    if (last?.verb === 'rolled_back' && last.snapshot === found.object)
      return answer(last.act, 'rolled_back', last.seq, found.object, found.config);
    const settings = found.settings ?? settingsOf(config);
    const { act: id, seq } = await writeActivation(options, 'rolled_back', {
      snapshot: found.object,
      config: JSON.stringify(settings),
      ...(reason === undefined ? {} : { reason }),
    });
    await reached(seq);
    const written = activations().find((one) => one.act === id);
    if (written && found.config === hash) await pins.activate(written);
    return answer(id, 'rolled_back', seq, found.object, found.config);
  }

  async function end(): Promise<RollbackAnswer> {
    const last = activations().at(-1);
    const snapshot = snapshots.current()?.object ?? 'none';
    if (last?.settings === undefined)
      throw new BadRequestError('The settings of the file are in force, so there is no promotion or rollback to end.', {
        next: 'freshet status',
      });
    const { act: id, seq } = await writeActivation(options, 'promoted', { snapshot, config: '' });
    await reached(seq);
    const written = activations().find((one) => one.act === id);
    if (written && configHash(file) === hash) await pins.activate(written);
    return answer(id, 'promoted', seq, snapshot, configHash(file));
  }

  const answer = (id: string, verb: ActivationVerb, seq: number, snapshot: string, to: string): RollbackAnswer => ({
    act: id,
    verb,
    seq,
    snapshot,
    config: to,
    state: coming() === undefined ? 'in force' : 'refolding',
  });

  return {
    snapshots: {
      ...ROLLBACK_ENDPOINTS.snapshots,
      handle: async (): Promise<SnapshotsAnswer> => ({
        snapshots: await list(),
        acts: [...activations()].reverse().map(activationView),
      }),
    },
    settings: {
      ...ROLLBACK_ENDPOINTS.settings,
      handle: (): SettingsAnswer => ({ config: hash, settings: settingsOf(config), declared: config.events.declared }),
    },
    rollback: {
      ...ROLLBACK_ENDPOINTS.rollback,
      handle: (request) => {
        const named = optionalText(request, 'snapshot');
        const reason = optionalText(request, 'reason');
        if (!optionalFlag(request, 'end', false)) return rollBack(named, reason);
        if (named !== undefined)
          throw new BadRequestError(
            'The request has both end and snapshot. end returns to the settings of the file: leave one of the two out.',
            {
              details: { member: 'snapshot' },
            },
          );
        return end();
      },
    },
  };
}
