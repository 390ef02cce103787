/** The benchmark of the console in small. */
import { expect, it } from 'vitest';
import { findBrowser, NO_BROWSER } from '../../scripts/setup/browser.mjs';
import { textOf } from './command.ts';
import { runConsoleBench } from './console.ts';

it('measures the live list, the first paint and lists beside open consoles, and says what it leaves out without a browser', async () => {
  const figures = await runConsoleBench({
    items: 300,
    history: 1_000,
    readers: 50,
    events: 3,
    loads: 1,
    consoles: 3,
    callers: 2,
    rounds: 1,
    seconds: 1,
    say: () => {},
  });
  const { inBrowser, rounds, overviews } = figures;
  expect(rounds).toMatchObject([{ failed: 0 }]);
  expect(rounds[0]?.with).toBeGreaterThan(0);
  expect(overviews).toBeGreaterThan(0);
  expect(textOf({ ...figures, inBrowser: null })).toContain(`are not measured: ${NO_BROWSER}`);
  if (findBrowser() === undefined) return;
  expect(inBrowser?.list).toMatchObject({ events: 3, missed: 0 });
  expect(inBrowser?.list.page.p50).toBeGreaterThanOrEqual(0);
  expect(inBrowser?.paint.console).toBeGreaterThan(0);
  expect(textOf(figures)).toContain('list in the page');
});
