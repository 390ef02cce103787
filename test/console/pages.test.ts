/** Every page of the console, as a reader with or without a screen sees it. */
import { expect, onTestFinished, test } from 'vitest';
import { startPrefixProxy } from '../support/prefix-proxy.ts';
import { until } from '../support/wait.ts';
import { findings, LOOKS, openConsole, overflow } from './console-browser.ts';
import { describeConsole, PAGES } from './console-system.ts';

describeConsole('the console', (site) => {
  const { open } = site;

  for (const [name, hash, shows] of PAGES)
    test(`shows ${name} wide and narrow, light and dark, without a finding of axe or a word in the browser's console`, async () => {
      const { page, noises, requested } = await open(hash);
      await page.locator(shows).first().waitFor();
      const why = page.getByRole('button', { name: /^Why/ }).first();
      if (await why.isVisible()) await why.click();
      for (const { width, colorScheme } of LOOKS) {
        const where = `${width} px, ${colorScheme}`;
        await page.setViewportSize({ width, height: 900 });
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        expect(await findings(page), where).toEqual([]);
        expect(await overflow(page), where).toBeLessThanOrEqual(0);
        expect(noises, where).toEqual([]);
      }
      // Nothing comes from elsewhere.
      expect(requested.filter((address) => !address.startsWith(`${site.system.http}/`))).toEqual([]);
    });

  test('goes by keyboard: the skip link, the navigation, and the heading that has the focus afterwards', async () => {
    const { page } = await open('#/');
    await page.locator('.chip').first().waitFor();
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
    await page.getByRole('link', { name: 'Catalogue' }).press('Enter');
    await until(
      async () => (await page.evaluate('document.activeElement.outerHTML')) === '<h1 tabindex="-1">Catalogue</h1>',
    );
    expect(await page.title()).toBe('Catalogue · Freshet console');
  });

  test('keeps the chosen colours over a reload', async () => {
    const { page } = await open('#/');
    const back = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
    const light = await back();
    await page.getByLabel('Colours').selectOption('dark');
    await until(async () => (await back()) !== light);
    await page.reload();
    expect(await back()).not.toBe(light);
  });

  test('works below the path of a proxy', async () => {
    const proxy = await startPrefixProxy('/shop/freshet', site.system.http);
    onTestFinished(() => proxy.close());
    const { page, noises, close } = await openConsole(
      site.browser,
      `${proxy.url}/shop/freshet/console/#/users/reader-1`,
    );
    await page.locator('.ranked > li').first().waitFor();
    await page.locator('tbody tr').first().waitFor();
    expect(noises).toEqual([]);
    await close();
  });

  test('says what is wrong and what to do if the gateway refuses a request', async () => {
    const { page } = await open('#/items/no-such-item');
    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('alert').innerText()).toMatch(/no item "no-such-item".*Next: .*FRESHET_NOT_FOUND/s);
  });

  test('sends at most 250 KB of JavaScript, which a browser asks for again only if it has changed', async () => {
    const address = `${site.system.http}/console/console.js`;
    const first = await fetch(address, { headers: { 'accept-encoding': 'gzip' } });
    expect(Number(first.headers.get('content-length'))).toBeLessThan(250_000);
    expect(first.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    await first.arrayBuffer();
    const again = await fetch(address, {
      headers: { 'accept-encoding': 'gzip', 'if-none-match': first.headers.get('etag') as string },
    });
    expect(again.status).toBe(304);
    expect((await fetch(`${site.system.http}/console/nothing.js`)).status).toBe(404);
    const folder = await fetch(`${site.system.http}/console`);
    expect(folder.url).toBe(`${site.system.http}/console/`);
    expect(folder.headers.get('content-security-policy')).not.toContain('unsafe');
  });
});
