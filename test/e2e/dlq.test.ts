/** Dead letters from the command line: found, looked at, published again, taken off the list. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSystem, type TestSystem } from '../support/system.ts';
import { until } from '../support/wait.ts';

interface Listed {
  service: string;
  seq: number;
  code: string;
  subject: string;
}

let system: TestSystem;
let nc: NatsConnection;

beforeAll(async () => {
  system = await startSystem({ args: ['--no-demo'] });
  nc = await system.connect();
});
afterAll(async () => {
  await nc?.close();
  expect(await system?.stop()).toBe(0);
});

const event = (more: object): string =>
  JSON.stringify({
    specversion: '1.0',
    id: 'e1',
    source: 'shop',
    type: 'user.viewed.v1',
    subject: 'u1',
    data: {},
    ...more,
  });
const list = (...args: string[]): Promise<Listed[]> => system.json<Listed[]>('dlq', 'list', ...args);
const copies = async (): Promise<number> =>
  (await (await nc.jetstreamManager()).streams.info('DEAD_LETTERS')).state.messages;

describe('dead letters', () => {
  it('are listed by service, shown with their payload, corrected and discarded', async () => {
    const js = nc.jetstream();
    await js.publish('ev.user.u1.viewed', event({}));
    await js.publish('ev.user.u1.viewed', 'no JSON');
    await until(async () => (await copies()) === 8);
    const wrong = await list();
    expect(wrong.map(({ service, seq }) => `${service} ${seq}`)).toEqual(
      ['user', 'content', 'feedback', 'engine'].flatMap((service) => [`${service} 1`, `${service} 2`]),
    );
    expect(await list('user', '--code', 'FRESHET_EVENT_MALFORMED')).toMatchObject([{ seq: 2 }]);

    const shown = await system.json<{ payload: string; code: string }>('dlq', 'show', 'user', '1');
    expect(JSON.parse(Buffer.from(shown.payload, 'base64').toString())).toMatchObject({ id: 'e1' });
    expect((await system.cli('dlq', 'show', 'user', '2')).stdout).toContain('no JSON');
    expect(await system.cli('dlq', 'show', 'user', '7')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('FRESHET_NOT_FOUND'),
    });

    expect(await system.cli('dlq', 'retry', 'user', '1')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('FRESHET_DEAD_LETTER_UNREADABLE'),
    });
    const file = join(system.data, 'corrected.json');
    writeFileSync(file, event({ data: { item: 7 } }));
    expect(await system.cli('dlq', 'retry', 'user', '1', '--with', file)).toMatchObject({ code: 1 });
    writeFileSync(file, event({ data: { item: 'i7' } }));
    expect(await system.json('dlq', 'retry', 'user', '1', '--with', file)).toMatchObject({
      done: 'corrected',
      published: 3,
    });
    expect(await system.cli('dlq', 'retry', 'user', '1')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('is in the log already, at sequence 3'),
    });
    const { events } = await system.json<{ events: { id: string; seq: number }[] }>('history', 'u1');
    expect(events).toMatchObject([{ id: 'e1.corrected', seq: 3 }]);

    expect(await system.json('dlq', 'discard', 'user', '2')).toMatchObject({ done: 'discarded' });
    expect(await list('user')).toEqual([]);
    expect(await list('user', '--all')).toHaveLength(2);
    expect(await list('engine')).toHaveLength(2);
    expect(await copies()).toBe(6);

    // A rebuild sets the same ones aside; what was done about them stays done, and no copy comes twice.
    expect(await system.json('replay', 'user')).toMatchObject({ in_force: 'live' });
    expect(await list('user')).toEqual([]);
    expect(await list('user', '--all')).toHaveLength(2);
    expect(await copies()).toBe(6);
    expect((await system.cli('verify', 'user')).code).toBe(0);
  });
});
