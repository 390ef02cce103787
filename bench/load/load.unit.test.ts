import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createCodec } from '../../src/bus/event/codec.ts';
import { drive, failures } from './drive.ts';
import { runLoad } from './load.ts';
import { eventRequests } from './requests.ts';
import { keepSending } from './steady.ts';

let server: Server | undefined;
afterEach(() => server?.close());

/** A gateway that knows one item and rejects every fourth request for a list. */
async function gateway(): Promise<{ url: string; posted: string[]; asked: string[] }> {
  const posted: string[] = [];
  const asked: string[] = [];
  server = createServer((request, answer) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      if (request.method === 'POST') posted.push(body);
      else if (request.url?.includes('/recommendations')) asked.push(request.url);
      answer.statusCode = request.method === 'GET' && asked.length % 4 === 3 ? 429 : 200;
      answer.end(request.url?.startsWith('/v1/items') ? '{"items":[{"item":"i1"}]}' : '{}');
    });
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, posted, asked };
}

const users = { pattern: 'u {n}', count: 3 };

describe('a load', () => {
  it('counts answers, and failures by status', async () => {
    const { url, asked } = await gateway();
    let n = 0;
    const driven = await drive({
      url,
      connections: 2,
      seconds: 1,
      next: () => ({ method: 'GET', path: `/v1/users/u${++n}/recommendations` }),
    });
    expect(driven.answered).toBeGreaterThan(0);
    expect(driven.errors.status['429']).toBeGreaterThan(0);
    // Neither includes the requests without an answer at the end of the time.
    const counted = driven.answered + failures(driven);
    expect(counted).toBeLessThanOrEqual(asked.length);
    expect(counted).toBeGreaterThanOrEqual(asked.length - 2);
    expect(driven.latency.p50).toBeLessThanOrEqual(driven.latency.p99);
  });

  it('requests lists of users by their pattern, and publishes events that the log accepts', async () => {
    const { url, asked, posted } = await gateway();
    const figures = await runLoad({
      url,
      phases: ['both'],
      connections: 1,
      seconds: 1,
      n: 5,
      maxAgeMs: 0,
      users,
      actors: users,
      batch: 3,
      rate: 60,
      key: undefined,
      seed: 1,
      say: () => {},
    });
    expect(figures).toMatchObject([{ phase: 'both', lists: {}, events: { failed: 0 } }]);
    expect(asked[0]).toMatch(/^\/v1\/users\/u%20[123]\/recommendations\?n=5&max_age_ms=0$/);
    const codec = createCodec();
    const events = posted.flatMap((body) => JSON.parse(body) as object[]);
    expect(events.length).toBeGreaterThan(0);
    for (const event of events) expect(codec.prepare(event)).toMatchObject({ ok: true });
    expect(new Set(events.map((event) => (event as { id: string }).id)).size).toBe(events.length);
  });

  it('gives the next step if no gateway answers, and if there are no items', async () => {
    const options = {
      phases: ['publish'] as const,
      connections: 1,
      seconds: 1,
      n: 1,
      maxAgeMs: 0,
      users,
      actors: users,
    };
    const more = { batch: 1, rate: 1, key: undefined, seed: 1, say: () => {} };
    await expect(runLoad({ ...options, ...more, url: 'http://127.0.0.1:1' })).rejects.toMatchObject({
      code: 'FRESHET_USAGE',
    });
  });

  it('keeps its pace, and reports failed requests', async () => {
    const { url, posted } = await gateway();
    const next = eventRequests({ users, items: ['i1'], batch: 1, seed: 2 });
    const steady = keepSending({ url, perSecond: 200, next });
    await new Promise<void>((resolve) => {
      const look = setInterval(() => {
        if (posted.length < 20) return;
        clearInterval(look);
        resolve();
      }, 5);
    });
    const { failed, perSecond } = await steady.stop();
    expect(failed).toBe(0);
    expect(perSecond).toBeGreaterThan(0);
  });
});
