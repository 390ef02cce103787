/** What an operator sees and does over HTTP, on a system of processes: what the identity of the gateway has to be allowed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { event } from '../support/events.ts';
import { books, reading } from '../support/readers.ts';
import { startSystem, type TestSystem } from '../support/system.ts';
import { until } from '../support/wait.ts';

let system: TestSystem;
let seq: number;

beforeAll(async () => {
  system = await startSystem({ args: ['--no-demo'] });
  await system.publish([...books(), ...reading(200)]);
  seq = await system.publish([event('user.viewed.v1', 'operated', { item: 'i1' })]);
});
afterAll(async () => {
  expect(await system?.stop()).toBe(0);
});

const get = (path: string): Promise<Response> => fetch(`${system.http}${path}`);
const post = (path: string, body: object = {}): Promise<Response> =>
  fetch(`${system.http}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
const codeOf = async (answer: Promise<Response>): Promise<unknown> =>
  ((await (await answer).json()) as { code?: string }).code;

describe('over HTTP, an operator', () => {
  it('sees the system, its log, dead letters, erasures, experiments and snapshots', async () => {
    await until(async () => ((await (await get('/v1/system')).json()) as { ready: boolean }).ready, { within: 60_000 });
    for (const path of [
      '/v1/system',
      '/v1/system/recent',
      '/v1/log?n=5&user=operated',
      `/v1/log/${seq}`,
      '/v1/log/publishers',
      '/v1/dead-letters',
      '/v1/erasures',
      '/v1/experiments',
      '/v1/shadow',
      '/v1/snapshots',
    ]) {
      const answer = await get(path);
      expect(answer.status, `${path} ${await answer.text()}`).toBe(200);
    }
  });

  it('follows the log', async () => {
    const stop = new AbortController();
    const answer = await fetch(`${system.http}/v1/log/stream?after=${seq - 1}`, { signal: stop.signal });
    let text = '';
    for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString('utf8');
      if (text.includes(`id: ${seq}\nevent: event`)) break;
    }
    stop.abort();
    expect(text).toContain('"subject":"operated"');
  });

  it('starts and ends an experiment, discards a dead letter, and gets a reason for what is not possible', async () => {
    const arms = ['a', 'b'].map((arm) => ({ arm, share: 0.5 }));
    expect((await post('/v1/experiments', { experiment: 'operated', arms })).status).toBe(200);
    expect((await post('/v1/experiments/operated/end', { reason: 'enough' })).status).toBe(200);
    const nc = await system.connect();
    await nc.jetstream().publish('ev.user.operated.viewed', 'no event');
    await nc.close();
    const dead = await until(async () => {
      const answer = (await (await get('/v1/dead-letters')).json()) as {
        dead_letters: { seq: number; services: object[] }[];
      };
      return answer.dead_letters[0]?.services.length === 4 && answer.dead_letters[0];
    });
    expect(await codeOf(post(`/v1/dead-letters/${dead.seq}/retry`))).toBe('FRESHET_DEAD_LETTER_UNREADABLE');
    expect((await post(`/v1/dead-letters/${dead.seq}/discard`)).status).toBe(200);
    expect(await codeOf(post('/v1/shadow/promote'))).toBe('FRESHET_SERVICE_UNAVAILABLE');
    expect(await codeOf(post('/v1/snapshots/rollback', { end: true }))).toBe('FRESHET_BAD_REQUEST');
  });

  it('gets a list with another history, and one of an earlier position', async () => {
    expect((await post('/v1/what-if', { user: 'operated', add: ['i2'] })).status).toBe(200);
    const text = await (await get(`/v1/users/operated/recommendations/at?seq=${seq}&n=3`)).text();
    expect(text).toMatch(/event: list\ndata: .*"reasons"/);
  });
});
