/** Forgetting on a system that runs: everything of a user goes, and what is left is what the purged log gives. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { event } from '../support/events.ts';
import { startSystem, type TestSystem } from '../support/system.ts';
import { until } from '../support/wait.ts';

interface Erasure {
  erasure: string;
  state: string;
  done: string | null;
  services: { service: string; state: string }[];
}

/** Milliseconds after which an answer to a poll is given up. */
const ANSWER_MS = 3_000;

let system: TestSystem;
let nc: NatsConnection;

beforeAll(async () => {
  system = await startSystem({ args: ['--no-demo'], env: { FRESHET_ERASURE_REBUILD_AFTER_MS: '100' } });
  nc = await system.connect();
});
afterAll(async () => {
  await nc?.close();
  expect(await system?.stop()).toBe(0);
});

const post = (...events: [type: string, subject: string, data: object][]): Promise<number> =>
  system.publish(events.map(([type, subject, data]) => event(type, subject, data)));
const get = async <T>(path: string, init?: RequestInit): Promise<{ status: number; body: T }> => {
  const answer = await fetch(`${system.http}${path}`, init);
  return { status: answer.status, body: (await answer.json()) as T };
};
const complete = async (erasure: string): Promise<Erasure> =>
  until(
    async () => {
      // A service that was killed with a request in its hands never answers it: ask again.
      const { body } = await get<Erasure>(`/v1/erasures/${erasure}`, { signal: AbortSignal.timeout(ANSWER_MS) });
      return body.state === 'done' && body;
    },
    { within: 120_000 },
  );

/** Everything that JetStream holds under these subjects. */
async function stored(stream: string, filter: string): Promise<string[]> {
  const { state } = await (await nc.jetstreamManager()).streams.info(stream, { subjects_filter: filter });
  return Object.keys(state.subjects ?? {});
}

describe('a user who is forgotten', () => {
  it('is unknown everywhere, with all sessions, and all state equals that of a log without the user', async () => {
    const items = ['a', 'b', 'c', 'd', 'e'];
    const seq = await post(
      ...items.map((item): [string, string, object] => ['content.published.v1', item, { title: `Title of ${item}` }]),
      ['user.registered.v1', 'u1', { traits: { age: 41 } }],
      ['user.viewed.v1', 's1', { item: 'a' }],
      ['user.linked.v1', 'u1', { session: 's1' }],
      ['user.viewed.v1', 'u1', { item: 'b' }],
      [
        'feedback.served.v1',
        'u1',
        { list: 'l1', items: [{ item: 'c', score: 1 }], snapshot: 'x', config: 'x', arm: 'x' },
      ],
      ['feedback.clicked.v1', 'u1', { item: 'c', list: 'l1' }],
      ...items.slice(0, 3).map((item): [string, string, object] => ['user.viewed.v1', 'u2', { item }]),
    );
    await nc.jetstream().publish('ev.user.u1.viewed', 'no JSON');
    await until(async () => (await stored('KV_rankings', '$KV.rankings.user.u1')).length === 1);
    await until(async () => (await stored('DEAD_LETTERS', 'dlq.*.user.u1.>')).length === 4);
    expect((await get(`/v1/users/u1?min_seq=${seq}`)).status).toBe(200);

    const answer = await fetch(`${system.http}/v1/users/u1`, { method: 'DELETE' });
    expect(answer.status).toBe(202);
    const begun = (await answer.json()) as Erasure;
    expect(answer.headers.get('location')).toBe(`/v1/erasures/${begun.erasure}`);
    const done = await complete(begun.erasure);
    expect(done.services.map(({ state }) => state)).toEqual(['exact', 'exact', 'exact', 'exact']);
    expect(JSON.stringify(done)).not.toMatch(/u1|s1/);

    for (const id of ['u1', 's1']) {
      expect((await get(`/v1/users/${id}`)).status).toBe(404);
      expect(await stored('EVENTS', `ev.user.${id}.>`)).toEqual([]);
      expect(await stored('EVENTS', `ev.feedback.${id}.>`)).toEqual([]);
      expect(await stored('DEAD_LETTERS', `dlq.*.*.${id}.>`)).toEqual([]);
      expect(await stored('KV_rankings', `$KV.rankings.user.${id}`)).toEqual([]);
    }
    expect((await get('/v1/users/u2')).status).toBe(200);
    const { code, stdout } = await system.cli('verify', '--json');
    expect(code, stdout).toBe(0);
    expect(await system.json('forget', '--status', begun.erasure)).toMatchObject({ state: 'done' });
  });

  it('may be forgotten again, may be unknown, and may come back as a new user', async () => {
    const again = await system.json<Erasure>('forget', 'u1', '--wait');
    expect(again.state).toBe('done');
    expect((await system.json<Erasure>('forget', 'nobody', '--wait')).state).toBe('done');
    const seq = await post(['user.registered.v1', 'u1', { traits: { age: 7 } }]);
    expect((await get<{ events: number }>(`/v1/users/u1?min_seq=${seq}`)).body).toMatchObject({
      events: 0,
      traits: { age: 7 },
    });
    const file = join(system.data, 'old.jsonl');
    const old = { specversion: '1.0', source: 'old', type: 'user.viewed.v1', data: { item: 'a' } };
    writeFileSync(file, ['u1', 'u2'].map((subject) => JSON.stringify({ ...old, id: subject, subject })).join('\n'));
    expect(await system.json('import', file)).toMatchObject({ published: 1, rejected: 1 });
    expect(await system.json<Erasure[]>('forget', '--status')).toHaveLength(3);
    expect((await get('/v1/erasures/none')).status).toBe(404);
    expect((await system.cli('forget')).code).toBe(2);
    expect((await system.cli('verify')).code).toBe(0);
  });

  it('is forgotten also if the process of the erasure is killed', async () => {
    const seq = await post(['user.viewed.v1', 'u3', { item: 'a' }], ['user.viewed.v1', 'u2', { item: 'd' }]);
    await get(`/v1/users/u3?min_seq=${seq}`);
    const { erasure } = await system.json<Erasure>('forget', 'u3');
    system.kill('user');
    await complete(erasure);
    expect((await get('/v1/users/u3')).status).toBe(404);
    expect((await system.cli('verify')).code).toBe(0);
  });
});
