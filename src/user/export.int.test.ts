import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  clicked,
  dismissed,
  linked,
  outgoing,
  published,
  registered,
  retracted,
  served,
  updated,
  viewed,
} from '../../test/support/events.ts';
import { startNatsServer, type TestNatsServer } from '../../test/support/nats.ts';
import { until } from '../../test/support/wait.ts';
import { call } from '../bus/nats/micro.ts';
import { createPublisher } from '../bus/nats/publisher.ts';
import { tablesOf } from '../bus/projection/hash.ts';
import { request, type Stack, startStack, testConfig } from '../gateway/stack.fixture.ts';
import type { ExportChunk } from './export.ts';

interface Exported {
  user: string;
  ids: string[];
  services: Record<string, Record<string, Record<string, unknown>[]> & { seq: number }>;
  events: { seq: number; subject: string; event?: { id: string }; payload?: string; bytes?: number; offset?: number }[];
}

let nats: TestNatsServer;
let stack: Stack;

beforeEach(async () => {
  nats = await startNatsServer();
  stack = await startStack({ natsUrl: nats.url, config: testConfig() });
  await stack.start('user', 'content', 'feedback', 'engine');
  await until(async () => (await stack.gateway.ready()).ready);
});
afterEach(async () => {
  await stack?.stop();
  await nats?.stop();
});

async function fill(events: readonly unknown[]): Promise<number> {
  const publisher = createPublisher(await nats.connect());
  const acks = await Promise.all(events.map((one) => publisher.publish(outgoing(one))));
  await publisher.close();
  return Math.max(...acks.map(({ seq }) => seq));
}
const exported = async (user: string, seq: number) => {
  const { status, body } = await request<Exported>(
    stack.url,
    `/v1/users/${user}/export?min_seq=${seq}&timeout_ms=10000`,
  );
  expect(status).toBe(200);
  return body;
};

describe('an export', () => {
  it('contains every row that a service has under the user’s ids, and the events of the user', async () => {
    const nc = await nats.connect();
    // An item of the same name, and another user, are not in it.
    await fill([...['a', 'b', 'c', 'u1'].map((item) => published(item)), viewed('u2', 'b'), linked('u2', 'other')]);
    await nc.jetstream().publish('ev.user.u1.viewed', 'no JSON');
    await nc.jetstream().publish('ev.user.u1.viewed', Buffer.alloc(300_000, 'x'));
    const seq = await fill([
      registered('u1', { age: 41 }),
      viewed('s1', 'a', { id: 'first' }),
      linked('u1', 's1'),
      updated('u1', { city: 'Oslo' }, { id: 'up' }),
      viewed('u1', 'b', { time: '2100-01-01T00:00:00.000Z' }),
      viewed('u1', 'c', { id: 'slip', context: { page: 'home' } }),
      retracted('u1', { id: 'slip' }),
      served('u1', 'l1', ['c', 'a']),
      served('u1', 'l1', ['c', 'a']),
      clicked('u1', 'c', { list: 'l1' }),
      dismissed('s1', 'a'),
    ]);
    const kv = await nc.jetstream().views.kv('rankings');
    await until(async () => (await kv.get('user.u1'))?.json<{ seq: number }>().seq === seq);
    const found = await exported('u1', seq);
    expect(found).toMatchObject({ user: 'u1', ids: ['u1', 's1'] });
    expect(Object.keys(found.services)).toEqual(['user', 'content', 'feedback', 'engine']);
    const { user, feedback, engine } = found.services;
    expect(user?.profile).toMatchObject([{ user: 'u1', traits: { age: 41, city: 'Oslo' } }]);
    expect(user?.interaction?.map(({ item }) => item)).toEqual(['a', 'b']);
    expect(user?.event_time).toMatchObject([{ time: '2100-01-01T00:00:00.000Z' }]);
    expect(user?.dead_letter).toMatchObject([
      { code: 'FRESHET_EVENT_MALFORMED', bytes: 7 },
      { code: 'FRESHET_EVENT_MALFORMED', bytes: 300_000 },
    ]);
    expect(feedback?.served).toMatchObject([{ list: 'l1', items: [{ position: 0, item: 'c' }, { item: 'a' }] }]);
    expect(feedback?.outcome?.map(({ kind }) => kind).sort()).toEqual(['clicked', 'dismissed']);
    expect(engine?.model_history?.map(({ item }) => item)).toEqual(['b', 'a']);
    expect(engine?.model_dismissed).toMatchObject([{ item: 'a' }]);
    expect(engine?.ranking).toMatchObject([{ user: 'u1' }]);

    // Both pieces of the long one, and whole ones for all others.
    const long = found.events.filter(({ bytes }) => bytes === 300_000);
    expect(Buffer.concat(long.map(({ payload }) => Buffer.from(payload as string, 'base64')))).toHaveLength(300_000);
    expect(found.events.filter(({ event }) => event)).toHaveLength(11);
    expect([...new Set(found.events.map(({ subject }) => subject.split('.')[2]))]).toEqual(['u1', 's1']);
    expect(JSON.stringify(found)).not.toContain('u2');

    for (const service of ['user', 'content', 'feedback', 'engine'])
      expect(told(found, service), service).toEqual(stored(service, ['u1', 's1']));
    // Asked with the session's id it is the same user.
    expect((await exported('s1', seq)).ids).toEqual(['u1', 's1']);
    expect(await request(stack.url, '/v1/users/nobody/export')).toMatchObject({
      status: 404,
      body: { code: 'FRESHET_NOT_FOUND' },
    });
  });

  it('comes in chunks that fit into one message, for any amount of data', async () => {
    const nc = await nats.connect();
    const seq = await fill(
      Array.from({ length: 3_000 }, (_, i) => viewed('u1', `i${i % 50}`, { context: { note: 'x'.repeat(500) } })),
    );
    const chunks: ExportChunk[] = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const chunk: ExportChunk = await call(nc, 'freshet.user.export', {
        user: 'u1',
        ...(cursor === undefined ? { min_seq: seq, timeout_ms: 10_000 } : { cursor }),
      });
      chunks.push(chunk);
      cursor = chunk.next;
    }
    const of = (service: string, part: string) =>
      chunks.filter((one) => one.service === service && one.part === part).flatMap(({ records }) => records);
    expect(chunks.filter(({ service }) => service === 'log').length).toBeGreaterThan(5);
    for (const [service, part] of [
      ['user', 'interaction'],
      ['engine', 'interaction'],
      ['engine', 'model_history'],
      ['log', 'events'],
    ] as const)
      expect(of(service, part).map((record) => record.seq)).toEqual(Array.from({ length: 3_000 }, (_, i) => i + 1));
    const whole = await exported('u1', seq);
    expect(whole.events).toHaveLength(3_000);
    await expect(call(nc, 'freshet.user.export', { user: 'u1', cursor: 'none' })).rejects.toMatchObject({
      problem: { code: 'FRESHET_BAD_REQUEST' },
    });
  });
});

/** How often each table of a service speaks of one of these ids, in a column of its own or by the event it is from. */
function stored(service: string, ids: readonly string[]): Record<string, number> {
  const db = new Database(`${stack.data}/${service}.sqlite`, { readonly: true });
  try {
    const found: Record<string, number> = {};
    const people = ids.map((id) => db.prepare('SELECT id FROM person WHERE user = ?').pluck().get(id) ?? -1);
    const seqs = new Set(
      db
        .prepare(`SELECT seq FROM identity WHERE person IN (${people.join(',')})`)
        .pluck()
        .all() as number[],
    );
    const tables = [...tablesOf(db).map(({ table }) => table), 'said_back'];
    for (const table of tables) {
      const rows = db.prepare<[], Record<string, unknown>>(`SELECT * FROM ${table}`).all();
      const theirs = rows.filter((row) =>
        Object.entries(row).some(
          ([column, value]) =>
            (column !== 'item' && ids.includes(value as string)) ||
            (column === 'seq' && seqs.has(value as number)) ||
            (column === 'subject' && ids.includes(String(value).split('.')[2] as string)),
        ),
      );
      // Items of lists are inside the lists.
      if (theirs.length > 0 && table !== 'checkpoint' && table !== 'impression') found[table] = theirs.length;
    }
    return found;
  } finally {
    db.close();
  }
}

function told({ services }: Exported, service: string): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [part, records] of Object.entries(services[service] ?? {}))
    if (Array.isArray(records) && records.length > 0 && !part.startsWith('model_') && part !== 'ranking')
      found[part] = records.length;
  return found;
}
