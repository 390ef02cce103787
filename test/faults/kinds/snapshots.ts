import assert from 'node:assert/strict';
import type { TcpProxy } from '../../support/proxy.ts';
import { until } from '../../support/wait.ts';
import type { Fault } from '../fault.ts';
import type { FaultSystem } from '../harness/system.ts';

/** The pointer to the snapshot in force. */
async function pointer(system: FaultSystem): Promise<{ object: string; seq: number } | undefined> {
  const kv = await system.nc.jetstream().views.kv('engine', { bindOnly: true });
  return (await kv.get('current'))?.json<{ object: string; seq: number }>();
}

const objects = (system: FaultSystem) => system.nc.jetstream().views.os('snapshots');

export const killedBeforePointer: Fault = {
  name: 'killed-before-pointer',
  what: 'SIGKILL of the engine between writing a snapshot and moving the pointer to it',
  times: { short: 1, long: 6 },
  system: {
    proxied: true,
    env: { FRESHET_ENGINE_SNAPSHOT_INTERVAL_MS: '1000', FRESHET_ENGINE_SNAPSHOT_EVENTS: '300' },
  },
  inject: async ({ system }) => {
    const proxy = system.proxy as TcpProxy;
    // The message that moves the pointer is the first one that does not reach the server. What is in force is read behind
    // it: before, the engine may be between the two writes already.
    await proxy.stopAt('PUB $KV.engine.current ');
    const before = await pointer(system);
    await system.services.engine.kill(true);
    proxy.cut();
    proxy.hold(false);
    const names = (await (await objects(system)).list()).map(({ name }) => name);
    // The name of a snapshot begins with its position, with leading zeros.
    assert.ok(
      names.some((name) => name.startsWith('model-') && name > (before?.object ?? '')),
      'no object was written before the kill',
    );
    assert.deepEqual(await pointer(system), before);
    await system.services.engine.start();
  },
};

export const snapshotDamaged: Fault = {
  name: 'snapshot-damaged',
  what: 'a chunk of the newest snapshot replaced by other bytes, or removed: the engine starts from the previous snapshot',
  times: { short: 0, long: 6 },
  inject: async ({ system, n, note }) => {
    const { engine } = system.services;
    for (let i = 0; i < 2; i++) {
      // Each stop writes a snapshot.
      await system.load.burst(200);
      await system.folded(system.load.lastSeq);
      await engine.stop();
      if (i === 0) await engine.start();
    }
    const { object } = (await pointer(system)) as { object: string };
    const store = await objects(system);
    const info = await store.info(object);
    if (n % 2 === 0) {
      const bytes = Buffer.from((await store.getBlob(object)) as Uint8Array);
      bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1);
      await store.putBlob({ name: object, description: info?.description ?? '' }, bytes);
    } else
      await (await system.nc.jetstreamManager()).streams.purge('OBJ_snapshots', {
        filter: `$O.snapshots.C.${info?.nuid}`,
      });
    await engine.start();
    await until(
      () => engine.said.some((line) => line.includes(object) && line.includes('the engine cannot read a snapshot')),
      {
        within: 30_000,
        what: 'the engine logs that it cannot use the snapshot',
      },
    );
    note('the engine logs it');
  },
};
