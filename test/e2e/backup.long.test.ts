/** Back up, destroy everything, restore, rebuild: all is as it was, and who was forgotten stays so. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
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
interface Erasure {
  erasure: string;
  state: string;
}

const tool = await findNatsCli();
const folder = makeTempDir('backup');
const settings = {
  FRESHET_ERASURE_REBUILD_AFTER_MS: '100',
  // Something is trained as well, which is an input of the fold beside the log.
  FRESHET_ENGINE_TRAINING_FIRST_EVENTS: '200',
  FRESHET_ENGINE_TRAINING_RANK: '8',
};
/** What docs/how-to/back-up-and-restore.md names. */
const STREAMS = ['EVENTS', 'KV_erasures', 'KV_keys', 'KV_dead_letters', 'OBJ_snapshots'];

let system: TestSystem | undefined;
/** From when there is a key on, the gateway asks for it. */
let key: string | undefined;
const withKey = (): Record<string, string> => (key === undefined ? {} : { 'x-api-key': key });

beforeAll(() => mkdirSync(folder, { recursive: true }));
afterAll(async () => {
  await system?.stop();
  removeTempDir(folder);
});

async function nats(server: string, ...args: string[]): Promise<void> {
  if ('missing' in tool) throw new Error(tool.missing);
  await promisify(execFile)('nats', ['-s', server, ...args], {
    env: {
      ...process.env,
      PATH: [tool.folder, process.env.PATH].join(delimiter),
      // Settings and contexts of the person who runs the tests stay out of it.
      XDG_CONFIG_HOME: join(folder, 'config'),
    },
    timeout: 480_000,
  });
}

const running = (): TestSystem => {
  if (!system) throw new Error('no system runs');
  return system;
};

async function start(data: string): Promise<void> {
  system = await startSystem({ args: ['--no-demo'], env: settings, data });
  await until(async () => (await fetch(`${running().http}/readyz`)).status === 200, { within: 90_000 });
}

/** A new folder with these streams and nothing else. */
async function restored(name: string, backups: readonly string[]): Promise<string> {
  const data = join(folder, name);
  const server = await startSystem({ args: ['--no-demo', '--only', 'nats'], env: settings, data, keep: true });
  for (const backup of backups) await nats(server.nats, 'stream', 'restore', '--no-progress', backup);
  expect(await server.stop()).toBe(0);
  return data;
}

async function backup(stream: string, to: string): Promise<string> {
  await nats(running().nats, 'stream', 'backup', '--no-progress', stream, to);
  return to;
}

const list = async (user: string, seq: number): Promise<Ranking> => {
  const answer = await fetch(
    `${running().http}/v1/users/${user}/recommendations?max_age_ms=0&min_seq=${seq}&timeout_ms=30000`,
    { headers: withKey() },
  );
  const { items, seq: at } = (await answer.json()) as Ranking;
  return { items, seq: at };
};
const trained = async (): Promise<(string | null)[]> =>
  (await running().ask<Status>('engine.status')).model.inputs.map(({ sha256 }) => sha256);

/** What can be seen of the whole: the model, the rows of some users and the catalogue; and that it follows from the log. */
async function everything(users: readonly string[], seq: number): Promise<object> {
  const lists: Ranking[] = [];
  for (const user of users) lists.push(await list(user, seq));
  const model = await running().ask<ModelHash>('engine.hash');
  const held = [];
  for (const user of users) {
    const answer = await fetch(`${running().http}/v1/users/${user}/export`, { headers: withKey() });
    const { services, events } = (await answer.json()) as { services: Record<string, object>; events: object[] };
    const { ranking: _, ...engine } = services.engine as { ranking: object[] };
    held.push({ ...services, engine, events });
  }
  const items = await (await fetch(`${running().http}/v1/items`, { headers: withKey() })).json();
  return { lists, model, held, items, inputs: await trained() };
}
const verified = async (): Promise<void> => {
  const { code, stdout, stderr } = await running().cli('verify', '--json');
  expect(code, `${stdout}${stderr}`).toBe(0);
};

it.skipIf('missing' in tool)(
  `a system is restored from backups of its streams, equal to what it was${'missing' in tool ? ` (skipped: ${tool.missing})` : ''}`,
  async () => {
    await start(join(folder, 'first'));
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
    const users = ['u0', 'u1', 'u2'];
    const before = await everything(users, seq);
    expect((await trained()).some((sha256) => sha256 !== null)).toBe(true);
    await verified();
    ({ key } = await running().json<{ key: string }>('keys', 'create', 'shop', '--scope', 'admin', '--expires', '1d'));
    const first: string[] = [];
    for (const stream of STREAMS) first.push(await backup(stream, join(folder, 'backup', stream)));

    // Everything is gone.
    expect(await running().stop()).toBe(0);
    expect(existsSync(join(folder, 'first'))).toBe(false);

    await start(await restored('second', first));
    expect(await everything(users, seq)).toEqual(before);
    await verified();
    expect(await running().json('keys', 'list')).toMatchObject([{ name: 'shop' }]);

    // Forgotten after the log was backed up: the ledger outside the log is newer than the log that is restored.
    const { state } = await running().json<Erasure>('forget', 'u3', '--wait');
    expect(state).toBe('done');
    const ledger = await backup('KV_erasures', join(folder, 'backup', 'newer-ledger'));
    expect(await running().stop()).toBe(0);
    await start(await restored('third', [...first.filter((path) => !path.endsWith('KV_erasures')), ledger]));
    await until(
      async () => {
        const { erasures } = await running().ask<{ erasures: Erasure[] }>('user.erasure');
        return erasures.every((one) => one.state === 'done');
      },
      { within: 120_000 },
    );
    const gone = await running().cli('history', 'u3');
    expect(gone).toMatchObject({ code: 1, stderr: expect.stringContaining('FRESHET_NOT_FOUND') });
    await verified();
  },
);
