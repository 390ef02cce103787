/** The console in a real browser on a whole system, and what open consoles cost the gateway. */
import { findBrowser } from '../../scripts/setup/browser.mjs';
import { call } from '../../src/bus/nats/micro.ts';
import { createRandom } from '../../src/demo/random.ts';
import { createSimulation } from '../../src/demo/simulator.ts';
import { drive, failures, type HttpRequest } from '../load/drive.ts';
import { viewsOf } from '../load/requests.ts';
import { load, startBenchSystem } from '../serving/system.ts';
import { type FirstPaint, measureFirstPaint } from './first-paint.ts';
import { type LiveListFigures, measureLiveList } from './live-list.ts';
import { openConsoles } from './open-consoles.ts';

export interface ConsoleOptions {
  /** The simulated stream. */
  items: number;
  history: number;
  readers: number;
  /** Events that move the live list, from the page and as many from the raw reader. */
  events: number;
  loads: number;
  consoles: number;
  callers: number;
  /** Measurements without and with consoles, by turns. */
  rounds: number;
  /** Seconds of each of them. */
  seconds: number;
  say: (line: string) => void;
}

/** Lists a second without and with open consoles, one after the other. */
export interface Round {
  without: number;
  with: number;
  failed: number;
}

export interface ConsoleFigures {
  /** Messages in the log. */
  log: number;
  consoles: number;
  callers: number;
  rounds: Round[];
  /** Overviews that the open consoles read. */
  overviews: number;
  /** Null without a browser. */
  inBrowser: { version: string; paint: FirstPaint; list: LiveListFigures } | null;
}

const SEED = 7;
const END = Date.UTC(2026, 0, 1);
/** Greatest age of a list, milliseconds, so that it stays cached for the whole run. */
const STANDS_MS = 86_400_000;
/** Items in a list. */
const N = 10;

export async function runConsoleBench(options: ConsoleOptions): Promise<ConsoleFigures> {
  const { items, history, readers, consoles, callers, say } = options;
  say('starting a system');
  const system = await startBenchSystem();
  try {
    const { nc, http } = system;
    const simulation = createSimulation({ seed: SEED, end: END, readers, events: history, items });
    say('loading');
    const log = await load(system, simulation.events());
    const users = Array.from({ length: readers }, (_, i) => `reader-${i + 1}`);
    const path = findBrowser();
    const inBrowser = path === undefined ? null : await openedIn(path, http, simulation.books.slice(0, items), options);
    for (const user of users) await call(nc, 'freshet.engine.recommend', { user, n: N, max_age_ms: STANDS_MS });
    return { log, consoles, callers, inBrowser, ...(await besideConsoles(http, users, options)) };
  } finally {
    await system.stop();
  }
}

async function openedIn(
  path: string,
  http: string,
  books: readonly { id: string }[],
  { loads, events, say }: ConsoleOptions,
): Promise<ConsoleFigures['inBrowser']> {
  // A development dependency, so only this benchmark imports it.
  const { chromium } = await import('playwright-core');
  const browser = await chromium.launch({ executablePath: path });
  try {
    say('first paint');
    const paint = await measureFirstPaint(browser, http, loads);
    say('the live list');
    const next = viewsOf({ users: { pattern: 'reader-{n}', count: 1 }, items: books.map(({ id }) => id), seed: SEED });
    const list = await measureLiveList(browser, { http, user: 'reader-1', next, events });
    return { version: browser.version(), paint, list };
  } finally {
    await browser.close();
  }
}

async function besideConsoles(
  http: string,
  users: readonly string[],
  { consoles, callers, rounds, seconds, say }: ConsoleOptions,
): Promise<Pick<ConsoleFigures, 'rounds' | 'overviews'>> {
  const random = createRandom(SEED);
  const next = (): HttpRequest => ({
    method: 'GET',
    path: `/v1/users/${users[random.below(users.length)]}/recommendations?n=${N}&max_age_ms=${STANDS_MS}`,
  });
  const lists = () => drive({ url: http, connections: callers, seconds, next });
  await lists();
  const measured: Round[] = [];
  let overviews = 0;
  for (let round = 1; round <= rounds; round++) {
    say(`lists without and with ${consoles} consoles, round ${round} of ${rounds}`);
    const without = await lists();
    const open = await openConsoles(
      http,
      Array.from({ length: consoles }, (_, i) => users[i % users.length] as string),
    );
    const beside = await lists().finally(() => open.close());
    overviews += open.overviews;
    measured.push({
      without: without.perSecond,
      with: beside.perSecond,
      failed: failures(without) + failures(beside),
    });
  }
  return { rounds: measured, overviews };
}
