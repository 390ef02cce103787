import type { NatsConnection } from 'nats';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clicked, published, viewed } from '../../test/support/events.ts';
import { startNatsServer, type TestNatsServer } from '../../test/support/nats.ts';
import { until } from '../../test/support/wait.ts';
import { connect } from '../bus/nats/connection.ts';
import { call } from '../bus/nats/micro.ts';
import { armOf } from '../experiment/arms.ts';
import type { SummaryAnswer } from '../feedback/api.ts';
import { publish, request, type Stack, startStack } from './stack.fixture.ts';

const ITEMS = 30;
const arms = [
  { arm: 'as-is', share: 0.5 },
  { arm: 'odd', share: 0.5, settings: { filter: { tags: 'odd' } } },
];
const EXPERIMENT = { experiment: 'parity', arms };

let nats: TestNatsServer;
let stack: Stack;
let nc: NatsConnection;
let seq: number;

interface Ranking {
  list: string;
  arm: string;
  served?: number | null;
  items: { item: string }[];
}

beforeAll(async () => {
  nats = await startNatsServer();
  stack = await startStack({ natsUrl: nats.url });
  await stack.start('user', 'content', 'feedback', 'engine');
  await until(async () => (await stack.gateway.ready()).ready);
  nc = await connect({ url: nats.url, name: 'test' });
  const { body } = await publish(
    stack.url,
    ...Array.from({ length: ITEMS }, (_, i) => published(`i${i}`, { tags: [i % 2 === 0 ? 'even' : 'odd'] })),
    ...Array.from({ length: 10 }, (_, i) => viewed(`u${i}`, `i${i}`)),
  );
  seq = body.seq as number;
});
afterAll(async () => {
  await nc?.close();
  await stack?.stop();
  await nats?.stop();
});

const list = async (user: string, more = ''): Promise<Ranking> =>
  (await request<Ranking>(stack.url, `/v1/users/${user}/recommendations?min_seq=${seq}&timeout_ms=20000${more}`)).body;
const wholeArms = arms.map(({ arm, share }) => ({ arm, share, config: '' }));
const userIn = (arm: string): string => {
  const found = Array.from({ length: 100 }, (_, i) => `u${i}`).find(
    (user) => armOf(user, { experiment: 'parity', arms: wholeArms })?.arm === arm,
  );
  if (!found) throw new Error('a hundred users are in both arms');
  return found;
};
const even = ({ items }: Ranking): number => items.filter(({ item }) => Number(item.slice(1)) % 2 === 0).length;

test('an experiment changes the lists of an arm, appears in answers and served lists, and has results', async () => {
  const odd = userIn('odd');
  const asIs = userIn('as-is');
  expect((await list(odd)).arm).toBe('main');
  expect(await call(nc, 'freshet.engine.start_experiment', EXPERIMENT)).toMatchObject({
    experiment: 'parity',
    state: 'running',
    arms: [
      { arm: 'as-is', settings: {} },
      { arm: 'odd', settings: { filter: { tags: 'odd' } } },
    ],
  });
  const changed = await list(odd, '&served=true');
  expect(changed).toMatchObject({ arm: 'parity/odd', served: expect.any(Number) });
  expect(even(changed)).toBe(0);
  const same = await list(asIs);
  expect(same.arm).toBe('parity/as-is');
  expect(even(same)).toBeGreaterThan(0);

  // A reader of the stream stays in the arm, whose lists are not the published ones.
  const abort = new AbortController();
  const watched = await fetch(`${stack.url}/v1/users/${odd}/recommendations/stream`, { signal: abort.signal });
  const lists: Ranking[] = [];
  let text = '';
  const reading = (async () => {
    for await (const chunk of watched.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString('utf8');
      const read = [...text.matchAll(/data: (.*)\n\n/g)].map(([, data]) => JSON.parse(data as string) as Ranking);
      lists.splice(0, lists.length, ...read);
    }
  })().catch(() => {});
  await until(() => lists.length === 1);
  await publish(stack.url, viewed(odd, lists[0]?.items[0]?.item as string));
  await until(() => lists.length > 1);
  abort.abort();
  await reading;
  for (const one of lists) {
    expect(one.arm).toBe('parity/odd');
    expect(even(one)).toBe(0);
  }

  const { body } = await publish(stack.url, clicked(odd, changed.items[0]?.item as string, { list: changed.list }));
  const summary = await call<SummaryAnswer>(nc, 'freshet.feedback.summary', { min_seq: body.seq, timeout_ms: 20_000 });
  expect(summary.experiments).toMatchObject([
    {
      experiment: 'parity',
      state: 'running',
      arms: [
        { arm: 'as-is', users: 0, ctr: null, beside_first: null },
        { arm: 'odd', users: 1, impressions: changed.items.length, clicks: 1, beside_first: null },
      ],
    },
  ]);

  expect(
    await call(nc, 'freshet.engine.end_experiment', { experiment: 'parity', reason: 'seen enough' }),
  ).toMatchObject({ state: 'ended', reason: 'seen enough' });
  expect((await list(odd)).arm).toBe('main');
});

test('of two callers who start an experiment of one name at once, one learns that the other was first', async () => {
  const start = (share: number) =>
    call(nc, 'freshet.engine.start_experiment', {
      experiment: 'race',
      arms: [
        { arm: 'a', share },
        { arm: 'b', share: 0.1 },
      ],
    });
  const outcomes = await Promise.allSettled([start(0.3), start(0.6)]);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({
    reason: { code: 'FRESHET_IDENTITY_REUSED' },
  });
  const ends = await Promise.all([1, 2].map(() => call(nc, 'freshet.engine.end_experiment', { experiment: 'race' })));
  expect(ends).toMatchObject([{ state: 'ended' }, { state: 'ended' }]);
});

test.each([
  ['one arm', { experiment: 'x', arms: [{ arm: 'a', share: 1 }] }],
  [
    'shares above 1 together',
    {
      experiment: 'x',
      arms: [
        { arm: 'a', share: 0.7 },
        { arm: 'b', share: 0.7 },
      ],
    },
  ],
  [
    'a name twice',
    {
      experiment: 'x',
      arms: [
        { arm: 'a', share: 0.5 },
        { arm: 'a', share: 0.5 },
      ],
    },
  ],
  ['a name with a slash', { experiment: 'x/y', arms }],
  [
    'unknown settings of a list',
    {
      experiment: 'x',
      arms: [
        { arm: 'a', share: 0.5 },
        { arm: 'b', share: 0.5, settings: { user: 'u' } },
      ],
    },
  ],
  [
    'settings that are wrong',
    {
      experiment: 'x',
      arms: [
        { arm: 'a', share: 0.5 },
        { arm: 'b', share: 0.5, settings: { exploration: 2 } },
      ],
    },
  ],
  ['a name that was used', EXPERIMENT],
])('an experiment is refused for %s', async (_what, asked) => {
  await expect(call(nc, 'freshet.engine.start_experiment', asked)).rejects.toMatchObject({
    code: 'FRESHET_BAD_REQUEST',
  });
});

test('one experiment runs at a time, and ending an unknown one is an error', async () => {
  await call(nc, 'freshet.engine.start_experiment', { experiment: 'next', arms });
  await expect(call(nc, 'freshet.engine.start_experiment', { experiment: 'another', arms })).rejects.toMatchObject({
    code: 'FRESHET_BAD_REQUEST',
  });
  await expect(call(nc, 'freshet.engine.end_experiment', { experiment: 'nobody' })).rejects.toMatchObject({
    code: 'FRESHET_NOT_FOUND',
  });
});
