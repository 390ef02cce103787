import { expect, test } from 'vitest';
import { createRequestSchemas } from './schemas/requests.ts';
import { testConfig } from './stack.fixture.ts';
import { compileValidator } from './validation.ts';

const schemas = createRequestSchemas(testConfig());
type Checked = { value?: unknown; error?: { code: string; message: string; details: Record<string, unknown> } };
const checker = (name: keyof typeof schemas, httpPart: string) => {
  const check = compileValidator({ schema: schemas[name], method: 'GET', url: '/', httpPart });
  return (given: unknown) => check(given) as Checked;
};
const query = checker('recommend', 'querystring');
const body = checker('recommendBody', 'body');

test('texts of a query become numbers, flags and lists', () => {
  expect(
    query({ n: '5', explain: 'true', include_seen: '0', exclude: 'a', min_seq: '12', cursor: '12' }).value,
  ).toEqual({
    n: 5,
    explain: true,
    include_seen: false,
    exclude: ['a'],
    min_seq: 12,
    cursor: '12',
  });
  expect(query({ exclude: ['a', '5'] }).value).toEqual({ exclude: ['a', '5'] });
  expect(query({ explain: 'full' }).value).toEqual({ explain: 'full' });
  expect(query({}).value).toEqual({});
});

test.each([
  [{ n: '0' }, 'n', 'n is 0. It must be a whole number from 1 to 1000.'],
  [{ n: '1001' }, 'n', /1 to 1000/],
  [{ n: '1.5' }, 'n', 'n is "1.5". It must be a whole number from 1 to 1000.'],
  [{ n: '1e2' }, 'n', /whole number/],
  [{ n: '' }, 'n', /whole number/],
  [{ n: ['1', '2'] }, 'n', /2 times/],
  [{ min_seq: '-1' }, 'min_seq', 'min_seq is -1. It must be a whole number from 0.'],
  [{ min_seq: '9007199254740993' }, 'min_seq', /whole number/],
  [{ explain: 'yes' }, 'explain', 'explain is "yes". It must be true or false, or "full".'],
  [{ timeout_ms: '30001' }, 'timeout_ms', /0 to 30000/],
  [{ nn: '5' }, 'nn', /^nn is not a member of this request. Its members are n, /],
  [JSON.parse('{"__proto__":"1"}'), '__proto__', /not a member/],
  [{ constructor: '1' }, 'constructor', /not a member/],
])('%j is refused, naming the member', (given, member, message) => {
  const { error } = query(given);
  expect(error).toMatchObject({ code: 'FRESHET_BAD_REQUEST', details: { member } });
  expect(error?.message).toMatch(message);
});

test('members of a body are not converted', () => {
  expect(body({ user: 'u', n: 5 }).value).toEqual({ user: 'u', n: 5 });
  expect(body({ user: 'u', n: '5' }).error).toMatchObject({ details: { member: 'n' } });
  expect(body({ user: 'u', explain: 'true' }).error).toMatchObject({ details: { member: 'explain' } });
  expect(body({ user: 'u', exclude: 'a' }).error).toMatchObject({ details: { member: 'exclude' } });
  expect(body({ user: 'u', exclude: [1] }).error).toMatchObject({ details: { member: 'exclude[0]' } });
  expect(checker('token', 'body')({ ttl_s: 5 }).error?.message).toMatch(/user is missing/);
  expect(body([]).error).toMatchObject({ details: { member: 'body' } });
  expect(body(null).error).toMatchObject({ details: { member: 'body' } });
});

test.each([
  [{ exclude: ['a', 5] }, 'exclude[1]', 'exclude[1] is 5. It must be a string of 1 to 128 bytes of printable UTF-8.'],
  [{ boosts: [{ filter: {}, by: 'x' }] }, 'boosts[0].by', 'boosts[0].by is "x". It must be a number from -10 to 10.'],
  [{ boosts: [{ filter: {} }] }, 'boosts[0]', 'boosts[0] has no by. It must be an object with filter, by.'],
  [{ diversity: { lambda: 2 } }, 'diversity.lambda', 'diversity.lambda is 2. It must be a number from 0 to 1.'],
  [{ diversity: 0.5 }, 'diversity', 'diversity is 0.5. It must be an object with lambda.'],
  [{ new: { share: 2 } }, 'new.share', 'new.share is 2. It must be a number from 0 to 1.'],
  [{ context: { device: 5 } }, 'context.device', 'context.device is 5. It must be a string.'],
  [{ context: { hour: 24 } }, 'context.hour', 'context.hour is 24. It must be a whole number from 0 to 23.'],
  [{ seen_for_s: 'x' }, 'seen_for_s', /^seen_for_s is "x". It must be a whole number from 0 to \d+, or an object\.$/],
  [{ seen_for_s: { 'user.viewed.v1': 'x' } }, 'seen_for_s', /whole number from 0 to \d+, or an object/],
])('%j is refused, naming the part that is wrong', (given, member, message) => {
  const { error } = body({ user: 'u', ...given });
  expect(error).toMatchObject({ code: 'FRESHET_BAD_REQUEST', details: { member } });
  expect(error?.message).toMatch(message);
});
