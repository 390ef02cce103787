/** `freshet verify` names the changed value of a model or snapshot. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { clicked, dismissed, linked, published, registered, served, viewed } from '../../../test/support/events.ts';
import { useServices } from '../../../test/support/services.ts';
import { tempDir } from '../../../test/support/tempdir.ts';
import { until } from '../../../test/support/wait.ts';
import { itemId, userId } from '../../bus/event/ids.ts';
import type { Verdict } from '../../bus/projection/verify.ts';
import { emptyModel } from '../fold/model-fold.ts';
import {
  type Cell,
  CONTENTS,
  contentsOf,
  createModel,
  type Model,
  type ModelTable,
  Statistics,
  touching,
} from '../model/mod.ts';
import type { Manifest } from '../snapshots/manifest.ts';
import { contentsEndpoint, firstDifferenceOfContents, type WrittenContents } from './contents.ts';

/** A model in which every table has rows but that of recorded inputs. */
function example(): Model {
  const model = createModel();
  const [items, users] = [Array.from({ length: 12 }, (_, i) => `i${i}`), Array.from({ length: 8 }, (_, i) => `u${i}`)];
  for (const item of items) model.publishItem(itemId(item), { title: `Title of ${item}`, tags: ['a'] }, 1_000);
  model.withdrawItem(itemId('i11'));
  let seq = 100;
  for (let round = 0; round < 6; round++)
    for (const [at, user] of users.entries()) {
      const item = itemId(items[(at + round * (1 + (at % 2))) % 11] as string);
      model.interact({
        user: userId(user),
        item,
        weight: 16,
        negative: round === 5 ? 16 : 0,
        time: 1e12 + seq,
        seq: ++seq,
      });
    }
  model.interact({ user: userId('s1'), item: itemId('i3'), weight: 16, time: 1e12 + seq, seq: ++seq });
  model.link(userId('u1'), userId('s1'), ++seq);
  model.setTraits(userId('u2'), { age: 41 });
  model.serve({ user: userId('u3'), list: 'l1', items: [itemId('i8'), itemId('i9')], time: 1e12, seq: ++seq });
  model.dismiss({ user: userId('u4'), item: itemId('i10'), list: undefined, seq: ++seq });
  return model;
}

describe('a model’s contents', () => {
  let file: string;
  beforeEach(() => {
    file = join(tempDir('contents'), 'engine.sqlite');
  });
  const write = (model: Model, table: string): WrittenContents =>
    contentsEndpoint(file, model, () => 7).handle({ table }) as WrittenContents;
  const pathOf = ({ file: name }: WrittenContents): string => join(file, '..', name);
  const rowsIn = (path: string): Cell[][] =>
    readFileSync(path, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Cell[]);
  const other = (value: Cell): Cell => (typeof value === 'number' ? value + 1 : `${value ?? ''}x`);

  it('are the same for a model that was read from a snapshot', async () => {
    const read = createModel();
    read.importState(example().exportState());
    for (const table of CONTENTS) {
      const written = write(example(), table);
      expect(written).toMatchObject({ table, seq: 7 });
      if (table !== 'input') expect(written.rows, table).toBeGreaterThan(0);
      expect(await firstDifferenceOfContents(pathOf(written), contentsOf(read, table)), table).toBeUndefined();
    }
  });

  it('with any changed value are reported by table, key and column', async () => {
    const model = example();
    for (const table of CONTENTS) {
      const { key, columns } = contentsOf(model, table);
      const path = pathOf(write(model, table));
      const rows = rowsIn(path);
      for (const at of new Set([0, rows.length >> 1, rows.length - 1]))
        for (const [column, name] of columns.entries()) {
          const row = rows[at];
          if (!row) continue;
          const place = key.length + column;
          const changed = rows.map((one, i) => (i === at ? one.with(place, other(one[place] as Cell)) : one));
          writeFileSync(path, changed.map((one) => JSON.stringify(one)).join('\n'));
          expect(await firstDifferenceOfContents(path, contentsOf(model, table))).toEqual({
            table: `model.${table}`,
            key: Object.fromEntries(key.map((one, i) => [one, row[i]])),
            column: name,
            live: other(row[place] as Cell),
            rebuilt: row[place],
          });
        }
    }
  });

  it('with an additional or missing row are reported with the row', async () => {
    const model = example();
    for (const table of CONTENTS) {
      const path = pathOf(write(model, table));
      const rows = rowsIn(path);
      for (const at of new Set([0, rows.length >> 1, rows.length - 1])) {
        if (!rows[at]) continue;
        writeFileSync(
          path,
          rows
            .filter((_, i) => i !== at)
            .map((one) => JSON.stringify(one))
            .join('\n'),
        );
        expect(await firstDifferenceOfContents(path, contentsOf(model, table))).toMatchObject({
          column: null,
          live: null,
          rebuilt: expect.objectContaining({}),
        });
        const { key, columns } = contentsOf(model, table);
        const fewer = { table, key, columns, rows: rows.filter((_, i) => i !== at) };
        writeFileSync(path, rows.map((one) => JSON.stringify(one)).join('\n'));
        expect(await firstDifferenceOfContents(path, fewer)).toMatchObject({ column: null, rebuilt: null });
      }
    }
  });

  it('with a wrong count are reported with the events of the count', () => {
    const model = createModel();
    const seen: [string, string][] = [
      ['u1', 'a'],
      ['u2', 'c'],
      ['u1', 'b'],
      ['u2', 'a'],
      ['u1', 'c'],
      ['u2', 'b'],
    ];
    for (const [at, [user, item]] of seen.entries())
      model.interact({ user: userId(user), item: itemId(item), weight: 16, time: at, seq: at + 1 });
    const of = (table: ModelTable, key: Record<string, Cell>) => touching(model, table, key, 86_400_000);
    expect(of('item_count', { item: 'a' })).toEqual({ seqs: [1, 4], learned: false });
    expect(of('item_time', { item: 'c', bucket: 0 })).toEqual({ seqs: [2, 5], learned: false });
    expect(of('pair', { item: 'a', other: 'b' })).toEqual({ seqs: [3, 6], learned: false });
    expect(of('event', { user: 'u1', seq: 3 })).toEqual({ seqs: [3], learned: false });
    expect(of('ranker', { part: 'weights', at: 0 })).toEqual({ seqs: [], learned: true });
  });
});

describe('a running engine', () => {
  const settings = {
    engine: { snapshot_interval_ms: 3_600_000, snapshot_events: 1_000_000, training_content: false },
  };
  const services = useServices('contents', { settings });
  const { start, publish, caughtUp } = services;
  afterEach(() => vi.restoreAllMocks());

  const history = () => [
    ...['a', 'b', 'c', 'd'].map((item) => published(item)),
    registered('u1', { age: 41 }),
    ...['u1', 'u2', 'u3'].flatMap((user) => ['a', 'b', 'c'].map((item) => viewed(user, item))),
    viewed('s1', 'd'),
    linked('u1', 's1'),
    served('u2', 'l1', ['d']),
    clicked('u2', 'd', { list: 'l1' }),
    dismissed('u3', 'd'),
  ];
  async function verify(replica = 1): Promise<Verdict> {
    const { stdout, stderr } = await services
      .runFreshet('verify', 'engine', '--replica', `${replica}`, '--json')
      .catch((err: { stdout: string; stderr: string }) => err);
    if (stdout === '') throw new Error(stderr);
    const [verdict] = (JSON.parse(stdout) as { services: Verdict[] }).services;
    if (!verdict) throw new Error(stdout);
    expect(readdirSync(services.data).filter((name) => name.includes('.contents-'))).toEqual([]);
    return verdict;
  }

  /** Folds one more event and adds one of its counts twice; returns its sequence. */
  async function countWrongly(): Promise<number> {
    const count = Statistics.prototype.count;
    let numbers: [number, number] | undefined;
    vi.spyOn(Statistics.prototype, 'count').mockImplementation(function (this: Statistics, ...args) {
      count.apply(this, args);
      const [items, , end] = args;
      if (numbers) return;
      numbers = [items.view[end] as number, items.view[end - 1] as number];
      this.pairs.add(...numbers, 0, 0, 1);
    });
    const last = await publish(viewed('u2', 'd'));
    await caughtUp(last);
    vi.restoreAllMocks();
    return last;
  }

  it('with a wrong count in its model is reported with both values and the events of the count', async () => {
    await start('engine');
    await caughtUp(await publish(...history()));
    const sound = await verify();
    expect(sound.live).toBe(sound.rebuilt);

    const last = await countWrongly();
    const { live, rebuilt, first_difference: found } = await verify();
    expect(live).not.toBe(rebuilt);
    expect(found).toMatchObject({ table: 'model.pair', key: { item: 'd', other: 'c' }, column: 'together' });
    expect(found?.live).toBe((found?.rebuilt as number) + 1);
    expect(found?.events.at(-1)).toMatchObject({ seq: last, subject: 'ev.user.u2.viewed' });
  });

  it('is not compared under other settings', async () => {
    await start('engine');
    await caughtUp(await publish(...history()));
    const others = { ...settings, engine: { ...settings.engine, ranker_rate: 0.001 } };
    writeFileSync(services.settingsFile, JSON.stringify(others));
    await expect(verify()).rejects.toThrow(/FRESHET_FOLD_VERSION_DIFFERS: The engine service runs with configuration/);
  });

  it('is compared by its own model, not by that of another instance', async () => {
    await start('engine');
    await caughtUp(await publish(...history()));
    await countWrongly();
    await start('engine', { replica: 2 });
    await until(
      async () => {
        for await (const { metadata, endpoints } of await services.nc.services.client().info('freshet-engine'))
          if (metadata?.instance === 'engine-2')
            return endpoints.some(({ subject }) => subject === 'freshet.engine.contents');
        return false;
      },
      { within: 60_000, what: 'the replica that takes its turn' },
    );
    // A request to any instance in turn would reach the wrong one in one of these cases.
    for (let round = 0; round < 3; round++) {
      expect((await verify(1)).first_difference).toMatchObject({ table: 'model.pair', column: 'together' });
      const sound = await verify(2);
      expect(sound.live).toBe(sound.rebuilt);
    }
  });

  it('with an event added to its snapshot by hand is reported', async () => {
    await start('engine');
    const last = await publish(...history());
    await caughtUp(last);
    await services.stop('engine');

    const kv = await services.nc.jetstream().views.kv('engine', { bindOnly: true });
    const store = await services.nc.jetstream().views.os('snapshots');
    const manifest = (await services.kvValue<Manifest>('engine', 'current')) as Manifest;
    const model = emptyModel(services.config());
    model.importState((await store.getBlob(manifest.object)) as Uint8Array);
    model.interact({ user: userId('u3'), item: itemId('b'), weight: 16, time: 0, seq: last });
    const state = model.exportState();
    const forged = { ...manifest, sha256: createHash('sha256').update(state).digest('hex'), bytes: state.length };
    await store.putBlob({ name: manifest.object, description: JSON.stringify(forged) }, state);
    await kv.put('current', JSON.stringify(forged));

    await start('engine');
    await caughtUp(last);
    expect((await verify()).first_difference).toMatchObject({
      table: 'model.event',
      key: { user: 'u3', seq: last },
      column: null,
      live: { user: 'u3', seq: last, item: 'b', weight: 16 },
      rebuilt: null,
      events: [{ seq: last, subject: 'ev.feedback.u3.dismissed' }],
    });
  });
});
