import { headers, type MsgHdrs, type NatsConnection } from 'nats';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RANKINGS } from '../../../streams.config.ts';
import { startNatsServer, type TestNatsServer } from '../../../test/support/nats.ts';
import { until } from '../../../test/support/wait.ts';
import { announceRemoval } from '../streams/announce-removal.ts';
import { applyStreams, diffStreams } from '../streams/plan.ts';
import { followKey } from './follow-key.ts';

const STREAM = `KV_${RANKINGS.name}`;
const SUBJECT = `$KV.${RANKINGS.name}.user.u1`;

let server: TestNatsServer;
let nc: NatsConnection;
const stops: AbortController[] = [];
beforeEach(async () => {
  server = await startNatsServer();
  nc = await server.connect();
  await applyStreams(nc);
});
afterEach(async () => {
  for (const stop of stops.splice(0)) stop.abort();
  await server.stop();
});

const put = (seq: number): Promise<unknown> => nc.jetstream().publish(SUBJECT, JSON.stringify({ seq }));
const seqIn = (value: Uint8Array): number => (JSON.parse(Buffer.from(value).toString()) as { seq: number }).seq;

/** Makes the stream refuse a message, which subscribers get all the same. */
function refusedByStream(): MsgHdrs {
  const never = headers();
  never.set('Nats-Expected-Stream', 'another');
  return never;
}

/** The versions that a follower on a connection of its own has shown, `gone` for no value. */
async function follow(): Promise<{ shown: (number | 'gone')[]; ended: Promise<unknown> }> {
  const shown: (number | 'gone')[] = [];
  const reader = await server.connect();
  const stop = new AbortController();
  stops.push(stop);
  const states = followKey(reader, {
    bucket: RANKINGS.name,
    key: 'user.u1',
    version: seqIn,
    timeoutMs: 2_000,
    retryMs: 20,
    signal: stop.signal,
  });
  const ended = (async () => {
    for await (const { value } of states) shown.push(value === undefined ? 'gone' : seqIn(value));
  })().catch((err: unknown) => err);
  return { shown, ended };
}

it('shows the newest value and none twice or backwards, whenever it begins', async () => {
  const followers: (number | 'gone')[][] = [];
  let last = 0;
  let putting = true;
  const writer = (async () => {
    while (putting) await put(++last);
  })();
  for (let i = 0; i < 20; i++) {
    const { shown } = await follow();
    followers.push(shown);
    await until(() => shown.length > 20);
  }
  putting = false;
  await writer;
  for (const shown of followers) {
    await until(() => shown.at(-1) === last);
    expect(shown).toEqual([...new Set(shown)].sort((a, b) => Number(a) - Number(b)));
  }
});

it('shows a value that is stored while it begins', async () => {
  for (let i = 1; i <= 100; i++) {
    const putting = put(i);
    const { shown } = await follow();
    await putting;
    await until(() => shown.at(-1) === i);
  }
});

it('shows that a key is gone, by a marker or a purge that was announced, and its next value', async () => {
  await put(1);
  const { shown } = await follow();
  await until(() => shown.length === 1);
  const kv = await nc.jetstream().views.kv(RANKINGS.name, { bindOnly: true });
  await kv.delete('user.u1');
  await until(() => shown.at(-1) === 'gone');
  await put(2);
  await until(() => shown.at(-1) === 2);
  await announceRemoval(nc, RANKINGS.name, 'user.u1');
  await (await nc.jetstreamManager()).streams.purge(STREAM, { filter: SUBJECT });
  await until(() => shown.at(-1) === 'gone');
  // Less than before: the log may have been restored from a backup.
  await put(1);
  await until(() => shown.at(-1) === 1);
  expect(shown).toEqual([1, 'gone', 2, 'gone', 1]);
});

it('shows nothing for a key without a value, and its first one', async () => {
  const { shown } = await follow();
  await put(1);
  await until(() => shown.length > 0);
  expect(shown).toEqual([1]);
});

it('drops an older value, unless it is what the bucket holds', async () => {
  await put(7);
  const { shown } = await follow();
  await until(() => shown.length === 1);
  // Only subscribers get it: a message that came late by another server of a cluster.
  const other = await server.connect();
  other.publish(SUBJECT, JSON.stringify({ seq: 5 }), { headers: refusedByStream() });
  await put(8);
  await until(() => shown.at(-1) === 8);
  expect(shown).toEqual([7, 8]);
  await put(3);
  await until(() => shown.at(-1) === 3);
});

it('finds what changed while the connection was away', async () => {
  await put(1);
  const { shown } = await follow();
  await until(() => shown.length === 1);
  await server.kill();
  await server.restart();
  await until(() => put(2).catch(() => undefined));
  await until(() => shown.at(-1) === 2);
  await (await nc.jetstreamManager()).streams.purge(STREAM, { filter: SUBJECT });
  // A purge that nobody announced sends no message; the next read finds it.
  await server.kill();
  await server.restart();
  await until(() => shown.at(-1) === 'gone');
  expect(shown).toEqual([1, 2, 'gone']);
});

it('says what is missing: a bucket, or its direct gets, which `streams apply` brings to an older bucket', async () => {
  const { streams } = await nc.jetstreamManager();
  const { config } = await streams.info(STREAM);
  await streams.update(STREAM, { ...config, allow_direct: false });
  const refused = { code: 'FRESHET_BUCKET_UNREADABLE' };
  expect(await (await follow()).ended).toMatchObject(refused);
  const differences = await diffStreams(nc);
  expect(JSON.stringify(differences)).toContain('allow_direct');
  await applyStreams(nc);
  await put(1);
  const { shown } = await follow();
  await until(() => shown.length === 1);
  await streams.delete(STREAM);
  expect(await (await follow()).ended).toMatchObject(refused);
});
