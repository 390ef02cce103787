/**
 * A real browser without a window: Chromium, driven over the two pipes of its DevTools protocol, so that nothing has
 * to be installed but the browser itself.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { makeTempDir, removeTempDir } from './folder.ts';

/** By their names on PATH. */
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
const ELSEWHERE = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** What to do where there is none. */
export const NO_BROWSER =
  'no Chromium or Chrome on PATH; install one (apt-get install -y chromium), or name it in FRESHET_BROWSER';

/** Where a browser is: `FRESHET_BROWSER`, PATH, or where macOS keeps it; undefined where there is none. */
export function findBrowser(env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (env.FRESHET_BROWSER) return env.FRESHET_BROWSER;
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...folders.flatMap((folder) => NAMES.map((name) => join(folder, name))), ...ELSEWHERE].find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export interface Page {
  /** Goes to an address, as a user would; resolves when the page is loaded. */
  goto(url: string): Promise<void>;
  /** Runs the body of an async function in the page, and gives what it returns. Throws what it throws. */
  run<T>(body: string): Promise<T>;
  /** Cuts the page off from every network, or joins it again. */
  offline(is: boolean): Promise<void>;
  /** The next request whose address holds this reaches the server, and the page never hears of the answer. */
  loseAnswer(of: string): Promise<void>;
  /** As a user closes a tab. */
  close(): Promise<void>;
}

export interface Browser {
  /** A new tab; tabs share what is stored. */
  open(url: string): Promise<Page>;
  close(): Promise<void>;
}

type Params = Record<string, unknown>;
interface Message {
  id?: number;
  method?: string;
  sessionId?: string;
  params?: Params;
  result?: Params;
  error?: { message: string };
}

/** Milliseconds after which a browser that was told to end is ended. */
const END_MS = 10_000;

/** `hosts` are names that lead to this machine. */
export async function startBrowser(path: string, hosts: readonly string[] = []): Promise<Browser> {
  const profile = makeTempDir('browser');
  const child = spawn(
    path,
    [
      '--headless=new',
      // Its sandbox needs rights that containers and root do not have; it sees no page but ours.
      '--no-sandbox',
      '--disable-dev-shm-usage',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--no-first-run',
      '--remote-debugging-pipe',
      `--host-resolver-rules=${hosts.map((host) => `MAP ${host} 127.0.0.1`).join(',')}`,
      `--user-data-dir=${profile}`,
      'about:blank',
    ],
    { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'], detached: true },
  );
  const driver = createDriver(child);
  const kill = (): void => {
    try {
      // It and its helpers, which are a group of their own.
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // Gone already.
    }
  };
  process.once('exit', kill);
  await driver.send('Browser.getVersion');
  return {
    open: (url) => openPage(driver, url),
    close: async () => {
      const timer = setTimeout(kill, END_MS);
      driver.send('Browser.close').catch(() => {});
      await driver.ended;
      clearTimeout(timer);
      kill();
      process.off('exit', kill);
      removeTempDir(profile);
    },
  };
}

interface Driver {
  send(method: string, params?: Params, sessionId?: string): Promise<Params>;
  /** Calls with what a session tells of by itself, until it gives true. */
  on(sessionId: string, listen: (method: string, params: Params) => boolean): void;
  readonly ended: Promise<void>;
}

/** Messages are JSON, each ended by a zero byte: to the browser on its third descriptor, from it on its fourth. */
function createDriver(child: ChildProcess): Driver {
  const to = child.stdio[3] as Writable;
  const from = child.stdio[4] as Readable;
  const waiting = new Map<number, { resolve: (result: Params) => void; reject: (err: Error) => void }>();
  const listeners = new Set<{ sessionId: string; listen: (method: string, params: Params) => boolean }>();
  let said = '';
  let gone = false;
  let last = 0;
  child.stderr?.on('data', (chunk) => {
    said = (said + String(chunk)).slice(-4_000);
  });
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      gone = true;
      for (const { reject } of waiting.values()) reject(new Error(`the browser ended: ${said}`));
      waiting.clear();
      resolve();
    };
    child.once('exit', end);
    child.once('error', (err) => {
      said += err.message;
      end();
    });
  });
  // What is written to a browser that has gone is answered by its end.
  to.on('error', () => {});
  let rest = '';
  from.setEncoding('utf8');
  from.on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\0');
    rest = parts.pop() ?? '';
    for (const part of parts) hear(JSON.parse(part) as Message);
  });

  function hear({ id, method, sessionId, params = {}, result = {}, error }: Message): void {
    if (id !== undefined) {
      const one = waiting.get(id);
      waiting.delete(id);
      if (error) one?.reject(new Error(error.message));
      else one?.resolve(result);
    } else if (method !== undefined)
      for (const one of listeners) if (one.sessionId === sessionId && one.listen(method, params)) listeners.delete(one);
  }

  return {
    send: (method, params = {}, sessionId) =>
      new Promise((resolve, reject) => {
        if (gone) {
          reject(new Error(`the browser ended: ${said}`));
          return;
        }
        const id = ++last;
        waiting.set(id, { resolve, reject });
        to.write(`${JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) })}\0`);
      }),
    on: (sessionId, listen) => void listeners.add({ sessionId, listen }),
    ended,
  };
}

async function openPage(driver: Driver, url: string): Promise<Page> {
  const { targetId } = await driver.send('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = (await driver.send('Target.attachToTarget', { targetId, flatten: true })) as {
    sessionId: string;
  };
  const send = (method: string, params?: Params): Promise<Params> => driver.send(method, params, sessionId);
  await Promise.all([send('Page.enable'), send('Network.enable')]);

  const page: Page = {
    goto: async (address) => {
      const loaded = new Promise<void>((resolve) => {
        driver.on(sessionId, (method) => {
          if (method !== 'Page.loadEventFired') return false;
          resolve();
          return true;
        });
      });
      const { errorText } = await send('Page.navigate', { url: address });
      if (errorText !== undefined) throw new Error(`${address}: ${errorText}`);
      await loaded;
    },
    run: async <T>(body: string) => {
      const { result, exceptionDetails } = (await send('Runtime.evaluate', {
        expression: `(async () => {${body}\n})()`,
        awaitPromise: true,
        returnByValue: true,
      })) as {
        result: { value?: unknown };
        exceptionDetails?: { text: string; exception?: { description?: string } };
      };
      if (exceptionDetails)
        throw new Error(`${body}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
      return result.value as T;
    },
    offline: async (is) => {
      await send('Network.emulateNetworkConditions', {
        offline: is,
        latency: 0,
        downloadThroughput: -1,
        uploadThroughput: -1,
      });
    },
    loseAnswer: async (of) => {
      let lost = false;
      driver.on(sessionId, (method, params) => {
        if (method !== 'Fetch.requestPaused') return false;
        const { requestId, request } = params as { requestId: string; request: { method: string } };
        // The browser's own question whether it may ask is answered as it is.
        lost = request.method !== 'OPTIONS';
        void (
          lost
            ? send('Fetch.failRequest', { requestId, errorReason: 'ConnectionReset' }).then(() => send('Fetch.disable'))
            : send('Fetch.continueRequest', { requestId })
        ).catch(() => {});
        return lost;
      });
      await send('Fetch.enable', { patterns: [{ urlPattern: `*${of}*`, requestStage: 'Response' }] });
    },
    close: async () => {
      await driver.send('Target.closeTarget', { targetId });
    },
  };
  await page.goto(url);
  return page;
}
