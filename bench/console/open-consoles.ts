/**
 * The requests of open consoles, from this process: pages of a browser would take the processor time that the gateway is
 * measured by. Each has a user's page and an overview open.
 */
import { setTimeout as pause } from 'node:timers/promises';

/** Milliseconds between two reads of an overview, as in `src/console/pages/overview`. */
const OVERVIEW_MS = 5_000;
const OVERVIEW = ['/v1/system', '/v1/system/recent'];

/** What the page of a user follows, as in `src/console/parts/list/live-list.tsx`. */
export const listStream = (user: string): string =>
  `/v1/users/${encodeURIComponent(user)}/recommendations/stream?n=10&explain=true&fields=title,tags`;

export interface OpenConsoles {
  /** Overviews that the gateway has answered. */
  readonly overviews: number;
  /** Throws if the gateway has refused or broken a request of a console. */
  close(): Promise<void>;
}

/** Resolves when all streams are open. Throws if the gateway refuses one. */
export async function openConsoles(http: string, users: readonly string[]): Promise<OpenConsoles> {
  const stop = new AbortController();
  const { signal } = stop;
  let overviews = 0;
  const unlessClosed = (err: unknown): void => {
    if (!signal.aborted) throw err;
  };
  const answerOf = async (path: string): Promise<Response> => {
    const response = await fetch(http + path, { signal });
    if (!response.ok) throw new Error(`The gateway answered ${path} with ${response.status}: ${await response.text()}`);
    return response;
  };
  const readToEnd = async (stream: Response): Promise<void> => {
    for await (const _part of stream.body ?? []);
    if (!signal.aborted) throw new Error('The gateway ended the stream of an open console.');
  };
  const overview = async (after: number): Promise<void> => {
    await pause(after, undefined, { signal });
    for (;;) {
      await Promise.all(OVERVIEW.map(async (path) => (await answerOf(path)).arrayBuffer()));
      overviews++;
      await pause(OVERVIEW_MS, undefined, { signal });
    }
  };
  const streams = await Promise.all(users.map((user) => answerOf(listStream(user))));
  const running = [
    ...streams.map(readToEnd),
    // Consoles that people opened at different times do not read at the same moment.
    ...users.map((_, i) => overview((OVERVIEW_MS * i) / users.length)),
  ].map((one) => one.catch(unlessClosed));
  const all = Promise.allSettled(running);
  return {
    get overviews() {
      return overviews;
    },
    close: async () => {
      stop.abort();
      const broken = (await all).find((one) => one.status === 'rejected');
      if (broken) throw broken.reason;
    },
  };
}
