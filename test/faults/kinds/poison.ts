import assert from 'node:assert/strict';
import Database from 'better-sqlite3';
import { SERVICES } from '../../../src/bus/projection/definition.ts';
import { viewed } from '../../support/events.ts';
import type { Fault } from '../fault.ts';
import { SOURCE } from '../harness/load.ts';

const MEGABYTE = 1_000_000;

/** Messages that any NATS client may put into the log. Every service moves each to its dead letters. */
const POISONS: readonly ((id: string) => { subject?: string; body: string | Uint8Array })[] = [
  () => ({ body: '' }),
  () => ({ body: 'no JSON' }),
  () => ({ body: '{"specversion":"1.0",' }),
  () => ({ body: 'null' }),
  () => ({ body: '[]' }),
  () => ({ body: `"${'x'.repeat(MEGABYTE)}"` }),
  (id) => ({ body: JSON.stringify({ ...viewed('user-1', 'x', { id }), data: { item: 'x'.repeat(MEGABYTE) } }) }),
  () => ({ body: '\0'.repeat(1_000) }),
  (id) => ({ body: JSON.stringify(viewed('user-1', 'a\0b', { id })) }),
  () => ({ body: '['.repeat(500_000) }),
  (id) => ({
    body: `{"specversion":"1.0","id":"${id}","source":"${SOURCE}","type":"user.viewed.v1","subject":"user-1","data":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}`,
  }),
  (id) => ({
    body: `{"specversion":"1.0","id":"${id}","source":"${SOURCE}","type":"user.viewed.v1","subject":"user-1","data":{"__proto__":{"item":"item-1"}}}`,
  }),
  (id) => ({
    body: `{"__proto__":{"specversion":"1.0"},"id":"${id}","source":"${SOURCE}","type":"user.viewed.v1","subject":"user-1","data":{"item":"item-1"}}`,
  }),
  (id) => ({ body: JSON.stringify(viewed('user-1', 'x', { id })).replace('"x"', '"\\ud800"') }),
  (id) => ({ body: Buffer.from(JSON.stringify(viewed('user-1', 'x', { id })).replace('"x"', '"\xff\xfe"'), 'latin1') }),
  (id) => ({ body: JSON.stringify(viewed('user-2', 'item-1', { id })) }),
  (id) => ({ subject: 'ev.user.user-1.purchased', body: JSON.stringify(viewed('user-1', 'item-1', { id })) }),
];

export const poison: Fault = {
  name: 'poison',
  what: `${POISONS.length} messages that are not events: broken JSON, bare JSON, 1 MB, NUL, nesting of 500,000, __proto__, lone surrogates, bytes that are not UTF-8, the subject of another user; every service moves each to its dead letters`,
  times: { short: 1, long: 4 },
  inject: async ({ system, n }) => {
    const js = system.nc.jetstream();
    const seqs: number[] = [];
    for (const [i, make] of POISONS.entries()) {
      const { subject = 'ev.user.user-1.viewed', body } = make(`poison-${n}-${i}`);
      const { seq } = await js.publish(subject, typeof body === 'string' ? Buffer.from(body) : body, {
        timeout: 20_000,
      });
      seqs.push(seq);
      system.load.other(seq);
    }
    await system.folded(seqs.at(-1) as number);
    for (const service of SERVICES) {
      const db = new Database(system.fileOf(service), { readonly: true, timeout: 5_000 });
      try {
        const aside = new Set(db.prepare('SELECT seq FROM dead_letter').pluck().all() as number[]);
        const passed = seqs.flatMap((seq, i) => (aside.has(seq) ? [] : [i]));
        assert.deepEqual(passed, [], `${service} has not moved these to its dead letters`);
      } finally {
        db.close();
      }
    }
  },
};
