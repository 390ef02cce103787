/** Back up, destroy everything, restore, rebuild: all is as it was, and who was forgotten stays so. */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BACKUP } from '../../streams.config.ts';
import { findNatsCli } from '../docs/nats-cli.ts';
import { dismissed, linked, registered, served, viewed } from '../support/events.ts';
import { books, reading } from '../support/readers.ts';
import { startSystem, type TestSystem } from '../support/system.ts';
import { makeTempDir, removeTempDir } from '../support/tempdir.ts';
import { until } from '../support/wait.ts';

interface Ranking {
  items: { item: string; score: number }[];
  seq: number;
}
interface Status {
  model: { inputs: { sha256: string | null }[]; training: { last: object | null } | null };
}
interface ModelHash {
  seq: number;
  statistics: string;
  state: string;
}
/** The rows of a user at one service, and its position. */
interface Rows {
  seq?: number;
}
interface Erasure {
  erasure: string;
  state: string;
}
interface Restored {
  last: number;
  record: number;
  repeated: number;
  projections: { instance: string; seq: number; refused: { code: string } | null }[];
}

/** One way to back up and restore: the verbs, or the `nats` tool by hand. */
interface Way {
  backup(name: string): Promise<void>;
  /** The ledger of erasures alone. */
  ledger(name: string): Promise<void>;
  restore(name: string, newer?: string): Promise<void>;
}

const tool = await findNatsCli();
const settings = {
  FRESHET_ERASURE_REBUILD_AFTER_MS: '100',
  // Something is trained as well, which is an input of the fold beside the log.
  FRESHET_ENGINE_TRAINING_FIRST_EVENTS: '200',
  FRESHET_ENGINE_TRAINING_RANK: '8',
};
const STREAMS = BACKUP.flatMap(({ stream, backedUp }) => (backedUp ? [stream] : []));
const SERVICES = ['user', 'content', 'feedback', 'engine'];

let folder: string;
let system: TestSystem | undefined;
/** From when there is a key on, the gateway asks for it. */
let key: string | undefined;
const withKey = (): Record<string, string> => (key === undefined ? {} : { 'x-api-key': key });

const running = (): TestSystem => {
  if (!system) throw new Error('no system runs');
  return system;
};

async function start(data: string): Promise<void> {
  system = await startSystem({ args: ['--no-demo'], env: settings, data, keep: true });
  await until(async () => (await fetch(`${running().http}/readyz`)).status === 200, { within: 90_000 });
}

async function nats(...args: string[]): Promise<void> {
  if ('missing' in tool) throw new Error(tool.missing);
  await promisify(execFile)('nats', ['-s', running().nats, ...args], {
    env: {
      ...process.env,
      PATH: [tool.folder, process.env.PATH].join(delimiter),
      // Settings and contexts of the person who runs the tests stay out of it.
      XDG_CONFIG_HOME: join(folder, 'config'),
    },
    timeout: 480_000,
  });
}

const at = (name: string): string => join(folder, 'backups', name);
const done = async (...words: string[]): Promise<void> => {
  const { code, stderr } = await running().cli(...words);
  expect(code, stderr).toBe(0);
};

const BY_VERBS: Way = {
  backup: (name) => done('backup', at(name)),
  ledger: (name) => done('backup', at(name), '--ledger-only'),
  restore: (name, newer) => done('restore', at(name), ...(newer === undefined ? [] : ['--ledger', at(newer)])),
};

const archive = (stream: string, to: string) => nats('stream', 'backup', '--no-progress', stream, to);
const BY_HAND: Way = {
  backup: async (name) => {
    for (const stream of STREAMS) await archive(stream, join(at(name), stream));
  },
  ledger: (name) => archive('KV_erasures', join(at(name), 'KV_erasures')),
  restore: async (name, newer = name) => {
    for (const stream of [...STREAMS].reverse())
      await nats('stream', 'restore', '--no-progress', join(at(stream === 'KV_erasures' ? newer : name), stream));
  },
};

/** A new folder, into whose server `restore` puts what was backed up. */
async function restored(name: string, restore: () => Promise<void>, kept?: string): Promise<string> {
  const data = join(folder, name);
  mkdirSync(data);
  if (kept !== undefined)
    for (const service of SERVICES) cpSync(join(kept, `${service}.sqlite`), join(data, `${service}.sqlite`));
  system = await startSystem({ args: ['--no-demo', '--only', 'nats'], env: settings, data, keep: true });
  await restore();
  expect(await running().stop()).toBe(0);
  return data;
}

const list = async (user: string, seq: number): Promise<Ranking> => {
  const answer = await fetch(
    `${running().http}/v1/users/${user}/recommendations?max_age_ms=0&min_seq=${seq}&timeout_ms=30000`,
    { headers: withKey() },
  );
  const { items, seq: reached } = (await answer.json()) as Ranking;
  return { items, seq: reached };
};
const trained = async (): Promise<(string | null)[]> =>
  (await running().ask<Status>('engine.status')).model.inputs.map(({ sha256 }) => sha256);

/**
 * What can be seen of the whole: lists, the model, the rows of some users and the catalogue. Positions are left out: a
 * restore by the verbs adds its record to the log, and the model counts it.
 */
async function everything(users: readonly string[], seq: number): Promise<object> {
  const lists: Ranking['items'][] = [];
  for (const user of users) lists.push((await list(user, seq)).items);
  const { statistics } = await running().ask<ModelHash>('engine.hash');
  const held = [];
  for (const user of users) {
    const answer = await fetch(`${running().http}/v1/users/${user}/export`, { headers: withKey() });
    const { services, events } = (await answer.json()) as { services: Record<string, object>; events: object[] };
    const { ranking: _, ...engine } = services.engine as { ranking: object[] };
    const rows = Object.entries({ ...services, engine }).map(([service, { seq: _seq, ...rest }]: [string, Rows]) => [
      service,
      rest,
    ]);
    held.push({ rows, events });
  }
  const items = await (await fetch(`${running().http}/v1/items`, { headers: withKey() })).json();
  return { lists, statistics, held, items, inputs: await trained() };
}
const verified = async (): Promise<void> => {
  const { code, stdout, stderr } = await running().cli('verify', '--json');
  expect(code, `${stdout}${stderr}`).toBe(0);
};
const forgotten = async (user: string): Promise<void> => {
  await until(
    async () => {
      const { erasures } = await running().ask<{ erasures: Erasure[] }>('user.erasure');
      return erasures.every((one) => one.state === 'done');
    },
    { within: 120_000 },
  );
  expect(await running().cli('history', user)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('FRESHET_NOT_FOUND'),
  });
};

beforeAll(() => {
  folder = makeTempDir('backup');
  mkdirSync(join(folder, 'backups'));
});
afterAll(async () => {
  await system?.stop();
  removeTempDir(folder);
});

describe.each([
  ['freshet backup and freshet restore', BY_VERBS],
  ['the nats tool', BY_HAND],
])('%s', (name, way) => {
  const byHand = way === BY_HAND;
  const users = ['u0', 'u1', 'u2'];

  it.skipIf(byHand && 'missing' in tool)('restore a system that is equal to what it was', async () => {
    key = undefined;
    const data = (which: string): string => `${byHand ? 'hand' : 'verbs'}-${which}`;
    const first = join(folder, data('first'));
    await start(first);
    await running().publish([
      ...books(),
      registered('u1', { likes: ['taste 1'] }),
      viewed('s1', 'i4'),
      linked('u1', 's1'),
      ...reading(400),
    ]);
    // What is trained counts from the event after it.
    await until(async () => (await running().ask<Status>('engine.status')).model.training?.last, { within: 120_000 });
    const seq = await running().publish([
      ...reading(20, 400),
      served('u2', 'l1', ['i3']),
      dismissed('u2', 'i3', { list: 'l1' }),
    ]);
    const before = await everything(users, seq);
    expect((await trained()).some((sha256) => sha256 !== null)).toBe(true);
    await verified();
    ({ key } = await running().json<{ key: string }>('keys', 'create', 'shop', '--scope', 'admin', '--expires', '1d'));
    await way.backup(data('all'));

    // Everything is gone but for a copy of the projections.
    expect(await running().stop()).toBe(0);
    const kept = join(folder, data('kept'));
    mkdirSync(kept);
    for (const service of SERVICES) cpSync(join(first, `${service}.sqlite`), join(kept, `${service}.sqlite`));
    rmSync(first, { recursive: true });
    expect(existsSync(first)).toBe(false);

    await start(await restored(data('second'), () => way.restore(data('all'))));
    expect(await everything(users, seq), name).toEqual(before);
    await verified();
    expect(await running().json('keys', 'list')).toMatchObject([{ name: 'shop' }]);

    // Forgotten after the log was backed up: the ledger outside the log is newer than the log that is restored.
    const { state } = await running().json<Erasure>('forget', 'u3', '--wait');
    expect(state).toBe('done');
    await way.ledger(data('newer'));
    expect(await running().stop()).toBe(0);
    await start(await restored(data('third'), () => way.restore(data('all'), data('newer'))));
    await forgotten('u3');
    await verified();
    expect(await running().stop()).toBe(0);
    if (byHand) return;

    // Projections that reach no further than the backup go on with the restored log.
    let answer: Restored | undefined;
    const restore = async (): Promise<void> => {
      answer = await running().json<Restored>('restore', at(data('all')), '--ledger', at(data('newer')));
    };
    const fourth = await restored(data('fourth'), restore, kept);
    expect(answer).toMatchObject({ last: seq, record: seq + 1, repeated: 1 });
    expect(answer?.projections).toEqual([...SERVICES].sort().map((instance) => ({ instance, seq, refused: null })));
    await start(fourth);
    await forgotten('u3');
    await verified();
    const { services } = await running().json<{ services: { service: string; restarts: number }[] }>('status');
    expect(services.map(({ restarts }) => restarts)).toEqual([0, 0, 0, 0]);
    expect(await running().stop()).toBe(0);
  });
});
