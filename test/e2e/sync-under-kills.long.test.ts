/** An import of a catalogue while the content service and nats-server are killed: it goes on, also if it loses its lease. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startSystem } from '../support/system.ts';
import { until } from '../support/wait.ts';

const ITEMS = 6_000;

it.each([10_000, 1_000])('publishes each item once, with a lease of %i ms', async (leaseMs) => {
  const system = await startSystem({
    args: ['--no-demo'],
    env: {
      FRESHET_IMPORT_LEASE_MS: String(leaseMs),
      FRESHET_PUBLISHER_TIMEOUT_MS: '1000',
      FRESHET_PUBLISHER_RETRIES: '100',
      // One message at a time: so few items take long enough to kill the processes meanwhile.
      FRESHET_PUBLISHER_WINDOW: '1',
    },
  });
  try {
    const file = join(system.data, 'products.csv');
    const rows = Array.from({ length: ITEMS }, (_, n) => `p${n},Product ${n},${n}`);
    writeFileSync(file, `item_id,title,price\n${rows.join('\n')}\n`);
    const importing = system.json('import', file);
    const stored = (): number => system.count('user', 'SELECT seq FROM checkpoint');
    for (const victim of ['content', 'nats-server', 'content', 'nats-server']) {
      const before = stored();
      await until(() => stored() > before + ITEMS / 20);
      system.kill(victim);
    }
    const catalogue = { new: ITEMS, changed: 0, unchanged: 0, restored: 0, withdrawn: 0 };
    expect(await importing).toMatchObject({ read: ITEMS, rejected: 0, catalogue });
    expect(await system.json('import', file)).toMatchObject({ published: 0, duplicates: ITEMS });
    expect(system.count('content', 'SELECT count(*) FROM item')).toBe(ITEMS);
    const nc = await system.connect();
    expect((await (await nc.jetstreamManager()).streams.info('EVENTS')).state.messages).toBe(ITEMS);
    await nc.close();
  } finally {
    await system.stop();
  }
});
