/** What the console shows of users and items. */
import { expect, test } from 'vitest';
import { viewed } from '../support/events.ts';
import { until } from '../support/wait.ts';
import { findings, openConsole } from './console-browser.ts';
import { BOOK, describeConsole } from './console-system.ts';

describeConsole('the console', (site) => {
  const { get, open } = site;

  test('says in three clicks from the first page why a reader gets a book, with terms that add up to the score', async () => {
    const { page } = await openConsole(site.browser, site.system.http);
    await page.getByRole('link', { name: /^Console/ }).click();
    await page.getByRole('link', { name: 'reader-1', exact: true }).click();
    await page.getByRole('button', { name: 'Why Book carmilla?' }).click();
    const numbers = (await page.locator('.why-number').allInnerTexts()).map((text) =>
      Number(text.replace('−', '-').replace(/[=+ ]/g, '')),
    );
    const score = numbers.pop() as number;
    expect(numbers.length).toBeGreaterThan(0);
    // Each is rounded to three decimals.
    expect(Math.abs(numbers.reduce((sum, one) => sum + one, 0) - score)).toBeLessThan(0.0005 * (numbers.length + 1));
    expect(await page.locator('.why').innerText()).toContain('Frankenstein');
  });

  test('moves the list when an event arrives, says so, and glides only for readers who like motion', async () => {
    const animated = async (reducedMotion?: 'no-preference'): Promise<number> => {
      const user = `mover-${reducedMotion ?? 'reduce'}`;
      const { page } = await open('#/', reducedMotion === undefined ? {} : { reducedMotion });
      await page.evaluate(`globalThis.glides = 0;
        const { animate } = Element.prototype;
        Element.prototype.animate = function (...args) { globalThis.glides++; return animate.apply(this, args); };
        location.hash = '#/users/${user}';`);
      await page.locator('.ranked > li').first().waitFor();
      await page.getByText('no change since you opened it').waitFor();
      await site.system.publish([viewed(user, BOOK)]);
      await page.getByText(/\d changes?,/).waitFor();
      expect(await page.locator(`.ranked [data-item="${BOOK}"]`).count()).toBe(0);
      expect(await page.locator('.ranked > li.moved').count()).toBeGreaterThan(0);
      expect(await page.locator('[aria-live]').innerText()).toContain('The list has changed');
      await page.locator('tbody').getByText('Frankenstein').waitFor();
      return page.evaluate<number>('glides');
    };
    expect(await animated()).toBe(0);
    expect(await animated('no-preference')).toBeGreaterThan(0);
  });

  test('shows the list that another history would bring, and publishes nothing', async () => {
    const { page } = await open('#/users/reader-1');
    await page.getByText('What if', { exact: true }).click();
    const fold = page.locator('details', { hasText: 'What if' });
    await fold.getByRole('button', { name: 'Frankenstein' }).click();
    await fold.locator('.ranked > li').first().waitFor();
    await fold.getByLabel('Words of a title').fill('monk');
    await fold.getByRole('button', { name: 'Add Book the-monk' }).click();
    await fold.getByRole('button', { name: 'Take back' }).waitFor();
    await until(async () => (await fold.locator('.ranked [data-item="the-monk"]').count()) === 0);
    expect(await findings(page)).toEqual([]);
    const { body } = await get<{ events: { item: string }[] }>('/v1/users/reader-1/history');
    expect(body.events.map(({ item }) => item)).toEqual(['dracula', BOOK]);
  });

  test('computes the list as of an earlier position, and shows how far it is', async () => {
    const { body } = await get<{ events: { seq: number; item: string }[] }>('/v1/users/reader-1/history');
    const [newest] = body.events;
    const { page } = await open('#/users/reader-1');
    await page.getByText('Earlier lists', { exact: true }).click();
    const fold = page.locator('details', { hasText: 'Earlier lists' });
    await fold.getByRole('slider').fill(String((newest?.seq ?? 0) - 1));
    await fold.getByRole('button', { name: 'Compute the list' }).click();
    await fold.getByRole('progressbar').waitFor();
    // By then the reader had not viewed it, so it could be in the list.
    await fold.locator(`.ranked [data-item="${newest?.item}"]`).waitFor();
    expect(await page.locator('.card').first().locator(`[data-item="${newest?.item}"]`).count()).toBe(0);
    await fold.getByRole('button', { name: 'Why' }).first().click();
    expect(await findings(page)).toEqual([]);
    await fold.getByRole('slider').fill('1');
    await fold.getByRole('button', { name: 'Compute the list' }).click();
    await fold.getByRole('alert').waitFor();
    expect(await fold.getByRole('alert').innerText()).toContain('FRESHET_NOT_FOUND');
  });

  test('publishes what a made-up user does in the playground', async () => {
    const { page } = await open('#/playground');
    const user = await page.locator('.lead a').innerText();
    await page.getByLabel('Words of a title').fill('frankenst');
    await page.locator('search').getByRole('button', { name: 'View Frankenstein' }).click();
    await page.getByText('View: Frankenstein').waitFor();
    await page.getByText(/\d changes?,/).waitFor();
    const { body } = await get<{ events: { item: string }[] }>(`/v1/users/${user}/history`);
    expect(body.events.map(({ item }) => item)).toEqual([BOOK]);
    await page.getByRole('button', { name: 'Start again' }).click();
    await until(async () => (await page.locator('.lead a').innerText()) !== user);
  });

  test('changes, withdraws and restores an item after it has said what that does', async () => {
    const { page } = await open('#/items/emma');
    await page.getByRole('button', { name: 'Edit' }).click();
    await page.getByLabel('Title').fill('Emma');
    await page.getByRole('button', { name: 'Publish the change' }).click();
    expect(await page.locator('dialog pre').innerText()).toBe('{\n  "title": "Emma"\n}');
    await page.locator('dialog').getByRole('button', { name: 'Publish the change' }).click();
    await page.getByRole('heading', { name: 'Emma', exact: true }).waitFor();

    await page.getByRole('button', { name: 'Withdraw' }).click();
    expect(await page.locator('dialog').innerText()).toContain('leaves all lists');
    expect(await findings(page)).toEqual([]);
    await page.locator('dialog').getByRole('button', { name: 'Cancel' }).click();
    expect((await get<{ available: boolean }>('/v1/items/emma')).body.available).toBe(true);
    await page.getByRole('button', { name: 'Withdraw' }).click();
    await page.locator('dialog').getByRole('button', { name: 'Withdraw' }).click();
    await page.getByText('withdrawn', { exact: true }).waitFor();
    expect((await get<{ available: boolean }>('/v1/items/emma')).body.available).toBe(false);
    await page.getByRole('button', { name: 'Restore' }).click();
    await page.locator('dialog').getByRole('button', { name: 'Restore' }).click();
    await page.getByText('available', { exact: true }).waitFor();
  });
});
