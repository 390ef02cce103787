import { expect, it, onTestFinished } from 'vitest';
import { ERASURES } from '../../../streams.config.ts';
import { startNatsServer } from '../../../test/support/nats.ts';
import { findTraces, traceLines } from '../../../test/support/traces.ts';
import { erasureKey } from '../streams/erasure-key.ts';
import { type Erasure, openLedger } from './ledger.ts';

const entry = (erasure: string, more: Partial<Erasure> = {}): Erasure => ({
  erasure,
  requested: '2026-11-29T00:00:00.000Z',
  deadline: '2026-11-29T01:00:00.000Z',
  state: 'recording',
  done: null,
  acts: [],
  services: [],
  ...more,
});

async function setup() {
  const server = await startNatsServer();
  onTestFinished(server.stop);
  const nc = await server.connect();
  const key = await erasureKey(nc);
  const found = async (...texts: string[]): Promise<string[]> => traceLines(await findTraces([server.dir], texts));
  return { nc, key, found, ledger: await openLedger(nc) };
}

it('holds ids only while an erasure needs them, and no byte of them after that', async () => {
  const { nc, key, found, ledger } = await setup();
  const one = entry('e1', { pending: ['somebody'] });
  await ledger.put(one);
  expect(await ledger.get('e1')).not.toHaveProperty('pending');
  expect(await ledger.ids('e1')).toEqual(['somebody']);
  one.pending = ['a-session', 'somebody'];
  await ledger.put(one);
  await ledger.put({ ...one, state: 'purging' });
  expect(await ledger.ids('e1')).toEqual(['a-session', 'somebody']);
  const other = entry('e2', { pending: ['another'] });
  await ledger.put(other);
  delete one.pending;
  await ledger.put({ ...one, state: 'rebuilding' });
  expect(await ledger.ids('e1')).toBeUndefined();
  expect(await found('somebody')).not.toEqual([]);
  await ledger.clean();
  expect(await found('somebody', 'a-session')).toEqual([]);
  expect(await ledger.ids('e2')).toEqual(['another']);
  expect((await ledger.list()).map(({ erasure, state }) => [erasure, state])).toEqual([
    ['e1', 'rebuilding'],
    ['e2', 'recording'],
  ]);
  expect(Buffer.from(await erasureKey(nc))).toEqual(Buffer.from(key));
});

it('moves the ids that an older release wrote into an entry, and removes what it left', async () => {
  const { nc, found, ledger } = await setup();
  const kv = await nc.jetstream().views.kv(ERASURES.name, { bindOnly: true });
  await kv.put('act.old', JSON.stringify(entry('old', { pending: ['somebody-before'] })));
  await kv.put('act.old', JSON.stringify(entry('old', { state: 'done' })));
  await kv.put('act.open', JSON.stringify(entry('open', { pending: ['somebody-now'] })));
  await kv.put('ids.gone.1', JSON.stringify(['somebody-of-a-crash']));
  await ledger.tidy();
  expect(await found('somebody-before', 'somebody-of-a-crash')).toEqual([]);
  expect(await ledger.ids('open')).toEqual(['somebody-now']);
  expect(await ledger.get('open')).not.toHaveProperty('pending');
  await ledger.tidy();
  expect((await ledger.list()).map(({ erasure }) => erasure).sort()).toEqual(['old', 'open']);
});
