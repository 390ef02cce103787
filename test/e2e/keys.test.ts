/** Keys as an operator uses them: made, used, listed, revoked, on a running system. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { published, viewed } from '../support/events.ts';
import { startSystem, type TestSystem } from '../support/system.ts';
import { until } from '../support/wait.ts';

let system: TestSystem;

beforeAll(async () => {
  system = await startSystem({ args: ['--no-demo'] });
});
afterAll(async () => {
  await system?.stop();
});

interface Made {
  key: string;
  id: string;
  scopes: string[];
}

async function ask(
  path: string,
  key?: string,
  body?: unknown,
): Promise<{ status: number; code: unknown; text: string }> {
  const response = await fetch(system.http + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, code: (JSON.parse(text) as { code?: unknown }).code, text };
}

describe('keys', () => {
  it('are required from the first one on, give access to their holders, and end when they are revoked', async () => {
    expect(await ask('/v1/trending')).toMatchObject({ status: 200 });
    const shop = await system.json<Made>('keys', 'create', 'shop', '--scope', 'recommend', '--scope', 'events:user');
    await until(async () => (await ask('/v1/trending')).status === 401);
    expect((await ask('/v1/trending', shop.key)).status).toBe(200);
    expect((await ask('/v1/events', shop.key, viewed('u1', 'i1'))).status).toBe(200);
    expect(await ask('/v1/events', shop.key, published('i1'))).toMatchObject({
      status: 403,
      code: 'FRESHET_SCOPE_MISSING',
    });
    const { token } = JSON.parse((await ask('/v1/tokens', shop.key, { user: 'u1' })).text) as { token: string };
    expect((await ask('/v1/users/u1/recommendations', token)).status).toBe(200);

    const listed = await system.cli('keys', 'list');
    expect(listed.stdout).toContain(shop.id);
    expect(listed.stdout).toContain('in force');
    expect(listed.stdout).not.toContain(shop.key);

    const { code } = await system.cli('keys', 'revoke', shop.id);
    expect(code).toBe(0);
    await until(async () => (await ask('/v1/trending', shop.key)).status === 401);
    expect(await ask('/v1/users/u1/recommendations', token)).toMatchObject({ status: 401 });
    expect((await ask('/v1/trending')).status).toBe(401);
    expect((await fetch(`${system.http}/readyz`)).status).toBe(200);
    expect(await system.json<object[]>('keys', 'list')).toMatchObject([{ id: shop.id, revoked: expect.any(String) }]);
  });

  it('are printed as text without --json', async () => {
    const { stdout, code } = await system.cli('keys', 'create', 'b', '--scope', 'erase,admin', '--expires', '90d');
    expect(code).toBe(0);
    expect(stdout.trim()).toMatch(/^fk_[0-9a-f]{12}_[\w-]{43}$/);
    await until(async () => (await ask('/v1/trending', stdout.trim())).status === 200);
  });

  it.each([
    [['create', 'x'], 2],
    [['create', 'x', '--scope', 'everything'], 2],
    [['create', 'x', '--scope', 'admin', '--expires', 'yesterday'], 2],
    [['create', 'x', '--scope', 'admin', '--rate', '0'], 2],
    [['revoke', 'nothing'], 1],
  ])('keys %j ends with exit code %i', async (words, code) => {
    const result = await system.cli('keys', ...words);
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(/^FRESHET_[A-Z_]+: /);
  });
});
