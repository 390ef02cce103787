/** The report: one file that a reader opens without the system. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { published } from '../support/events.ts';
import { makeTempDir, removeTempDir } from '../support/folder.ts';
import { findings, LOOKS, openConsole, overflow } from './console-browser.ts';
import { BOOK, describeConsole } from './console-system.ts';

describeConsole('a report', (site) => {
  function target(): string {
    const folder = makeTempDir('report');
    onTestFinished(() => removeTempDir(folder));
    return join(folder, 'report.html');
  }

  test('is one file that shows quality, funnel, items and experiments, wide and narrow, light and dark', async () => {
    const file = target();
    const written = await site.system.cli('report', file, '--items', '3', '--json');
    expect(written.stderr).toBe('');
    expect(JSON.parse(written.stdout)).toMatchObject({ file });
    const { page, noises, requested, close } = await openConsole(site.browser, pathToFileURL(file).href);
    onTestFinished(close);
    await page.getByRole('heading', { name: 'Freshet report' }).waitFor();
    const section = (name: string) => page.getByRole('region', { name, exact: true });
    expect(await section('Funnel').getByRole('row').allInnerTexts()).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/impressions\s+1\s+100/),
        expect.stringMatching(/clicks\s+1\s+100/),
      ]),
    );
    expect(await section('Items shown most').innerText()).toMatch(/Book carmilla\s+1\s+1\s+100.0 %/);
    const never = page.locator('.names');
    expect(await never.locator('li').count()).toBe(3);
    expect(await never.innerText()).not.toContain('carmilla');
    expect(await section('Arms of earlier').innerText()).toContain('diverse');
    for (const { width, colorScheme } of LOOKS) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      expect(await findings(page), `${width} px, ${colorScheme}`).toEqual([]);
      expect(await overflow(page), `${width} px, ${colorScheme}`).toBeLessThanOrEqual(0);
    }
    expect(noises).toEqual([]);
    expect(requested).toEqual([pathToFileURL(file).href]);
  });

  test('holds no id of a user', async () => {
    const file = target();
    await site.system.cli('report', file);
    const text = readFileSync(file, 'utf8');
    expect(text).toContain('carmilla');
    for (const user of ['reader-1', 'reader-2', 'reader-3', 'forgotten']) expect(text).not.toContain(user);
  });

  test('lets the title of an item end neither its data nor its script', async () => {
    const file = target();
    await site.system.publish([published(BOOK, { title: '</script><h1>Broken</h1>' })]);
    await site.system.cli('report', file, '--items', '50');
    const { page, close } = await openConsole(site.browser, pathToFileURL(file).href);
    onTestFinished(close);
    await page.getByText('</script><h1>Broken</h1>').first().waitFor();
    expect(await page.locator('h1').count()).toBe(1);
  });

  test('replaces a file only if asked to, and says where it cannot write', async () => {
    const file = target();
    writeFileSync(file, 'mine');
    const refused = await site.system.cli('report', file);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('--replace') });
    expect(readFileSync(file, 'utf8')).toBe('mine');
    expect((await site.system.cli('report', file, '--replace')).code).toBe(0);
    expect(readFileSync(file, 'utf8')).toContain('<!doctype html>');
    const nowhere = join(file, 'inside', 'report.html');
    expect(await site.system.cli('report', nowhere)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('a folder that exists'),
    });
    expect(existsSync(nowhere)).toBe(false);
    expect(readdirSync(join(file, '..'))).toEqual(['report.html']);
    expect(await site.system.cli('report', file, '--items', '0')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('from 1 to 500'),
    });
  });
});
