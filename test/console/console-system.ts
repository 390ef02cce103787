/** A system as `freshet up` starts it, with something on every page of its console, and a real browser. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished } from 'vitest';
import { findBrowser, NO_BROWSER } from '../support/browser.ts';
import { clicked, published, registered, served, viewed } from '../support/events.ts';
import { startSystem, type TestSystem } from '../support/system.ts';
import { until } from '../support/wait.ts';
import { type ConsolePage, type Look, launch, openConsole } from './console-browser.ts';

const found = findBrowser();
if (found === undefined) console.warn(`These tests do not open the console: ${NO_BROWSER}.`);

/** Where the console finds this book, it offers the readers of the demo. */
export const BOOK = 'shelley-frankenstein';
const BOOKS = ['dracula', 'carmilla', 'the-monk', 'northanger-abbey', 'the-moonstone', 'emma', 'persuasion'];

/** Each page, and what it shows once it is complete. */
export const PAGES: readonly (readonly [name: string, hash: string, shows: string])[] = [
  ['the start', '#/', '.chip'],
  ['the choice of a user', '#/users', '.chip'],
  ['a user’s list', '#/users/reader-1', 'tbody tr'],
  ['the playground', '#/playground', '.ranked > li'],
  ['the overview', '#/overview', '.uplot'],
  ['the catalogue', '#/items', 'tbody tr'],
  ['the log', '#/log', 'tbody tr'],
  ['an event of the log', '#/log/1', 'pre'],
  ['dead letters', '#/dead-letters', 'pre'],
  ['erasures', '#/erasures', 'tbody tr'],
  ['experiments', '#/experiments', 'tbody tr'],
  ['snapshots and shadow', '#/snapshots', 'tbody tr'],
  ['an item', `#/items/${BOOK}`, '.interval'],
];

export interface ConsoleSystem {
  readonly system: TestSystem;
  readonly browser: Browser;
  /** Opens a page of the console, until the test ends. */
  open(hash: string, look?: Partial<Look> & { reducedMotion?: 'no-preference' }): Promise<ConsolePage>;
  get<T>(path: string): Promise<{ status: number; body: T }>;
  /**
   * Puts an invalid event into the log, as a program with access to the bus can, and waits until all services have set it
   * aside.
   */
  setAside(user: string, data: object): Promise<void>;
}

/** Skips the tests where there is no browser. */
export const describeConsole = (name: string, tests: (site: ConsoleSystem) => void): void => {
  describe.skipIf(found === undefined)(name, () => tests(useConsole()));
};

function useConsole(): ConsoleSystem {
  let system: TestSystem;
  let browser: Browser;

  beforeAll(async () => {
    if (found === undefined) return;
    system = await startSystem({
      args: ['--no-demo'],
      env: {
        FRESHET_ENGINE_SNAPSHOT_EVENTS: '10',
        FRESHET_ENGINE_SNAPSHOT_INTERVAL_MS: '1000',
        FRESHET_SHADOW_EVERY: '1',
      },
    });
    await system.publish([
      published(BOOK, {
        title: 'Frankenstein',
        description: 'A creature.',
        tags: ['gothic'],
        attributes: { year: 1818 },
      }),
      ...BOOKS.map((item, i) => published(item, { title: `Book ${item}`, tags: i < 4 ? ['gothic'] : ['novel'] })),
      registered('reader-1', { country: 'DE', age: 30 }),
      ...['reader-1', 'reader-2', 'reader-3'].flatMap((user) => [viewed(user, BOOK), viewed(user, 'dracula')]),
      ...['reader-2', 'reader-3'].map((user) => viewed(user, 'carmilla')),
    ]);
    const seq = await system.publish([
      served('reader-1', 'l1', ['carmilla']),
      clicked('reader-1', 'carmilla', { list: 'l1', position: 0 }),
    ]);
    await until(async () => (await fetch(`${system.http}/v1/trending?min_seq=${seq}&timeout_ms=10000`)).ok);
    await post('/v1/experiments', {
      experiment: 'earlier',
      arms: [
        { arm: 'as-is', share: 0.5 },
        { arm: 'diverse', share: 0.5, settings: { diversity: { lambda: 0.5 } } },
      ],
    });
    await post('/v1/experiments/earlier/end', {});
    await fetch(`${system.http}/v1/users/forgotten`, { method: 'DELETE' });
    await setAside('reader-1', { item: 'dracula', value: 'much' });
    browser = await launch(found);
  });
  afterAll(async () => {
    await browser?.close();
    await system?.stop();
  });

  async function post(path: string, body: object): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(system.http + path, { method: 'POST', headers, body: JSON.stringify(body) });
    expect(response.status, await response.text()).toBe(200);
  }

  async function get<T>(path: string): Promise<{ status: number; body: T }> {
    const response = await fetch(system.http + path);
    return { status: response.status, body: (await response.json()) as T };
  }

  async function setAside(user: string, data: object): Promise<void> {
    const nc = await system.connect();
    const event = { ...viewed(user, 'dracula'), data };
    await nc.jetstream().publish(`ev.user.${user}.viewed`, JSON.stringify(event));
    await nc.close();
    const listed = async (): Promise<boolean> =>
      (
        await get<{ dead_letters: { event: { id: string }; services: object[] }[] }>('/v1/dead-letters')
      ).body.dead_letters
        .filter(({ event: { id } }) => id === event.id)
        .some(({ services }) => services.length === 4);
    await until(listed);
  }

  return {
    get system() {
      return system;
    },
    get browser() {
      return browser;
    },
    open: async (hash, look = {}) => {
      const opened = await openConsole(browser, `${system.http}/console/${hash}`, look);
      onTestFinished(() => opened.close());
      return opened;
    },
    get,
    setAside,
  };
}
