/** A snapshot is written in slices: requests are answered between them, and no event is folded. */
import { afterEach, expect, it } from 'vitest';
import { event, published, viewed } from '../../../test/support/events.ts';
import { useServices } from '../../../test/support/services.ts';
import { until } from '../../../test/support/wait.ts';
import { observeFileSteps } from '../../bus/projection/file-steps.ts';
import type { Manifest } from './manifest.ts';

/** The state of so many events takes many milliseconds to write, and a slice is one. */
const EVENTS = 20_000;

const services = useServices('slices', {
  settings: {
    engine: {
      publish_rankings: true,
      training_content: false,
      ranker_form: 'none',
      cut_over_slice_ms: 1,
      snapshot_interval_ms: 3_600_000,
      snapshot_events: 1_000_000,
    },
  },
});
const { start, publish, caughtUp, kvValue, ask } = services;

afterEach(() => observeFileSteps(undefined));

it('the engine turns to requests while it writes a snapshot, and folds the events that arrive after it', async () => {
  const engine = await start('engine');
  const items = Array.from({ length: 50 }, (_, n) => published(`i${n}`));
  const views = Array.from({ length: EVENTS }, (_, n) => viewed(`user-${n % 1_500}`, `i${(n * 7) % 50}`));
  await caughtUp(await publish(...items, ...views));
  // The engine writes its first snapshot once it has caught up.
  await until(() => kvValue<Manifest>('engine', 'current'), { within: 30_000, what: 'the first snapshot' });

  let begunAt = 0;
  let exported = false;
  /** Positions in the turns of the event loop from the begin of a snapshot to the end of its export. */
  const turns: number[] = [];
  const look = (): void => {
    if (exported) return;
    turns.push(engine.progress().seq);
    setImmediate(look);
  };
  let meanwhile: Promise<unknown> = Promise.resolve();
  observeFileSteps((step) => {
    if (step === 'snapshot-begun' && begunAt === 0) {
      begunAt = engine.progress().seq;
      setImmediate(look);
      meanwhile = Promise.all([publish(viewed('user-1', 'i1')), ask('engine.recommend', { user: 'user-2' })]);
    }
    if (step === 'snapshot-exported' && begunAt > 0) exported = true;
  });
  // An erasure requests a snapshot that replaces all others.
  const record = await publish(event('control.erased.v1', 'act', { hmac: 'ab'.repeat(32), fence: 1 }));
  await until(() => exported, { within: 30_000, what: 'the export of a snapshot' });
  await meanwhile;
  expect(begunAt).toBe(record);
  const manifest = await until(
    async () => {
      const current = await kvValue<Manifest>('engine', 'current');
      return current?.seq === record && current;
    },
    { within: 30_000, what: 'the snapshot in force' },
  );
  // The fold goes on after the export, in the turns in which the engine hashes the bytes.
  expect(turns.filter((seq) => seq === record).length).toBeGreaterThan(2);
  await caughtUp(record + 1, engine);
  // The snapshot is the state of its position: with the event behind it, it gives the state of the engine that went on.
  const replica = await start('engine', { replica: 2 });
  await caughtUp(record + 1, replica);
  expect(replica.status().started_from).toMatchObject({ snapshot: manifest.object });
  expect(await ask('engine.hash.engine-2')).toEqual(await ask('engine.hash.engine'));
});
