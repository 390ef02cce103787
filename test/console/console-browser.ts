/** Opens the console in a real browser, as a reader does, and says what a reader would notice. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export interface ConsolePage {
  page: Page;
  /** Lines in the console of the browser, errors of scripts, and breaches of the policy. */
  noises: string[];
  /** Addresses that the page requested. */
  requested: string[];
  close(): Promise<void>;
}

export interface Look {
  width: number;
  colorScheme: 'light' | 'dark';
}

export const LOOKS: readonly Look[] = [
  { width: 1440, colorScheme: 'light' },
  { width: 1440, colorScheme: 'dark' },
  { width: 390, colorScheme: 'light' },
  { width: 390, colorScheme: 'dark' },
];

export const launch = (path: string): Promise<Browser> => chromium.launch({ executablePath: path });

export async function openConsole(
  browser: Browser,
  url: string,
  { width = 1440, colorScheme = 'light', ...options }: Partial<Look> & BrowserContextOptions = {},
): Promise<ConsolePage> {
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme,
    reducedMotion: 'reduce',
    ...options,
  });
  const page = await context.newPage();
  const noises: string[] = [];
  const requested: string[] = [];
  page.on('console', (message) => noises.push(`${message.type()}: ${message.text()} ${message.location().url}`));
  page.on('pageerror', (err) => noises.push(String(err)));
  page.on('request', (request) => requested.push(request.url()));
  await page.goto(url);
  return { page, noises, requested, close: () => context.close() };
}

/** Serious and critical findings of axe-core, with the element. */
export async function findings(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const violations = await page.evaluate<
    { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[]
  >('axe.run(document).then(({ violations }) => violations)');
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
}

/** Pixels by which the page is wider than the window. */
export const overflow = (page: Page): Promise<number> =>
  page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
