/**
 * The protocols over several files, streams or buckets, with their steps. Each one is stopped by SIGKILL at a step, goes on
 * in another process, and must have lost, doubled and left nothing.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { erasureHmac } from '../../src/bus/event/erasure-hmac.ts';
import { readSubject } from '../../src/bus/log/read-subject.ts';
import { COMPACTION_STEPS, CUT_OVER_STEPS, ERASURE_STEPS, REBUILD_STEPS } from '../../src/bus/projection/file-steps.ts';
import { projectionFiles } from '../../src/bus/projection/files.ts';
import { erasureKey } from '../../src/bus/streams/erasure-key.ts';
import { parseManifest } from '../../src/engine/snapshots/manifest.ts';
import { IMAGE_STEPS, SHADOW_STEPS, SNAPSHOT_STEPS } from '../../src/engine/steps.ts';
import { EVENTS } from '../../streams.config.ts';
import { linked, viewed } from '../support/events.ts';
import { books, reading } from '../support/readers.ts';
import { makeTempDir } from '../support/tempdir.ts';
import { until } from '../support/wait.ts';
import { audit, type Found, settles } from './audit.ts';
import { killed, openWorld, SETTINGS, type Verb, type World } from './world.ts';

export interface Protocol {
  name: string;
  steps: readonly string[];
  /** The steps that `npm test` stops at. */
  short: readonly string[];
  /** Begins the protocol in a process that kills itself at the step, goes on in another one, and examines what is left. */
  stopAt(step: string, world: World, found: Found): Promise<void>;
}

const EVENTS_BEFORE = 150;
/** The user whom the protocols of an erasure forget, and a session of theirs. */
const USER = 'u3';
const SESSION = 'session-3';

/** A folder with a log and with the projections of all services, which every stop copies. */
export async function prepare(): Promise<string> {
  const world = await openWorld();
  const folder = makeTempDir('steps-prepared');
  try {
    await world.start('user', 'content', 'feedback', 'engine');
    const seq = await world.publish(
      ...books(),
      ...reading(EVENTS_BEFORE),
      viewed(SESSION, 'i1'),
      linked(USER, SESSION),
      viewed(USER, 'i2'),
    );
    for (const service of ['user', 'content', 'feedback', 'engine'] as const)
      await until(() => {
        const { state, seq: at } = world.running(service).status();
        return state === 'ready' && at >= seq;
      });
    await world.keep(folder);
    return folder;
  } finally {
    await world.close();
  }
}

const more = (from: number): unknown[] => reading(30, EVENTS_BEFORE + from);

/** A rebuild by the command, from its start to the file that the service answers from. */
const rebuild: Protocol = {
  name: 'rebuild',
  steps: [...REBUILD_STEPS, 'image-written', 'image-named', ...CUT_OVER_STEPS.slice(0, 3), ...IMAGE_STEPS.slice(2)],
  short: ['rebuild-under-way', 'image-named'],
  stopAt: async (step, world, found) => {
    if (step === 'image-removed') {
      await completes(world, found, ['replay', 'engine', '--hand-over']);
      await killed(world.verb(['service', 'engine', '--health-port', '0'], { name: step }), step);
    } else await killed(world.verb(['replay', 'engine', '--hand-over'], { name: step }), step);
    await world.publish(...more(0));
    await world.start('engine');
    await audit(world, found, 'engine');
    // What was left does not block the next rebuild.
    await completes(world, found, ['replay', 'engine']);
    await audit(world, found, 'engine');
    await settles(found, 'no file of the rebuild is left', () => {
      const { rebuild: rows, image } = projectionFiles(world.data, 'engine');
      return ![rows, image, `${image}.new`].some((file) => existsSync(file));
    });
  },
};

/** Runs a verb to its end. */
async function completes(world: World, found: Found, words: readonly string[]): Promise<void> {
  const verb = world.verb(words);
  const code = await verb.ended();
  if (code !== 0) found.stuck.push(`freshet ${words.join(' ')} ended with ${code}: ${verb.said().slice(-500)}`);
}

/** An erasure, and the copies of projections that follow it. */
async function erase(step: string, world: World, found: Found): Promise<void> {
  await world.start('content', 'feedback', 'engine');
  const child = world.verb(['service', 'user', '--health-port', '0'], { name: step });
  await until(() => world.ask('user.status'), { within: 20_000, what: 'the user service answers' });
  // The process may end before it answers.
  const asked = world.ask('user.forget', { user: USER }).catch(() => undefined);
  await killed(child, step);
  await asked;
  await world.start('user');
  await settles(found, 'the erasure is done', async () => {
    const { erasures } = await world.ask<{ erasures: { state: string }[] }>('user.erasure');
    return erasures.length > 0 && erasures.every(({ state }) => state === 'done');
  });
  await audit(world, found, 'user', 'content', 'feedback', 'engine');
  const records = await readSubject(world.nc, EVENTS.name, 'ev.control.*.erased');
  const hmacs = records.map(
    ({ payload }) => (JSON.parse(Buffer.from(payload).toString('utf8')) as { data: { hmac: string } }).data.hmac,
  );
  const key = await erasureKey(world.nc);
  for (const id of [USER, SESSION]) {
    const times = hmacs.filter((one) => one === erasureHmac(key, id)).length;
    if (times === 0) found.lost.push(`the record of the erasure of ${id}`);
    if (times > 1) found.doubled.push(`the record of the erasure of ${id}: ${times} times`);
    if ((await readSubject(world.nc, EVENTS.name, `ev.user.${id}.>`)).length > 0)
      found.stuck.push(`the log still holds events of ${id}`);
  }
  const { users } = await subjectsLeft(world);
  if (!users.has('u1') || !users.has('u2')) found.lost.push('events of other users');
}

async function subjectsLeft({ nc }: World): Promise<{ users: Set<string> }> {
  const { state } = await (await nc.jetstreamManager()).streams.info(EVENTS.name, { subjects_filter: 'ev.user.>' });
  return { users: new Set(Object.keys(state.subjects ?? {}).map((subject) => subject.split('.')[2] as string)) };
}

const erasure: Protocol = {
  name: 'erasure',
  steps: ERASURE_STEPS,
  short: ['erasure-recorded'],
  stopAt: erase,
};

const compaction: Protocol = {
  name: 'copy after an erasure',
  steps: [...COMPACTION_STEPS, ...CUT_OVER_STEPS],
  short: ['next-renamed'],
  stopAt: erase,
};

/** A snapshot in the object store, and the pointer to it. */
const snapshot: Protocol = {
  name: 'snapshot',
  steps: SNAPSHOT_STEPS,
  short: ['snapshot-stored'],
  stopAt: async (step, world, found) => {
    // The snapshot of a rebuilt model replaces all others.
    if (step === 'snapshots-replaced') await completes(world, found, ['replay', 'engine', '--hand-over']);
    const child = world.verb(['service', 'engine', '--health-port', '0'], { name: step });
    await until(() => world.ask('engine.status'), { within: 20_000, what: 'the engine answers' });
    await world.publish(...more(0));
    await killed(child, step);
    await world.start('engine');
    await audit(world, found, 'engine');
    const last = await world.publish(...more(30));
    const kv = await world.nc.jetstream().views.kv('engine', { bindOnly: true });
    const store = await world.nc.jetstream().views.os('snapshots');
    const pointed = async () => parseManifest((await kv.get('current'))?.string() ?? '');
    await settles(
      found,
      'the pointer moves to the next snapshot',
      async () => Number((await pointed())?.seq) > last - 30,
    );
    const current = await pointed();
    const bytes = current && (await store.getBlob(current.object));
    if (!bytes || bytes.length !== current.bytes) found.lost.push(`the object of the pointer, ${current?.object}`);
    await settles(found, 'older snapshots are removed', async () => {
      const kept = (await store.list()).filter(({ name, deleted }) => !deleted && name.startsWith('model-'));
      return kept.length <= SETTINGS.engine.snapshots_kept;
    });
    await audit(world, found, 'engine');
  },
};

/** A shadow from its start over its promotion to its end. */
const shadow: Protocol = {
  name: 'shadow',
  steps: SHADOW_STEPS,
  short: ['shadow-activated'],
  stopAt: async (step, world, found) => {
    const other = join(world.data, 'other.json');
    writeFileSync(other, JSON.stringify({ ...SETTINGS, engine: { ...SETTINGS.engine, include_seen: true } }));
    const words = ['shadow', 'run', '--config', other];
    await world.start('engine');
    const ready = (verb: Verb) =>
      until(async () => (await world.ask<{ state: string }>('shadow.status')).state === 'ready', {
        within: 20_000,
        what: 'the shadow is ready',
      }).catch((cause: unknown) => {
        throw new Error(`The shadow is not ready. It wrote:\n${verb.said().slice(-2_000)}`, { cause });
      });
    const promotions = async (): Promise<number> =>
      (await readSubject(world.nc, EVENTS.name, 'ev.control.*.promoted')).length;
    const promotes = step === 'shadow-stored' || step === 'shadow-activated';
    const child = world.verb(words, { name: step });
    if (step !== 'shadow-started') {
      await ready(child);
      await world.ask(promotes ? 'shadow.promote' : 'shadow.stop').catch(() => undefined);
    }
    await killed(child, step);
    // Another shadow begins where the killed one ended, and can be promoted. After a promotion there is nothing to try.
    if ((await promotions()) === 0) {
      const again = world.verb(words);
      await ready(again);
      await world.ask('shadow.promote');
      await world.ask('shadow.stop');
      await settles(found, 'the shadow ends', () => again.child.exitCode === 0);
    } else await completes(world, found, ['shadow', 'stop']);
    const times = await promotions();
    if (times > 1) found.doubled.push(`the promotion: ${times} times`);
    await settles(found, 'the promoted settings are in force', async () => {
      const { in_force } = await world.ask<{ in_force?: { act?: unknown; coming?: unknown } }>('engine.status');
      return in_force?.act && !in_force.coming;
    });
    const { live } = projectionFiles(world.data, 'engine-shadow');
    await settles(found, 'the projection of the shadow is removed', () => !existsSync(live));
    await audit(world, found, 'engine');
  },
};

export const PROTOCOLS: readonly Protocol[] = [rebuild, compaction, erasure, snapshot, shadow];
