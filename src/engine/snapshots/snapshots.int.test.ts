/** The store of snapshots on a real server: which of them the pointer may name. */
import type { NatsConnection } from 'nats';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { silent } from '../../../test/support/counting.ts';
import { startNatsServer, type TestNatsServer } from '../../../test/support/nats.ts';
import { createPublisher, type Publisher } from '../../bus/nats/publisher.ts';
import { applyStreams } from '../../bus/streams/plan.ts';
import type { Manifest } from './manifest.ts';
import { createSnapshots, type ModelImage, POINTER, type Snapshots } from './snapshots.ts';

let server: TestNatsServer;
let nc: NatsConnection;
let publisher: Publisher;
let snapshots: Snapshots;

beforeEach(async () => {
  server = await startNatsServer();
  nc = await server.connect();
  await applyStreams(nc);
  publisher = createPublisher(nc);
  snapshots = await createSnapshots({
    nc,
    publisher,
    logger: silent,
    origin: () => ({ config: 'c', model: 1, fold: 'f', stream: '2026-01-01T00:00:00Z' }),
    keep: 5,
    stallMs: 1_000,
  });
  await snapshots.load();
});
afterEach(async () => {
  await publisher.close();
  await server.stop();
});

const image = (seq: number): ModelImage => ({
  seq,
  clock: 0,
  state: Buffer.from(`state ${seq}`),
  users: 0,
  items: 0,
  events: 0,
  backend: 'none',
  inputs: '',
  prequential: null,
  marks: [],
});
async function pointer(): Promise<string | undefined> {
  const entry = await (await nc.jetstream().views.kv('engine', { bindOnly: true })).get(POINTER);
  return entry?.json<Manifest>().object;
}

it('the pointer moves back to an older snapshot, and never to one that was removed', async () => {
  const old = (await snapshots.write(image(1))) as Manifest;
  const newer = (await snapshots.write(image(2))) as Manifest;
  expect(await snapshots.point(old)).toBe(true);
  expect(await pointer()).toBe(old.object);
  expect(await snapshots.point(newer)).toBe(true);
  await snapshots.removeOthers();
  expect(await snapshots.point(old)).toBe(false);
  expect(await pointer()).toBe(newer.object);
});
