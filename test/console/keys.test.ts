/** What the console offers the holder of a key. */
import { beforeAll, expect, test } from 'vitest';
import { until } from '../support/wait.ts';
import { type ConsolePage, findings, overflow } from './console-browser.ts';
import { BOOK, describeConsole, PAGES } from './console-system.ts';

describeConsole('the console of a gateway that requires keys', (site) => {
  const { open } = site;

  const keys: Record<string, string> = {};
  beforeAll(async () => {
    for (const [name, ...scopes] of [
      ['reads', 'recommend'],
      ['content', 'events:content'],
      ['shop', 'recommend', 'events:user'],
      ['eraser', 'erase'],
      ['operator', 'admin'],
    ]) {
      const words = scopes.flatMap((scope) => ['--scope', scope]);
      keys[name as string] = (await site.system.json<{ key: string }>('keys', 'create', name as string, ...words)).key;
    }
    await until(async () => (await fetch(`${site.system.http}/v1/trending`)).status === 401);
  });

  async function enter(opened: ConsolePage, key: string): Promise<void> {
    await opened.page.getByLabel('API key').fill(key);
    await opened.page.getByRole('button', { name: 'Use this key' }).click();
  }
  const linked = async ({ page }: ConsolePage): Promise<string[]> => {
    await page.locator('.side a').first().waitFor();
    return page.locator('.side a').allInnerTexts();
  };

  test('asks for a key, refuses a wrong one, keeps the right one for the tab, and puts it into no address', async () => {
    const opened = await open('#/users/reader-1');
    const { page, requested } = opened;
    await enter(opened, 'frk_wrong');
    await page.getByRole('alert').waitFor();
    expect(await findings(page)).toEqual([]);
    const key = keys.operator as string;
    await enter(opened, key);
    await page.locator('.ranked > li').first().waitFor();
    await page.reload();
    await page.locator('.ranked > li').first().waitFor();
    expect(page.url()).not.toContain(key);
    expect(requested.filter((address) => address.includes(key))).toEqual([]);
    expect(await page.evaluate('JSON.stringify(localStorage)')).not.toContain(key);
    const other = await open('#/users/reader-1');
    await other.page.getByLabel('API key').waitFor();
    await page.getByText('operator', { exact: true }).click();
    await page.getByRole('button', { name: 'Forget key' }).click();
    await page.getByLabel('API key').waitFor();
    expect(await page.evaluate('JSON.stringify(sessionStorage)')).not.toContain(key);
  });

  test.each([
    ['reads', ['Start', 'A user’s list', 'Catalogue']],
    ['content', ['Start']],
    ['shop', ['Start', 'A user’s list', 'Playground', 'Catalogue']],
    ['eraser', ['Start', 'Erasures']],
  ])('offers the key %s only what its scopes allow, and asks the gateway for nothing else', async (name, pages) => {
    const opened = await open('#/');
    const { page, requested, noises } = opened;
    await page.getByLabel('API key').waitFor();
    noises.length = 0;
    await enter(opened, keys[name] as string);
    expect(await linked(opened)).toEqual(pages);
    await page.locator('.who summary').click();
    expect(await page.locator('.who-card').innerText()).toContain('Log: admin');
    expect(await findings(page)).toEqual([]);
    await page.setViewportSize({ width: 390, height: 900 });
    expect(await overflow(page)).toBeLessThanOrEqual(0);
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.locator('.who summary').click();
    for (const [, hash, shows] of PAGES) {
      await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
      // Either it says what is missing, or it shows what it has.
      await page
        .locator(`main :text("lacks the scope"), main :text("may not read lists"), main ${shows}`)
        .first()
        .waitFor();
    }
    // The browser reports every refusal.
    expect(noises).toEqual([]);
    if (name !== 'content') expect(requested.filter((address) => /v1\/system/.test(address))).toEqual([]);
  });

  test('shows a token its own user alone, and publishes under its source', async () => {
    const made = await fetch(`${site.system.http}/v1/tokens`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${keys.shop}` },
      body: JSON.stringify({ user: 'reader-1' }),
    });
    const { token, source } = (await made.json()) as { token: string; source: string };
    const opened = await open('#/');
    const { page, noises } = opened;
    await page.getByLabel('API key').waitFor();
    noises.length = 0;
    await enter(opened, token);
    await page.getByText('is for one user').getByRole('link', { name: 'reader-1' }).click();
    await page.locator('.ranked > li').first().waitFor();
    await page.getByText('What if', { exact: true }).click();
    await page.locator('.toggles button').first().click();
    await page.locator('details .ranked > li').first().waitFor();
    await page.locator('.ranked-title a').first().click();
    await page.getByRole('heading', { name: 'Similar items' }).waitFor();
    await page.getByRole('link', { name: 'Playground' }).click();
    await page.locator('.ranked').getByRole('button', { name: /^View/ }).first().click();
    await page.locator('.found .quiet[title]').first().waitFor();
    expect(noises).toEqual([]);
    const nc = await site.system.connect();
    const newest = await (await nc.jetstreamManager()).streams.getMessage('EVENTS', {
      last_by_subj: 'ev.user.reader-1.viewed',
    });
    await nc.close();
    expect(newest.json()).toMatchObject({ source, subject: 'reader-1' });
  });

  test('offers no change of an item to a key that may only read', async () => {
    const opened = await open(`#/items/${BOOK}`);
    await enter(opened, keys.reads as string);
    await opened.page.locator('.interval').first().waitFor();
    expect(await opened.page.getByRole('button', { name: /Edit|Withdraw/ }).count()).toBe(0);
  });
});
