/** What a new user does first, and the mistakes that are made then. */
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliResult, startSystem, type TestSystem } from '../support/system.ts';
import { makeTempDir, removeTempDir } from '../support/tempdir.ts';
import { until } from '../support/wait.ts';

interface Ranking {
  items: { item: string; score: number }[];
  seq: number;
  source: string;
  next: string | null;
}

let system: TestSystem;
let folder: string;

beforeAll(async () => {
  folder = makeTempDir();
  system = await startSystem({
    env: { FRESHET_DEMO_EVENTS: '1000', FRESHET_DEMO_READERS: '100', FRESHET_DEMO_TRICKLE_PER_S: '2' },
  });
});

afterAll(async () => {
  await system?.stop();
  removeTempDir(folder);
});

const event = (id: string, subject: string, item: string) => ({
  specversion: '1.0',
  id,
  type: 'user.viewed.v1',
  source: 'shop-web',
  subject,
  time: '2026-11-23T10:00:00.000Z',
  datacontenttype: 'application/json',
  data: { item },
});

const post = async (
  body: unknown,
): Promise<{ status: number; answer: { accepted: number; duplicates: number; seq: number } }> => {
  const response = await fetch(`${system.http}/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/cloudevents+json' },
    body: JSON.stringify(body),
  });
  return {
    status: response.status,
    answer: (await response.json()) as { accepted: number; duplicates: number; seq: number },
  };
};

describe('a first run', () => {
  it('has lists from the demo data, and titles for them', async () => {
    const { stdout, code } = await system.cli('recommend', 'reader-1', '-n', '5');
    expect(code).toBe(0);
    expect(stdout.trim().split('\n')).toHaveLength(6);
    const similar = await system.json<Ranking>('similar', 'shelley-frankenstein', '-n', '5');
    expect(similar.items).toHaveLength(5);
    expect((await system.json<Ranking>('trending', '-n', '3')).items).toHaveLength(3);
  });

  it('has a next list that reflects an event', async () => {
    const before = await system.json<Ranking>('recommend', 'somebody-new', '-n', '10');
    expect(before.source).toBe('popular');
    const { status, answer } = await post(event('first-1', 'somebody-new', 'shelley-frankenstein'));
    expect(status).toBe(200);
    expect(answer).toMatchObject({ accepted: 1, duplicates: 0 });
    const url = `${system.http}/v1/users/somebody-new/recommendations?n=10&min_seq=${answer.seq}`;
    const after = (await (await fetch(url)).json()) as Ranking;
    expect(after.seq).toBeGreaterThanOrEqual(answer.seq);
    expect(after.source).toBe('model');
    expect(after.items.map(({ item }) => item)).not.toContain('shelley-frankenstein');
    expect(after.items).not.toEqual(before.items);
    expect((await post(event('first-1', 'somebody-new', 'shelley-frankenstein'))).answer).toMatchObject({
      accepted: 0,
      duplicates: 1,
    });
  });

  it('shows a history, and the events of the log as they were published', async () => {
    await system.json('publish', 'rated', 'somebody-else', '--item', 'austen-emma', '--value', '4', '--id', 'r-1');
    await until(async () => (await system.cli('history', 'somebody-else')).stdout.includes('austen-emma'));
    const { stdout } = await system.cli('tail', '--user', 'somebody-else', '--from', '1', '--count', '1', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      subject: 'ev.user.somebody-else.rated',
      event: { id: 'r-1', data: { value: 4 } },
    });
  });

  it('follows a ranking as it changes', async () => {
    const { stdout } = await system.cli('tail', '--ranking', 'somebody-new', '--count', '1', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ user: 'somebody-new', source: 'model' });
  });
});

describe('mistakes', () => {
  const fails = ({ code, stderr }: CliResult, exit: number, text: string): void => {
    expect(stderr).toContain(text);
    expect(stderr).toMatch(/\nNext: .+/);
    expect(code).toBe(exit);
  };

  it('get exit code 2 and a pointer to the help', async () => {
    fails(await system.cli('recommend'), 2, 'FRESHET_USAGE');
    fails(await system.cli('nonsense'), 2, 'FRESHET_USAGE');
    fails(await system.cli('recommend', 'u', '-n', '0'), 2, 'FRESHET_USAGE');
  });

  it('in an event are named, and the event is not published', async () => {
    fails(await system.cli('publish', 'nosuch', 'u', '--item', 'i'), 1, 'FRESHET_EVENT_TYPE_UNKNOWN');
    fails(await system.cli('publish', 'viewed', 'u'), 1, 'FRESHET_EVENT_SCHEMA');
    fails(await system.cli('publish', 'control.erased.v1', 'u'), 1, 'FRESHET_EVENT_CONTROL_REFUSED');
  });

  it('do not happen with unusual ids in subject, log and history', async () => {
    const user = 'ü x.*>🎬';
    await system.json('publish', 'viewed', user, '--item', 'a b.*>/c');
    await until(async () => (await system.cli('history', user)).stdout.includes('a b.*>/c'));
  });

  it('in a file are reported by line, and the rest of it is imported', async () => {
    const file = join(folder, 'views.csv');
    writeFileSync(
      file,
      'user,item,timestamp\nu1,austen-emma,1700000000\nu2,"austen-emma,1700000001\nu3,austen-emma,1700000002\n',
    );
    const { stdout, stderr } = await system.cli('import', file);
    expect(stdout).toContain('2 published');
    expect(stdout).toContain('1 rejected');
    expect(stderr).toMatch(/views\.csv:3: /);
  });

  it('of starting twice, or on a port in use, are reported with the next step', async () => {
    fails(
      await system.cli('up', '--nats-port', '0', '--http-port', '0'),
      1,
      `FRESHET_INSTANCE_LOCKED: The data folder ${system.data} is in use by another process (pid ${system.pid})`,
    );
    const other = makeTempDir();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const again = await startFailing('--nats-port', String(port), '--http-port', '0', '--data', other);
    fails(again, 1, `FRESHET_PORT_IN_USE: Port ${port} is in use`);
    server.close();
    removeTempDir(other);
  });
});

/** `freshet up` that is not to come up; the folder is given once more, and the last one counts. */
const startFailing = (...args: string[]): Promise<CliResult> => system.cliRaw('up', ...args);
