/** Parquet files that pyarrow 18.1.0 wrote (test/import/parquet), by each of its usual compressions. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../test/support/tempdir.ts';
import type { CloudEvent } from '../bus/event/types.ts';
import { ImportFormatError } from '../errors.ts';
import { openImport } from './mod.ts';
import type { ImportOptions } from './types.ts';

const FILES = fileURLToPath(new URL('../../test/import/parquet', import.meta.url));
const NOW = Date.UTC(2026, 10, 30);

async function eventsOf(path: string, options: ImportOptions = {}): Promise<CloudEvent[]> {
  const plan = await openImport([path], { now: NOW, ...options });
  const events: CloudEvent[] = [];
  for await (const row of plan.events()) {
    if (row.kind === 'rejected') throw new Error(row.message);
    if (row.kind === 'event') events.push(row.event);
  }
  return events;
}

describe('a Parquet file', () => {
  it.each(['log-zstd-two-groups', 'log-gzip', 'log-brotli', 'log-lz4', 'log-none'])(
    'is a history (%s)',
    async (name) => {
      const events = await eventsOf(join(FILES, `${name}.parquet`));
      expect(events.map(({ type, subject, time, data }) => [type, subject, time, data])).toEqual([
        ['user.viewed.v1', '7', '2026-03-01T10:00:00.000Z', { item: 'p1' }],
        ['user.purchased.v1', '8', '2026-03-01T11:00:00.000Z', { item: 'p2', value: 12.5 }],
        ['user.viewed.v1', '9', '2026-03-01T12:00:00.000Z', { item: 'p1' }],
      ]);
    },
  );

  it('is a catalogue, with lists, flags, dates and members of structures', async () => {
    const [boots, laces] = await eventsOf(join(FILES, 'items.parquet'));
    expect(boots?.data).toEqual({
      title: 'Boots',
      tags: ['shoes', 'rain'],
      published: '2025-05-01T00:00:00.000Z',
      attributes: { price: 59.9, in_stock: 'true', 'maker.city': 'Oslo', 'maker.name': 'Acme' },
    });
    expect(laces?.data).toMatchObject({ title: 'Laces', attributes: { price: 5 } });
  });

  it('takes a map of columns', async () => {
    const map = { item: 'item_id', title: 'maker.name', attributes: ['price'] };
    const [boots] = await eventsOf(join(FILES, 'items.parquet'), { map });
    expect(boots?.data).toEqual({ title: 'Acme', attributes: { price: 59.9 } });
  });

  it('gives the ids that the same rows have in a file of another compression', async () => {
    const [one, other] = await Promise.all(
      ['log-gzip', 'log-zstd-two-groups'].map((name) => eventsOf(join(FILES, `${name}.parquet`))),
    );
    expect(one?.map(({ id }) => id)).toEqual(other?.map(({ id }) => id));
  });

  it('is recognised by its bytes, and its rows are counted', async () => {
    const path = join(tempDir('parquet'), 'part-00000.snappy');
    copyFileSync(join(FILES, 'items.parquet'), path);
    const plan = await openImport([path], { now: NOW });
    expect(plan).toMatchObject({ format: 'parquet', rows: 2, files: [{ role: 'items' }] });
    expect((await plan.preview()).get(path)?.[0]).toContain('item p1 "Boots"');
  });

  it('that is cut off is refused by its name', async () => {
    const path = join(tempDir('parquet'), 'cut.parquet');
    writeFileSync(path, readFileSync(join(FILES, 'items.parquet')).subarray(0, 500));
    const refusal = await openImport([path], { now: NOW }).catch((err: unknown) => err);
    expect(refusal).toBeInstanceOf(ImportFormatError);
    expect(String(refusal)).toContain(`Freshet cannot read the Parquet file ${path}`);
  });
});
