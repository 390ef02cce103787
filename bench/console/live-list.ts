/** Time from an acknowledged event to the list that has moved: in the page of the console, and at a raw reader of its stream. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { readEvents } from '../../src/client/sse.ts';
import { type Latency, latencyOf } from '../load/latency.ts';
import { listStream } from './open-consoles.ts';

export interface LiveListFigures {
  /** Milliseconds from the acknowledgement, as the page received it, to the list in the page. */
  page: Latency;
  /** The same for a program that reads the stream, by its own clock and its own events. */
  raw: Latency;
  /** Events in each of the two. */
  events: number;
  /** Events that moved the list neither in the page nor at the raw reader. */
  unmoved: number;
  /** Events whose list reached only one of the two in time. */
  missed: number;
}

export interface LiveListOptions {
  http: string;
  user: string;
  /** The next event of the user. */
  next: () => object;
  /** Events from the page, and as many from the raw reader. */
  events: number;
}

/** Milliseconds that a list may take, after which the event counts as one that moved nothing. */
const WAIT_MS = 2_000;
/** Milliseconds between two events, so that a list is there before the next event. */
const PAUSE_MS = 50;
/** Events before the measurement, so that the code of page and gateway is warm. */
const WARM_UP = 20;

/** The time since the acknowledgement, undefined if no list came in time. */
type Waited = number | undefined;

/** One of two publishers, which wait for the list of their own events and of the other's. */
interface Watcher {
  /** Publishes, and returns the position and the time of the acknowledgement by the watcher's clock. */
  publish(event: object): Promise<{ seq: number; at: number }>;
  /** Waits until the list is of this position or a later one. */
  moved(seq: number, since: number): Promise<Waited>;
}

export async function measureLiveList(browser: Browser, options: LiveListOptions): Promise<LiveListFigures> {
  const { events, next } = options;
  const stop = new AbortController();
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  try {
    const page = await watchPage(await context.newPage(), options);
    const raw = await watchStream(options, stop.signal);
    const times = { page: [] as number[], raw: [] as number[] };
    let unmoved = 0;
    let missed = 0;
    for (let i = -WARM_UP; i < 2 * events; i++) {
      // By turns, so that other work on the machine slows both down.
      const own = i % 2 === 0 ? 'page' : 'raw';
      const [publisher, other] = own === 'page' ? [page, raw] : [raw, page];
      const { seq, at } = await publisher.publish(next());
      const [waited, also] = await Promise.all([publisher.moved(seq, at), other.moved(seq, 0)]);
      if (i >= 0) {
        if (waited !== undefined && also !== undefined) times[own].push(waited);
        else if (waited === also) unmoved++;
        else missed++;
      }
      await pause(PAUSE_MS);
    }
    return { page: latencyOf(times.page), raw: latencyOf(times.raw), events, unmoved, missed };
  } finally {
    stop.abort();
    await context.close();
  }
}

/**
 * The page notes when the position under its list changes, by a MutationObserver. The position changes in the same rendering
 * as the list, and with every list that the stream sends.
 */
const OBSERVE = `
  window.bench = { seen: [], waiting: [] };
  const look = () => {
    const text = document.querySelector('.origin [title^="position in the log"]')?.textContent ?? '';
    const seq = Number(text.replace(/\\D/g, ''));
    if (seq === bench.seen.at(-1)?.seq) return;
    const at = performance.now();
    bench.seen.push({ seq, at });
    bench.waiting = bench.waiting.filter((one) => seq < one.seq || one.tell(at));
  };
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
  look();
`;

async function watchPage(page: Page, { http, user }: LiveListOptions): Promise<Watcher> {
  await page.goto(`${http}/console/#/users/${encodeURIComponent(user)}`);
  await page.locator('.ranked > li').first().waitFor();
  await page.evaluate(OBSERVE);
  return {
    publish: (event) =>
      page.evaluate<{ seq: number; at: number }>(`(async () => {
        const response = await fetch('../v1/events', {
          method: 'POST',
          headers: { 'content-type': 'application/cloudevents+json' },
          body: ${JSON.stringify(JSON.stringify(event))},
        });
        const { seq } = await response.json();
        return { seq, at: performance.now() };
      })()`),
    moved: async (seq, since) => {
      const at = await page.evaluate<number | null>(`new Promise((resolve) => {
        const there = bench.seen.find((one) => one.seq >= ${seq});
        if (there) return resolve(there.at);
        bench.waiting.push({ seq: ${seq}, tell: (at) => void resolve(at) });
        setTimeout(() => resolve(null), ${WAIT_MS});
      })`);
      return at === null ? undefined : Math.max(0, at - since);
    },
  };
}

async function watchStream({ http, user }: LiveListOptions, signal: AbortSignal): Promise<Watcher> {
  const seen: { seq: number; at: number }[] = [];
  let waiting: { seq: number; tell: (at: number) => void }[] = [];
  const response = await fetch(http + listStream(user), { signal });
  const read = async (): Promise<void> => {
    for await (const { event, data } of readEvents(response, () => {})) {
      if (event !== 'ranking') continue;
      const { seq } = JSON.parse(data) as { seq: number };
      const at = performance.now();
      seen.push({ seq, at });
      for (const one of waiting) if (seq >= one.seq) one.tell(at);
      waiting = waiting.filter((one) => seq < one.seq);
    }
  };
  // The end of the measurement aborts the stream; a stream that ends before shows as events that missed their list.
  void read().catch(() => {});
  return {
    publish: async (event) => {
      const answer = await fetch(`${http}/v1/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/cloudevents+json' },
        body: JSON.stringify(event),
      });
      const { seq } = (await answer.json()) as { seq: number };
      return { seq, at: performance.now() };
    },
    moved: (seq, since) =>
      new Promise<Waited>((resolve) => {
        const there = seen.find((one) => one.seq >= seq);
        const tell = (at: number): void => resolve(Math.max(0, at - since));
        if (there) return tell(there.at);
        waiting.push({ seq, tell });
        setTimeout(() => resolve(undefined), WAIT_MS);
      }),
  };
}
