/** The store of snapshots on a real server: which of them the pointer may name. */
import { beforeEach, expect, it } from 'vitest';
import { useServices } from '../../../test/support/services.ts';
import type { Manifest } from './manifest.ts';
import { createSnapshots, type ModelImage, POINTER, type Snapshots } from './snapshots.ts';

const services = useServices('snapshots');
let snapshots: Snapshots;

beforeEach(async () => {
  snapshots = await createSnapshots({
    nc: services.nc,
    publisher: services.publisher,
    logger: services.logger,
    origin: () => ({ config: 'c', model: 1, fold: 'f', stream: '2026-01-01T00:00:00Z' }),
    keep: 5,
    stallMs: 1_000,
  });
  await snapshots.load();
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
const pointer = async () => (await services.kvValue<Manifest>('engine', POINTER))?.object;

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
