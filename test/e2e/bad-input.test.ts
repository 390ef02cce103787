/**
 * What a running system makes of questions that it should not be asked, at both doors: the right status and a problem
 * document over HTTP, the same code over NATS, and processes that live on.
 */
import { connect as connectTcp } from 'node:net';
import fc from 'fast-check';
import type { NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Problem } from '../../src/bus/nats/problem.ts';
import { post } from '../../src/gateway/stack.fixture.ts';
import { published, viewed } from '../support/events.ts';
import { startSystem, type TestSystem } from '../support/system.ts';
import { until } from '../support/wait.ts';

const ITEMS = 60;
const TAGS = ['sea', 'war', 'love', 'war and peace'];
const AUTHORS = ['a', 'b', 'c'];

interface Item {
  id: string;
  tags: string[];
  attributes: { author: string; year: number };
  published: string;
}

const catalogue: readonly Item[] = Array.from({ length: ITEMS }, (_, i) => ({
  id: `i${i}`,
  tags: TAGS.filter((_tag, bit) => (i >> bit) & 1),
  attributes: { author: AUTHORS[i % AUTHORS.length] as string, year: 1900 + i },
  published: new Date(Date.UTC(2025, 0, 1 + i)).toISOString(),
}));

let system: TestSystem;
let nc: NatsConnection;
let processes: object[];

interface Status {
  services: { service: string; pid: number; restarts: number }[];
}
const alive = async (): Promise<object[]> =>
  (await system.json<Status>('status')).services.map(({ service, pid, restarts }) => ({ service, pid, restarts }));

beforeAll(async () => {
  system = await startSystem({ args: ['--no-demo'] });
  nc = await system.connect();
  const { body } = await post(
    system.http,
    JSON.stringify([
      ...catalogue.map(({ id, ...fields }) => published(id, fields)),
      ...Array.from({ length: 200 }, (_, i) => viewed(`u${i % 20}`, `i${(i * 7) % ITEMS}`)),
    ]),
    'application/cloudevents-batch+json',
  );
  await until(
    async () =>
      (await fetch(`${system.http}/v1/users/u1/recommendations?min_seq=${body.seq}&timeout_ms=20000`)).status === 200,
  );
  processes = await alive();
});
afterAll(async () => {
  await nc?.close();
  await system?.stop();
});

interface Said {
  status: number;
  media: string | null;
  body: Partial<Problem> & Record<string, unknown>;
}

async function ask(path: string, init: RequestInit = {}): Promise<Said> {
  const response = await fetch(system.http + path, init);
  return {
    status: response.status,
    media: response.headers.get('content-type'),
    body: (await response.json()) as Said['body'],
  };
}
const askWith = (body: unknown): Promise<Said> =>
  ask('/v1/recommendations', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

/** Over NATS; `status` is that of the answer's headers, 200 without. */
async function req(subject: string, payload: unknown): Promise<Said> {
  const text = payload instanceof Uint8Array || typeof payload === 'string' ? payload : JSON.stringify(payload);
  const answer = await nc.request(subject, text, { timeout: 60_000 });
  const code = answer.headers?.get('Nats-Service-Error-Code');
  return { status: code ? Number(code) : 200, media: null, body: answer.json() };
}

function isProblem({ status, media, body }: Said, expected: number, code: string): void {
  expect({ status, code: body.code }).toEqual({ status: expected, code });
  if (media !== null) expect(media).toContain('application/problem+json');
  expect(body).toMatchObject({ status: expected, title: expect.any(String), detail: expect.any(String) });
}

describe('an unknown user or item', () => {
  it('does not make a list of a user an error, and has no similar items', async () => {
    for (const said of [
      await ask('/v1/users/nobody/recommendations?n=5'),
      await req('freshet.engine.recommend', { user: 'nobody', n: 5 }),
    ]) {
      expect(said).toMatchObject({ status: 200, body: { user: 'nobody', source: 'popular' } });
      expect(said.body.items).toHaveLength(5);
    }
    for (const said of [
      await ask('/v1/items/nothing/similar?n=5'),
      await req('freshet.engine.similar', { item: 'nothing', n: 5 }),
    ])
      isProblem(said, 404, 'FRESHET_NOT_FOUND');
    const unknown = { history: ['nothing', 'nowhere'], candidates: ['never'], n: 5 };
    expect(await askWith(unknown)).toMatchObject({ status: 200, body: { items: [] } });
    expect(await req('freshet.engine.recommend', unknown)).toMatchObject({ status: 200, body: { items: [] } });
  });

  it('has no profile, history, export or page in the catalogue', async () => {
    for (const path of ['/v1/users/nobody', '/v1/users/nobody/history', '/v1/users/nobody/export', '/v1/items/nothing'])
      isProblem(await ask(path), 404, 'FRESHET_NOT_FOUND');
    isProblem(await req('freshet.user.get', { user: 'nobody' }), 404, 'FRESHET_NOT_FOUND');
    isProblem(await req('freshet.user.history', { user: 'nobody' }), 404, 'FRESHET_NOT_FOUND');
    isProblem(await req('freshet.content.get', { item: 'nothing' }), 404, 'FRESHET_NOT_FOUND');
  });
});

describe('a number of items', () => {
  it.each([0, -1, 1e9, 1_001, 1.5, '', 'ten', '0x10', '1e2', null, [], {}, true])(
    '%j is 400, and the error names it',
    async (n) => {
      const text = encodeURIComponent(typeof n === 'object' ? JSON.stringify(n) : String(n));
      for (const path of [
        '/v1/users/u1/recommendations',
        '/v1/trending',
        '/v1/items/i1/similar',
        '/v1/users/u1/shelves',
      ]) {
        const said = await ask(`${path}?n=${text}`);
        isProblem(said, 400, 'FRESHET_BAD_REQUEST');
        expect(said.body).toMatchObject({ member: 'n' });
      }
      // Nothing said is what is usual.
      if (n === null) return;
      isProblem(await askWith({ user: 'u1', n }), 400, 'FRESHET_BAD_REQUEST');
      for (const [endpoint, of] of [
        ['recommend', { user: 'u1' }],
        ['similar', { item: 'i1' }],
        ['trending', {}],
        ['shelves', { user: 'u1' }],
      ] as const)
        isProblem(await req(`freshet.engine.${endpoint}`, { ...of, n }), 400, 'FRESHET_BAD_REQUEST');
    },
  );
});

const nested = (levels: number, operator = '$and'): string =>
  `${`{"${operator}":[`.repeat(levels)}{"tags":"sea"}${']}'.repeat(levels)}`;

/** Characters of an address that a head surely holds; a longer filter goes into a body. */
const HEAD = 8_000;

describe('a filter', () => {
  it.each<[string, string]>([
    ['too long', JSON.stringify({ title: { $in: Array.from({ length: 900 }, (_, i) => `title ${i}`) } })],
    ['too deep', nested(7)],
    ['so deep that reading it would end a careless program', nested(2_000)],
    ['with too many conditions', JSON.stringify({ $or: Array.from({ length: 80 }, () => ({ tags: 'a' })) })],
    ['with too many conditions in conditions', nested(5).replace('"sea"', '{"$nin":[]}').replace('$and', '$xor')],
    ['a text', '"tags:sea"'],
    ['a number', '7'],
    ['a list', '[{"tags":"sea"}]'],
    ['that compares a time with a number', '{"published":{"$gte":5}}'],
    ['that compares a time with another text', '{"published":{"$gte":"yesterday"}}'],
    ['that orders by an object', '{"attributes.year":{"$gt":{"$gt":1}}}'],
    ['a regular expression', '{"title":{"$regex":"(a+)+$"}}'],
    ['code', '{"$where":"while(true){}"}'],
    ['code in a field', '{"title":{"$function":{"body":"process.exit()"}}}'],
    ['the prototype', '{"__proto__":{"tags":"sea"}}'],
    ['an unknown field', '{"constructor.name":"Object"}'],
    ['an empty combination', '{"$or":[]}'],
    ['an operator that there is not', '{"tags":{"$near":1}}'],
  ])('%s is 400 over HTTP and NATS', async (_what, filter) => {
    const address = `/v1/users/u1/recommendations?filter=${encodeURIComponent(filter)}`;
    if (address.length < HEAD) isProblem(await ask(address), 400, 'FRESHET_BAD_REQUEST');
    isProblem(await askWith(`{"user":"u1","filter":${filter}}`), 400, 'FRESHET_BAD_REQUEST');
    isProblem(await req('freshet.engine.recommend', `{"user":"u1","filter":${filter}}`), 400, 'FRESHET_BAD_REQUEST');
    isProblem(await req('freshet.engine.trending', `{"filter":${filter}}`), 400, 'FRESHET_BAD_REQUEST');
  });

  it('that is not JSON, or too large for a head, is an error that says so', async () => {
    isProblem(await ask('/v1/users/u1/recommendations?filter=%7B%22tags'), 400, 'FRESHET_BAD_REQUEST');
    const long = await fetch(`${system.http}/v1/trending?filter=${'x'.repeat(40_000)}`);
    expect(long.status).toBe(431);
    expect(long.headers.get('content-type')).toContain('application/problem+json');
  });
});

describe('a message over NATS', () => {
  it.each<[string, string | Uint8Array]>([
    ['nothing', ''],
    ['no JSON', '{"user":'],
    ['a list', '[]'],
    ['a text', '"u1"'],
    ['null', 'null'],
    ['bytes', new Uint8Array([0xff, 0xfe, 0x00])],
    ['nesting without end', `{"user":"u1","context":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['as long as the server takes', JSON.stringify({ user: 'x'.repeat(1_000_000) })],
    ['an unknown member', JSON.stringify({ user: 'u1', surprise: 1 })],
    ['a user that is not a text', JSON.stringify({ user: 7 })],
    ['a user with unprintable characters', JSON.stringify({ user: 'a\u0000b' })],
    ['a cursor that no answer gave', JSON.stringify({ user: 'u1', cursor: 'nonsense' })],
    ['an exclude that is not a list', JSON.stringify({ user: 'u1', exclude: 'i1' })],
    [
      'more to exclude than it takes',
      JSON.stringify({ user: 'u1', exclude: Array.from({ length: 1_001 }, () => 'i') }),
    ],
    ['a negative age', JSON.stringify({ user: 'u1', max_age_ms: -1 })],
  ])('that is %s is a problem with a code', async (_what, payload) => {
    isProblem(await req('freshet.engine.recommend', payload), 400, 'FRESHET_BAD_REQUEST');
  });
});

describe('the gateway', () => {
  it('refuses a body of 50 MB', async () => {
    const body = Buffer.alloc(50_000_000, 0x20);
    for (const path of ['/v1/recommendations', '/v1/events']) {
      const said = await fetch(system.http + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      }).catch(() => undefined);
      // A client that is cut off while it writes may never read why.
      if (said) expect(said.status).toBe(413);
    }
  });

  it('goes on while a caller sends requests without end and reads no answer', async () => {
    const socket = connectTcp(Number(new URL(system.http).port), '127.0.0.1');
    socket.on('error', () => {});
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
    socket.pause();
    socket.write('GET /v1/users/u1/recommendations?n=60 HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(2_000));
    expect((await ask('/v1/users/u2/recommendations')).status).toBe(200);
    socket.destroy();
    expect((await ask('/v1/users/u2/recommendations')).status).toBe(200);
  });
});

/** What a filter of the kinds below means, said once more and plainly. */
type Query = Record<string, unknown>;
function passes(item: Item, query: Query): boolean {
  return Object.entries(query).every(([key, value]) => {
    const parts = value as Query[];
    if (key === '$and') return parts.every((one) => passes(item, one));
    if (key === '$or') return parts.some((one) => passes(item, one));
    if (key === '$nor') return !parts.some((one) => passes(item, one));
    const of =
      key === 'tags' ? item.tags : key === 'published' ? [Date.parse(item.published)] : [attributeOf(item, key)];
    const [[operator, operand]] = Object.entries(value as Query) as [[string, unknown]];
    const wanted = key === 'published' ? Date.parse(operand as string) : operand;
    if (operator === '$eq') return of.includes(wanted as never);
    if (operator === '$ne') return !of.includes(wanted as never);
    if (operator === '$in') return (wanted as unknown[]).some((one) => of.includes(one as never));
    if (operator === '$gte') return of.some((one) => one >= (wanted as typeof one));
    return of.some((one) => one < (wanted as typeof one));
  });
}
const attributeOf = ({ attributes }: Item, key: string): string | number =>
  attributes[key.slice('attributes.'.length) as keyof Item['attributes']];

const comparison: fc.Arbitrary<Query> = fc.oneof(
  fc.record({ tags: fc.record({ $eq: fc.constantFrom(...TAGS, 'none') }) }),
  fc.record({ tags: fc.record({ $ne: fc.constantFrom(...TAGS) }) }),
  fc.record({ tags: fc.record({ $in: fc.subarray(TAGS, { minLength: 1 }) }) }),
  fc.record({ 'attributes.author': fc.record({ $in: fc.subarray(AUTHORS, { minLength: 1 }) }) }),
  fc.record({ 'attributes.year': fc.record({ $gte: fc.integer({ min: 1890, max: 1970 }) }) }),
  fc.record({ 'attributes.year': fc.record({ $lt: fc.integer({ min: 1890, max: 1970 }) }) }),
  fc.record({ published: fc.record({ $gte: fc.constantFrom(...catalogue.map((item) => item.published)) }) }),
);
const expression: fc.Arbitrary<Query> = fc.letrec<{ any: Query }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    comparison,
    ...['$and', '$or', '$nor'].map((name) =>
      fc.array(tie('any'), { minLength: 1, maxLength: 3 }).map((parts): Query => ({ [name]: parts })),
    ),
  ),
})).any;

const shapes = fc.record(
  {
    diversity: fc.constantFrom({ lambda: 0.3 }, { lambda: 0.8 }),
    boosts: fc.constantFrom([{ filter: { tags: 'war' }, by: 3 }], [{ filter: { tags: 'sea' }, by: -3 }]),
    quotas: fc.constantFrom([{ per: 'attributes.author', max: 8 }]),
    new: fc.constantFrom({ share: 0.5 }),
    exploration: fc.constantFrom(0.4),
    include_seen: fc.constant(true),
  },
  { requiredKeys: [] },
);

describe('lists', () => {
  it('contain only items that match the filter, and no two pages contain the same item', async () => {
    const user = fc.constantFrom('u1', 'u7', 'u19', 'nobody');
    await fc.assert(
      fc.asyncProperty(expression, shapes, user, fc.integer({ min: 1, max: 25 }), async (filter, shape, who, n) => {
        const shown: string[] = [];
        let cursor: string | null = null;
        let pages = 0;
        do {
          const request = { user: who, n, filter, ...shape, ...(cursor === null ? {} : { cursor }) };
          const said = pages % 2 === 0 ? await askWith(request) : await req('freshet.engine.recommend', request);
          expect(said.status).toBe(200);
          const { items, next } = said.body as { items: { item: string }[]; next: string | null };
          shown.push(...items.map(({ item }) => item));
          cursor = next;
        } while (cursor !== null && ++pages < 10);
        expect(new Set(shown).size).toBe(shown.length);
        for (const id of shown) expect(passes(catalogue[Number(id.slice(1))] as Item, filter)).toBe(true);
      }),
      { numRuns: 80 },
    );
  });

  it('of a user without rules come in pages, with each item exactly once', async () => {
    const whole = await ask('/v1/users/u3/recommendations?n=1000&max_age_ms=0');
    const shown: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await ask(`/v1/users/u3/recommendations?n=7${cursor === '' ? '' : `&cursor=${cursor}`}`);
      const { items, next } = body as unknown as { items: { item: string }[]; next: string | null };
      shown.push(...items.map(({ item }) => item));
      cursor = next;
    }
    expect(shown).toEqual((whole.body.items as { item: string }[]).map(({ item }) => item));
  });
});

it('after all this the same processes still run, and none has restarted', async () => {
  expect(await alive()).toEqual(processes);
});
