/**
 * Pictures of all pages of the console, wide and narrow, light and dark: `npm run console:pictures -- FOLDER URL`.
 * URL is the address of a running gateway with the demo; the pictures show the console of these sources.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { CONSOLE_POLICY } from '../src/gateway/routes/console.ts';
import { findBrowser, NO_BROWSER } from './setup/browser.mjs';
import { ensureConsole } from './setup/console.mjs';
import { ROOT } from './setup.mjs';

/** Width in pixels, and the colours. */
const LOOKS = [
  ['wide-light', 1440, 'light'],
  ['wide-dark', 1440, 'dark'],
  ['narrow-light', 390, 'light'],
  ['narrow-dark', 390, 'dark'],
] as const;

const MEDIA: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

/** Milliseconds to wait for what a picture is of. */
const WAIT_MS = 20_000;

interface Shot {
  name: string;
  hash: string;
  /** Resolves when the page shows what the picture is of. */
  until: (page: Page) => Promise<unknown>;
}

const why = async (page: Page): Promise<void> => {
  await page.locator('.ranked > li').first().waitFor();
  await page.getByRole('button', { name: /^Why/ }).first().click();
  await page.locator('.why').waitFor();
};
const whatIf = async (page: Page): Promise<void> => {
  await page.getByText('What if', { exact: true }).click();
  await page.locator('.toggles button').first().click();
  await page.locator('details .ranked > li').first().waitFor();
};
const earlier = async (page: Page): Promise<void> => {
  await page.getByText('Earlier lists', { exact: true }).click();
  const fold = page.locator('details', { hasText: 'Earlier lists' });
  await fold.getByRole('slider').fill('20000');
  await fold.getByRole('button', { name: 'Compute the list' }).click();
  await fold.locator('.ranked > li, [role=alert]').first().waitFor();
};
const settled = (page: Page): Promise<void> => page.waitForLoadState('networkidle');

const SHOTS: readonly Shot[] = [
  { name: 'start', hash: '#/', until: settled },
  { name: 'user', hash: '#/users/reader-1', until: why },
  { name: 'what-if', hash: '#/users/reader-1', until: whatIf },
  { name: 'earlier', hash: '#/users/reader-1', until: earlier },
  { name: 'playground', hash: '#/playground', until: (page) => page.locator('.ranked > li').first().waitFor() },
  {
    name: 'item',
    hash: '#/items/shelley-frankenstein',
    until: (page) => page.locator('.ranked > li').first().waitFor(),
  },
  { name: 'catalogue', hash: '#/items', until: (page) => page.locator('tbody tr').first().waitFor() },
  { name: 'log', hash: '#/log', until: (page) => page.locator('tbody tr').nth(1).waitFor() },
  { name: 'event', hash: '#/log/30000', until: (page) => page.locator('pre').waitFor() },
  { name: 'dead-letters', hash: '#/dead-letters', until: settled },
  { name: 'erasures', hash: '#/erasures', until: settled },
  { name: 'experiments', hash: '#/experiments', until: settled },
  { name: 'snapshots', hash: '#/snapshots', until: settled },
  {
    name: 'overview',
    hash: '#/overview',
    until: async (page) => {
      await page.locator('.figures').waitFor();
      await page.locator('.uplot').first().waitFor();
    },
  },
];

const [folder, url] = process.argv.slice(2);
const only = process.argv[4];
const path = findBrowser();
if (folder === undefined || url === undefined) {
  console.error('Name a folder, and the address of a gateway with the demo: npm run console:pictures -- FOLDER URL');
  process.exit(2);
}
if (path === undefined) {
  console.error(`The pictures need a browser: ${NO_BROWSER}.`);
  process.exit(1);
}

mkdirSync(folder, { recursive: true });
const files = await ensureConsole(ROOT);
const browser = await chromium.launch({ executablePath: path });
try {
  for (const [look, width, colorScheme] of LOOKS) {
    const context = await browser.newContext({
      viewport: { width, height: 900 },
      colorScheme,
      reducedMotion: 'reduce',
    });
    const page = await context.newPage();
    page.on('console', (message) => console.error(`${look}: ${message.text()}`));
    page.on('pageerror', (err) => console.error(`${look}: ${err.message}`));
    await page.route('**/console/**', (route) => {
      const name = new URL(route.request().url()).pathname.split('/').pop() || 'index.html';
      return route.fulfill({
        body: readFileSync(join(files, name)),
        contentType: MEDIA[extname(name)] ?? 'application/octet-stream',
        headers: { 'content-security-policy': CONSOLE_POLICY },
      });
    });
    for (const { name, hash, until } of SHOTS) {
      if (only !== undefined && !name.startsWith(only)) continue;
      await page.goto('about:blank');
      await page.goto(`${url}/console/${hash}`);
      await Promise.race([until(page), page.waitForTimeout(WAIT_MS)]);
      await page.waitForTimeout(300);
      await page.screenshot({ path: join(folder, `${name}-${look}.png`), fullPage: true });
    }
    await context.close();
  }
} finally {
  await browser.close();
}
