import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNatsServer, type TestNatsServer } from '../../../test/support/nats.ts';
import { until } from '../../../test/support/wait.ts';
import { BadRequestError, ServiceUnavailableError } from '../../errors.ts';
import { call, serveMicro } from './micro.ts';
import { RemoteProblemError } from './problem.ts';

let nats: TestNatsServer;
beforeAll(async () => {
  nats = await startNatsServer({ jetstream: false });
});
afterAll(async () => {
  await nats.stop();
});

test('an endpoint returns answers, errors as problems, and an error for an answer that is too large', async () => {
  const nc = await nats.connect();
  const endpoint = (handle: (request: Record<string, unknown>) => unknown) => ({
    description: 'x',
    example: {},
    handle,
  });
  const seen: string[] = [];
  await serveMicro(nc, {
    name: 'freshet-test',
    version: '1.0.0',
    description: 'for a test',
    prefix: 'freshet.test',
    endpoints: {
      echo: endpoint((request) => request),
      bad: endpoint(() => {
        throw new BadRequestError('n takes a number.', { details: { member: 'n' } });
      }),
      broken: endpoint(() => {
        throw new Error('a secret of ours');
      }),
      large: endpoint(() => ({ text: 'x'.repeat(2_000_000) })),
    },
    observe: (name, outcome) => seen.push(`${name} ${outcome}`),
  });
  const problemOf = async (name: string): Promise<unknown> =>
    call(nc, `freshet.test.${name}`, {}).then(
      () => undefined,
      (err: unknown) => (err instanceof RemoteProblemError ? err.problem : err),
    );
  expect(await call(nc, 'freshet.test.echo', { user: 'ü' })).toEqual({ user: 'ü' });
  expect(await problemOf('bad')).toMatchObject({ status: 400, code: 'FRESHET_BAD_REQUEST', member: 'n' });
  const broken = await problemOf('broken');
  expect(broken).toMatchObject({ status: 500, code: 'FRESHET_INTERNAL' });
  expect(JSON.stringify(broken)).not.toContain('secret');
  expect(await problemOf('large')).toMatchObject({ status: 400, code: 'FRESHET_ANSWER_TOO_LARGE', limit: 1_048_576 });
  expect(await problemOf('nobody')).toBeInstanceOf(ServiceUnavailableError);
  expect(seen).toEqual(['echo ok', 'bad error', 'broken error', 'large error']);
});

test('`nats micro stats` counts requests, refused and failed ones, and their time', async () => {
  const nc = await nats.connect();
  const endpoint = (handle: () => unknown) => ({ description: 'x', example: {}, handle });
  await serveMicro(nc, {
    name: 'freshet-counted',
    version: '1.0.0',
    description: 'for a test',
    prefix: 'freshet.counted',
    endpoints: {
      slow: endpoint(async () => {
        await sleep(50);
        return {};
      }),
      refused: endpoint(() => {
        throw new BadRequestError('user is "somebody".');
      }),
      failed: endpoint(async () => {
        await sleep(1);
        throw new Error('broken');
      }),
      status: endpoint(() => ({})),
    },
    stats: () => ({ seq: 7 }),
  });
  for (let i = 0; i < 3; i++) await call(nc, 'freshet.counted.slow', {});
  for (const name of ['refused', 'failed', 'failed'])
    await expect(call(nc, `freshet.counted.${name}`, {})).rejects.toBeInstanceOf(RemoteProblemError);
  const answers = [];
  for await (const one of await nc.services.client().stats('freshet-counted')) answers.push(one);
  const [answer] = answers;
  const of = (name: string) => answer?.endpoints?.find((one) => one.name === name);
  expect(of('slow')).toMatchObject({ num_requests: 3, num_errors: 0 });
  // A timer may fire a millisecond early.
  expect(of('slow')?.processing_time).toBeGreaterThan(3 * 48e6);
  expect(of('slow')?.average_processing_time).toBeGreaterThan(48e6);
  expect(of('refused')).toMatchObject({ num_requests: 1, num_errors: 1, last_error: '400 FRESHET_BAD_REQUEST' });
  expect(of('failed')).toMatchObject({ num_requests: 2, num_errors: 2, last_error: '500 FRESHET_INTERNAL' });
  expect(of('status')).toMatchObject({ num_requests: 0, num_errors: 0, data: { seq: 7 } });
});

test('each instance answers on its own subjects, also on standby', async () => {
  const nc = await nats.connect();
  const serve = (instance: string, standby: boolean) =>
    serveMicro(nc, {
      name: 'freshet-several',
      version: '1.0.0',
      description: 'for a test',
      prefix: 'freshet.several',
      instance,
      standby,
      endpoints: {
        memory: { description: 'x', example: {}, ofInstance: true, handle: () => ({ instance }) },
        read: { description: 'x', example: {}, handle: () => ({ instance }) },
        status: { description: 'x', example: {}, ofInstance: true, handle: () => ({ instance }) },
      },
    });
  await serve('one', false);
  const two = await serve('two', true);
  for (let i = 0; i < 5; i++)
    for (const instance of ['one', 'two'])
      expect(await call(nc, `freshet.several.memory.${instance}`, {})).toEqual({ instance });
  expect(await call(nc, 'freshet.several.status.two', {})).toEqual({ instance: 'two' });
  for (let i = 0; i < 5; i++) expect(await call(nc, 'freshet.several.memory', {})).toEqual({ instance: 'one' });
  await expect(call(nc, 'freshet.several.read.two', {})).rejects.toBeInstanceOf(ServiceUnavailableError);
  two.activate();
  const seen = new Set<string>();
  while (seen.size < 2) seen.add((await call<{ instance: string }>(nc, 'freshet.several.memory', {})).instance);
});

test('an answer that cannot be sent does not stop the other answers of the same turn', async () => {
  const nc = await nats.connect();
  let asked = 0;
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  // Both answers are made in the same turn of the event loop.
  const endpoint = (answer: () => unknown) => ({
    description: 'x',
    example: {},
    handle: async () => {
      asked++;
      await gate;
      return answer();
    },
  });
  await serveMicro(nc, {
    name: 'freshet-unsendable',
    version: '1.0.0',
    description: 'for a test',
    prefix: 'freshet.unsendable',
    endpoints: {
      bad: endpoint(() => {
        // As for a request with a very long text in place of a number.
        throw new BadRequestError('n takes a number.', { details: { member: 'n', given: 'x'.repeat(2_000_000) } });
      }),
      echo: endpoint(() => ({ text: 'here' })),
    },
  });
  const bad = call(nc, 'freshet.unsendable.bad', {}).then(
    () => undefined,
    (err: unknown) => err,
  );
  const echo = call(nc, 'freshet.unsendable.echo', {}).catch((err: unknown) => err);
  await until(() => asked === 2);
  open();
  expect(await echo).toEqual({ text: 'here' });
  const refused = await bad;
  expect(refused).toBeInstanceOf(RemoteProblemError);
  expect((refused as RemoteProblemError).problem).toMatchObject({
    status: 400,
    code: 'FRESHET_BAD_REQUEST',
    detail: 'n takes a number.',
    member: 'n',
  });
});

test('a request that is nested too deep is a bad request, however deep', async () => {
  const nc = await nats.connect();
  await serveMicro(nc, {
    name: 'freshet-deep',
    version: '1.0.0',
    description: 'for a test',
    prefix: 'freshet.deep',
    endpoints: { echo: { description: 'x', example: {}, handle: (request) => JSON.parse(JSON.stringify(request)) } },
  });
  const nested = (levels: number) => `${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`;
  const answer = async (levels: number) =>
    (await nc.request('freshet.deep.echo', nested(levels), { timeout: 10_000 })).json();
  expect(JSON.stringify(await answer(256))).toBe(nested(256));
  for (const levels of [257, 3_000, 100_000])
    expect(await answer(levels)).toMatchObject({
      status: 400,
      code: 'FRESHET_BAD_REQUEST',
      detail: expect.stringContaining('256 levels'),
    });
});
