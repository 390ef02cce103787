/** Forgetting where an operator puts an older file back: whatever happens, all ends in the state that the purged log gives. */
import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SERVICES } from '../../src/bus/projection/definition.ts';
import type { Manifest } from '../../src/engine/snapshots/manifest.ts';
import { history, useErasures } from '../support/erasures.ts';
import { viewed } from '../support/events.ts';
import { until } from '../support/wait.ts';

const { services, startAll, forget, done, expectEqualWithout } = useErasures('forget-cases-long');
const { start, stop, publish, caughtUp } = services;

describe('a user is forgotten', () => {
  it('before an older copy of a SQLite file is restored, for each service', async () => {
    await startAll();
    await caughtUp(await publish(...history()));
    for (const service of SERVICES) {
      await stop(service);
      copyFileSync(join(services.data, `${service}.sqlite`), join(services.data, `${service}.old`));
      expect(existsSync(join(services.data, `${service}.sqlite-wal`))).toBe(false);
      await start(service);
    }
    const { erasure } = await forget('u1');
    await done(erasure);
    const last = await publish(viewed('u2', 'a'));
    await caughtUp(last);
    for (const service of SERVICES) {
      await stop(service);
      copyFileSync(join(services.data, `${service}.old`), join(services.data, `${service}.sqlite`));
      const one = await start(service);
      await until(() => one.status().seq >= last && one.status().rebuild_due === undefined, { within: 60_000 });
    }
    await caughtUp(last);
    await expectEqualWithout('u1', 's1');
  });

  it('before an older snapshot of the model is restored', async () => {
    await startAll();
    await caughtUp(await publish(...history()));
    await stop('engine');
    const kv = await services.nc.jetstream().views.kv('engine', { bindOnly: true });
    const store = await services.nc.jetstream().views.os('snapshots');
    const old = (await services.kvValue<Manifest>('engine', 'current')) as Manifest;
    const bytes = (await store.getBlob(old.object)) as Uint8Array;
    await start('engine');
    await done((await forget('u1')).erasure);
    await stop('engine');
    for (const { name } of await store.list()) await store.delete(name);
    await store.putBlob({ name: old.object, description: JSON.stringify(old) }, bytes);
    await kv.put('current', JSON.stringify(old));

    const engine = await start('engine');
    expect(engine.status().started_from).toMatchObject({ snapshot: old.object });
    const last = await publish(viewed('u2', 'a'));
    await caughtUp(last);
    // Its rows hold nothing of the user; what it has learned from them is taken out by a rebuild.
    await until(() => engine.status().rebuild_due === undefined, { within: 60_000 });
    await caughtUp(last);
    await expectEqualWithout('u1', 's1');
    // Nor does a snapshot: all that there are were written since.
    expect((await store.list()).filter(({ name, deleted }) => name === old.object && !deleted)).toEqual([]);
  });
});
