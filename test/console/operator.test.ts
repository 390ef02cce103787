/** What the console shows and does for operators. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { viewed } from '../support/events.ts';
import { makeTempDir, removeTempDir } from '../support/folder.ts';
import { until } from '../support/wait.ts';
import { findings } from './console-browser.ts';
import { BOOK, describeConsole } from './console-system.ts';

describeConsole('the console', (site) => {
  const { get, open, setAside } = site;

  test('shows events as they arrive, those that match the filter, and says why one is not there', async () => {
    const { page } = await open('#/log');
    await page.locator('tbody tr').first().waitFor();
    await page.locator('.dot.live').waitFor();
    await site.system.publish([viewed('late-reader', BOOK, { source: 'late-source' })]);
    await page.locator('tbody').getByRole('link', { name: 'late-reader' }).waitFor();
    await page.getByRole('button', { name: 'Count again' }).click();
    await page.getByText('late-source').nth(1).waitFor();

    await page.getByLabel('User').fill('late-reader');
    await page.getByRole('button', { name: 'Filter' }).click();
    const events = page.getByRole('region', { name: 'Events' }).first().locator('tbody tr');
    await until(async () => (await events.count()) === 1);
    await site.system.publish([viewed('another-reader', BOOK), viewed('late-reader', 'dracula')]);
    await until(async () => (await events.count()) === 2);
    await events.first().getByRole('link').first().click();
    await page.getByText('"late-reader"').waitFor();

    await page.getByRole('link', { name: 'Next' }).click();
    expect(await page.getByRole('alert').innerText()).toContain('has not reached it');
  });

  test('offers users whose ids begin as typed', async () => {
    const { page } = await open('#/users');
    await page.getByLabel('Id of a user').fill('reader-');
    const offered = page.locator('p', { hasText: 'Ids that begin so' });
    await offered.getByRole('link', { name: 'reader-3' }).click();
    await page.getByRole('heading', { name: 'reader-3' }).waitFor();
    await page.getByLabel('Id of a user').fill('nobody-');
    await page.getByText('No user has an id that begins so.').waitFor();
  });

  test('shows what lists show and never show, and how users react to an item', async () => {
    const { page } = await open('#/items');
    const shown = page.getByRole('region', { name: 'Shown most' });
    await shown.getByRole('link', { name: 'Book carmilla' }).waitFor();
    expect(await shown.locator('tbody tr').first().innerText()).toMatch(/carmilla\s+1\s+100.0 %/);
    await page.getByRole('button', { name: 'Never shown' }).click();
    const never = page.getByRole('region', { name: 'Never shown' });
    await never.getByRole('link', { name: 'Book dracula' }).waitFor();
    expect(await never.getByRole('link', { name: 'Book carmilla' }).count()).toBe(0);
    const holds = page.getByRole('region', { name: 'What the catalogue holds' });
    await holds.getByText('Every item has a tag, an attribute, a description or an embedding.').waitFor();
    await holds.getByRole('link', { name: /^gothic/ }).click();
    await page.getByRole('heading', { name: 'Items with the tag gothic' }).waitFor();
    const { page: item } = await open('#/items/carmilla');
    const reactions = item.getByRole('region', { name: 'Reactions to this item by position' });
    await reactions.waitFor();
    expect(await reactions.locator('tbody tr').innerText()).toMatch(/^1\s+1\s+100.0 %/);
  });

  test('retries, corrects and discards dead letters after it has said what that does', async () => {
    await setAside('corrected', { article: BOOK });
    await setAside('discarded', { article: BOOK });
    const { page } = await open('#/dead-letters');
    const card = (user: string) => page.locator('section.card', { hasText: `ev.user.${user}.viewed` });
    await card('corrected').getByRole('button', { name: 'Retry' }).click();
    await page.locator('dialog').getByRole('button', { name: 'Retry' }).click();
    expect(await page.locator('dialog').getByRole('alert').innerText()).toMatch(/FRESHET_DEAD_LETTER_UNREADABLE/);
    await page.locator('dialog').getByRole('button', { name: 'Cancel' }).click();

    await card('corrected').getByRole('button', { name: 'Correct' }).click();
    const event = page.getByLabel('Corrected event');
    await event.fill((await event.inputValue()).replace('"article"', '"item"'));
    await page.locator('dialog').getByRole('button', { name: 'Correct' }).click();
    await card('corrected').waitFor({ state: 'detached' });
    await until(async () => {
      const { status, body } = await get<{ events: { item: string }[] }>('/v1/users/corrected/history');
      return status === 200 && body.events[0]?.item === BOOK;
    });

    await card('discarded').getByRole('button', { name: 'Discard' }).click();
    await page.locator('dialog').getByRole('button', { name: 'Discard' }).click();
    await card('discarded').waitFor({ state: 'detached' });
    expect(await card('reader-1').count()).toBe(1);
  });

  test('exports a user, and forgets the user once the reader has typed the id again', async () => {
    const seq = await site.system.publish([viewed('leaver', BOOK)]);
    await until(async () => (await get(`/v1/users/leaver?min_seq=${seq}`)).status === 200);
    const { page } = await open('#/users/leaver');
    await page.getByRole('link', { name: 'Export or forget' }).click();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Export all data' }).click();
    const exported = JSON.parse(readFileSync(await (await download).path(), 'utf8'));
    expect(exported.user).toBe('leaver');
    expect(exported.events.length).toBe(1);

    const before = await page.locator('tbody tr').count();
    await page.getByRole('button', { name: 'Forget' }).click();
    const dialog = page.locator('dialog');
    expect(await dialog.innerText()).toContain('Nobody can undo it');
    await dialog.getByRole('button', { name: 'Forget' }).click();
    expect(await dialog.getByRole('alert').innerText()).toContain('Type the id');
    await dialog.getByLabel('again').fill('leaver');
    await dialog.getByRole('button', { name: 'Forget' }).click();
    await until(async () => (await page.locator('tbody tr').count()) === before + 1);
    await until(async () => (await get('/v1/users/leaver')).status === 404);
    expect(await page.evaluate('JSON.stringify(sessionStorage)')).not.toContain('leaver');
  });

  test('starts an experiment and ends it, after it has said what that does', async () => {
    const { page } = await open('#/experiments');
    await page.getByLabel('Name, used once').fill('trial');
    await page.getByLabel('Members of the request').nth(1).fill('not json');
    await page.getByRole('button', { name: 'Start', exact: true }).click();
    const dialog = page.locator('dialog');
    await dialog.getByRole('button', { name: 'Start' }).click();
    expect(await dialog.getByRole('alert').innerText()).toContain('are not JSON');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await page.getByLabel('Members of the request').nth(1).fill('{"diversity": {"lambda": 0.3}}');
    await page.getByRole('button', { name: 'Start', exact: true }).click();
    expect(await dialog.innerText()).toContain('diverse: 50 % of the users');
    await dialog.getByRole('button', { name: 'Start' }).click();
    const card = page.locator('section.card', { has: page.getByRole('heading', { name: /^trial/ }) });
    await card.getByText('running').waitFor();
    await card.getByRole('button', { name: 'End' }).click();
    await dialog.getByLabel('Reason').fill('only a trial');
    await dialog.getByRole('button', { name: 'End' }).click();
    await card.getByText('only a trial').waitFor();
  });

  test('rolls back to a snapshot, and ends the rollback', async () => {
    await site.system.publish(Array.from({ length: 12 }, (_, i) => viewed(`filler-${i}`, BOOK)));
    await until(async () => {
      const { body } = await get<{ snapshots: { unfit: string | null }[] }>('/v1/snapshots');
      return body.snapshots.filter(({ unfit }) => unfit === null).length > 1;
    });
    const { page } = await open('#/snapshots');
    await page.getByRole('button', { name: 'Roll back' }).first().click();
    const dialog = page.locator('dialog');
    expect(await dialog.innerText()).toContain('The ranker learns no more');
    await dialog.getByLabel('Reason').fill('a try');
    await dialog.getByRole('button', { name: 'Roll back' }).click();
    await page.getByRole('cell', { name: 'rolled back' }).waitFor();
    await page.getByRole('button', { name: 'End the rollback' }).click();
    await dialog.getByRole('button', { name: 'End the rollback' }).click();
    await page.getByRole('cell', { name: 'ended rollback' }).waitFor();
  });

  test('compares a shadow and promotes it', async () => {
    const folder = makeTempDir('console-shadow');
    onTestFinished(() => removeTempDir(folder));
    const file = join(folder, 'other.json');
    writeFileSync(file, JSON.stringify({ engine: { ranker_rate: 0.3 } }));
    const { code, stderr } = await site.system.cli('shadow', 'start', '--config', file);
    expect(code, stderr).toBe(0);
    const { page } = await open('#/snapshots');
    await page.getByText('ranker_rate').waitFor();
    await page.getByRole('cell', { name: 'NDCG@10' }).waitFor();
    expect(await findings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Promote' }).click();
    expect(await page.locator('dialog').innerText()).toContain('all users get its lists');
    await page.locator('dialog').getByRole('button', { name: 'Promote' }).click();
    await page.getByRole('cell', { name: 'promoted' }).waitFor();
  });
});
