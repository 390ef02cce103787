/** Time until the console shows something in a browser without a cache, beside a page that needs no script. */
import type { Browser } from 'playwright-core';
import { latencyOf } from '../load/latency.ts';

export interface FirstPaint {
  /** Median of the milliseconds from the beginning of the navigation to the first contentful paint. */
  console: number;
  /** The same for the bare text that the gateway answers an empty request with. */
  text: number;
  loads: number;
}

export async function measureFirstPaint(browser: Browser, http: string, loads: number): Promise<FirstPaint> {
  const times = { console: [] as number[], text: [] as number[] };
  for (let i = 0; i < loads; i++) {
    times.console.push(await paintOf(browser, `${http}/console/`));
    times.text.push(await paintOf(browser, `${http}/v1/ping`));
  }
  return { console: latencyOf(times.console).p50, text: latencyOf(times.text).p50, loads };
}

/** A new context has an empty cache. */
async function paintOf(browser: Browser, url: string): Promise<number> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  try {
    const page = await context.newPage();
    await page.goto(url);
    return await page.evaluate<number>(`new Promise((resolve) => {
      new PerformanceObserver((list) => {
        const [paint] = list.getEntriesByName('first-contentful-paint');
        if (paint) resolve(paint.startTime);
      }).observe({ type: 'paint', buffered: true });
    })`);
  } finally {
    await context.close();
  }
}
