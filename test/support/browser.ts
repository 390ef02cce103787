/** A real browser without a window: an installed Chromium or Chrome, which playwright-core drives. */
import { type BrowserContext, chromium } from 'playwright-core';

export { findBrowser, NO_BROWSER } from '../../scripts/setup/browser.mjs';

export interface Page {
  /** Navigates as a user does. Resolves when the page is loaded. */
  goto(url: string): Promise<void>;
  /** Runs the body of an async function in the page and returns its result. Throws what the body throws. */
  run<T>(body: string): Promise<T>;
  /** Disconnects this page from every network, or connects it again. Other tabs stay as they are. */
  offline(is: boolean): Promise<void>;
  /** Lets the next request with this text in its address reach the server, and drops the answer. */
  loseAnswer(of: string): Promise<void>;
  /** Closes the tab as a user does. */
  close(): Promise<void>;
}

export interface Browser {
  /** Opens a new tab. All tabs share their storage. */
  open(url: string): Promise<Page>;
  close(): Promise<void>;
}

/** @param hosts names that the browser resolves to this machine */
export async function startBrowser(path: string, hosts: readonly string[] = []): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: path,
    args: [`--host-resolver-rules=${hosts.map((host) => `MAP ${host} 127.0.0.1`).join(',')}`],
  });
  const context = await browser.newContext();
  return {
    open: (url) => openPage(context, url),
    close: () => browser.close(),
  };
}

async function openPage(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage();
  // Playwright emulates a lost network for all tabs at once, and cannot drop an answer that the browser itself requested.
  const cdp = await context.newCDPSession(page);
  await cdp.send('Network.enable');
  await page.goto(url);
  return {
    goto: async (address) => void (await page.goto(address)),
    run: <T>(body: string) => page.evaluate<T>(`(async () => {${body}\n})()`),
    offline: async (is) => {
      await cdp.send('Network.emulateNetworkConditions', {
        offline: is,
        latency: 0,
        downloadThroughput: -1,
        uploadThroughput: -1,
      });
    },
    loseAnswer: async (of) => {
      cdp.on('Fetch.requestPaused', ({ requestId, request }) => {
        // The browser receives the answers to its preflight requests.
        void (
          request.method === 'OPTIONS'
            ? cdp.send('Fetch.continueRequest', { requestId })
            : cdp
                .send('Fetch.failRequest', { requestId, errorReason: 'ConnectionReset' })
                .then(() => cdp.send('Fetch.disable'))
        ).catch(() => {});
      });
      await cdp.send('Fetch.enable', { patterns: [{ urlPattern: `*${of}*`, requestStage: 'Response' }] });
    },
    close: () => page.close(),
  };
}
