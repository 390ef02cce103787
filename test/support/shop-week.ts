/** Nightly imports of a shop's catalogue and events, of which two are killed: each night the state equals the files. */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ServiceStatus } from '../../src/bus/service/description.ts';
import type { ItemListAnswer } from '../../src/content/api.ts';
import { type Night, type Products, simulateShop } from './shop.ts';
import { ENTRY, startSystem, type TestSystem } from './system.ts';
import { until } from './wait.ts';

const NIGHTS = 7;
/** The nights whose import of the catalogue is killed: the first one of all, and that with most changes. */
const SALE = 4;
const KILLED = [0, SALE];

export interface ShopWeek {
  products: number;
  events: number;
}

interface Result {
  read: number;
  published: number;
  duplicates: number;
  rejected: number;
  seconds: number;
  catalogue?: Counts;
}
type Counts = Record<'new' | 'changed' | 'unchanged' | 'restored' | 'withdrawn', number>;

/** What the sync of a night has to do, from the files of all nights up to it. */
function expectedOf(nights: readonly Night[], night: number): { counts: Counts; events: number } {
  const counts: Counts = { new: 0, changed: 0, unchanged: 0, restored: 0, withdrawn: 0 };
  const before = nights[night - 1]?.products ?? new Map();
  const known = lastOf(nights.slice(0, night));
  const { products } = nights[night] as Night;
  let events = 0;
  for (const [id, product] of products) {
    const held = known.get(id);
    const same = JSON.stringify(held) === JSON.stringify(product);
    if (!same) events++;
    if (!held) counts.new++;
    else if (!before.has(id)) counts.restored++;
    else if (same) counts.unchanged++;
    else counts.changed++;
  }
  for (const id of before.keys()) if (!products.has(id)) counts.withdrawn++;
  return { counts, events: events + counts.restored + counts.withdrawn };
}

/** The last state of each product that was ever in a file. */
const lastOf = (nights: readonly Night[]): Products => new Map(nights.flatMap(({ products }) => [...products]));

export function shopWeek({ products, events }: ShopWeek): void {
  const nights = simulateShop({ seed: 20_260_105, products, events, nights: NIGHTS, sale: SALE });
  let system: TestSystem;
  let nc: NatsConnection;
  const figures: string[] = [];

  beforeAll(async () => {
    // A killed import delays the next one by the lease.
    system = await startSystem({ args: ['--no-demo'], env: { FRESHET_IMPORT_LEASE_MS: '2000' } });
    nc = await system.connect();
  });
  afterAll(async () => {
    await nc?.close();
    await system?.stop();
    if (figures.length > 0) console.log(figures.join('\n'));
  });

  const lastSeq = async (): Promise<number> =>
    (await (await nc.jetstreamManager()).streams.info('EVENTS')).state.last_seq;

  /** Starts an import that publishes one event after the other, and kills it once the log has grown by so many. */
  async function killedImport(grown: number, ...args: string[]): Promise<number> {
    const before = await lastSeq();
    const { NATS_URL: _external, ...env } = process.env;
    let left = grown;
    // The test hears of an event as soon as the server does.
    const events = nc.subscribe('ev.content.>', {
      callback: () => {
        if (--left === 0) child.kill('SIGKILL');
      },
    });
    await nc.flush();
    const child = spawn(process.execPath, [ENTRY, 'import', ...args, '--data', system.data], {
      env: { ...env, FRESHET_PUBLISHER_WINDOW: '1', FRESHET_IMPORT_LEASE_MS: '2000' },
      stdio: 'ignore',
    });
    const ended = new Promise<string | number | null>((resolve) => {
      child.once('exit', (code, signal) => resolve(signal ?? code));
    });
    expect(await ended).toBe('SIGKILL');
    events.unsubscribe();
    // What the process had sent when it died may still arrive.
    let seen = -1;
    return until(async () => {
      const now = (await lastSeq()) - before;
      const still = now === seen;
      seen = now;
      return still && now;
    });
  }

  /** All items, by id, as the content service answers them once it has folded the log. */
  async function catalogue(): Promise<Map<string, { available: boolean; product: unknown }>> {
    const found = new Map<string, { available: boolean; product: unknown }>();
    const min_seq = await lastSeq();
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const request = { n: 1_000, min_seq, timeout_ms: 10_000, ...(cursor ? { cursor } : {}) };
      const { items, next } = await system.ask<ItemListAnswer>('content.list', request);
      for (const { item, available, title, tags, attributes } of items)
        found.set(item, { available, product: { title, tags, price: attributes?.price } });
      cursor = next;
    }
    return found;
  }

  it.each(nights.map((night, n) => [n + 1, night] as const))(
    'night %i: the catalogue equals the files',
    async (n, night) => {
      const folder = join(system.data, `night-${n}`);
      mkdirSync(folder, { recursive: true });
      const files = { products: join(folder, 'products.csv'), events: join(folder, 'orders.csv') };
      writeFileSync(files.products, night.catalogueCsv);
      writeFileSync(files.events, night.eventsCsv);
      const expected = expectedOf(nights, n - 1);
      const before = await lastSeq();
      const words = [files.products, '--withdraw-missing'];

      const killed = KILLED.includes(n - 1);
      const early = killed ? await killedImport(Math.floor(expected.events / 4), ...words) : 0;
      // It was killed in the middle, and not behind the last event.
      if (killed) expect(early).toBeLessThan(expected.events);
      const result = await system.json<Result>('import', ...words);
      expect(result).toMatchObject({ read: night.products.size, published: expected.events - early, rejected: 0 });
      if (!killed) expect(result.catalogue).toEqual(expected.counts);
      // Nothing is lost, and nothing is there twice.
      expect((await lastSeq()) - before).toBe(expected.events);

      const found = await catalogue();
      const last = lastOf(nights.slice(0, n));
      expect(found.size).toBe(last.size);
      for (const [id, product] of last)
        expect(found.get(id), id).toEqual({ available: night.products.has(id), product });

      const orders = await system.json<Result>('import', files.events);
      expect(orders).toMatchObject({ published: night.events, duplicates: 0, rejected: 0 });
      figures.push(
        `night ${n}: ${night.products.size} items in the file, ${JSON.stringify(expected.counts)}, ${expected.events} events${killed ? ` (${early} of them by the killed import)` : ''} in ${result.seconds} s; ${night.events} interactions in ${orders.seconds} s`,
      );
    },
  );

  it('a second import of the last night publishes nothing, and every service has folded all', async () => {
    const folder = join(system.data, `night-${NIGHTS}`);
    for (const words of [['products.csv', '--withdraw-missing'], ['orders.csv']]) {
      const [file, ...options] = words as [string, ...string[]];
      expect(await system.json<Result>('import', join(folder, file), ...options)).toMatchObject({ published: 0 });
    }
    const seq = await lastSeq();
    for (const service of ['user', 'content', 'feedback', 'engine'])
      await until(async () => (await system.ask<ServiceStatus>(`${service}.status`)).seq === seq, { within: 60_000 });
    expect(system.count('user', 'SELECT count(*) FROM interaction')).toBe(events);
    const { code, stdout } = await system.cli('verify', 'content', '--json');
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('"equal":true') });
  });
}
