/** A client for browsers and Node: publishes events, requests lists, reports impressions, and watches a list change. */
import { newId } from './id.ts';
import { listenToPage } from './page.ts';
import { createQueue, type QueueStorage, type SendOutcome } from './queue.ts';
import { sizeOf } from './size.ts';
import { readEvents } from './sse.ts';
import { tokenSource } from './token.ts';
import type {
  CatalogueItems,
  ClientEvent,
  ClientEventData,
  ClientEventType,
  FoundItems,
  ListOptions,
  Ranking,
  RecommendOptions,
  RejectedEvent,
  SearchOptions,
  UserRanking,
} from './types.ts';

export interface ClientOptions {
  /** Address of the gateway: `https://recommend.example`. */
  url: string;
  /**
   * Source of the events. Source and id are the identity of an event. A token names the source of its events itself, which
   * the client then uses instead.
   */
  source: string;
  /**
   * An API key (on servers only), or a token, or a function that returns one. The client calls the function again when the
   * gateway no longer accepts the token.
   */
  key?: string | (() => string | Promise<string>);
  /** Most events in one request. Default: 50. */
  batch?: number;
  /** Milliseconds that an event waits for others. Default: 200. */
  waitMs?: number;
  /** Most events to keep while the gateway does not answer. Default: 1,000. */
  capacity?: number;
  /** Keeps unsent events over a reload of the page: `localStorage`. */
  storage?: QueueStorage;
  /** First and longest pause after a failure, milliseconds. Default: 500 and 30,000. */
  retryMs?: number;
  retryMaxMs?: number;
  /** Milliseconds after which a request fails. Default: 10,000. */
  timeoutMs?: number;
  /** Milliseconds of silence after which `watch` connects again. Default: 45,000, three heartbeats of the gateway. */
  silenceMs?: number;
  /** Called with an event that the gateway rejected. The client does not send it again. */
  onRejected?: (rejected: RejectedEvent) => void;
  /** Called when the client could not send events. It keeps them and sends them again. */
  onTrouble?: (error: unknown) => void;
  fetch?: typeof fetch;
}

/** An error that the gateway answered: a problem document (RFC 9457). */
export class FreshetClientError extends Error {
  readonly status: number;
  /** A stable code, for programs. `HTTP_` and the status if a proxy answered. */
  readonly code: string;
  /** The whole document. */
  readonly problem: Record<string, unknown>;

  constructor(status: number, problem: Record<string, unknown>) {
    super(String(problem.detail ?? `The gateway answered with status ${status}.`));
    this.name = 'FreshetClientError';
    this.status = status;
    this.code = String(problem.code ?? `HTTP_${status}`);
    this.problem = problem;
  }
}

export interface PublishExtras {
  /** Default: a new random id. */
  id?: string;
  /** RFC 3339. Default: now. */
  time?: string;
}

export interface FreshetClient {
  /** Adds an event to the queue and returns its id. The client sends it soon, and again until the log has it. */
  publish<T extends ClientEventType>(
    type: T,
    subject: string,
    data: ClientEventData<T>,
    extras?: PublishExtras,
  ): string;
  /**
   * Sends the queued events. Returns the highest sequence, for `min_seq`. Throws if it cannot send them now; the events
   * stay in the queue.
   */
  flush(): Promise<number | undefined>;
  /** Number of events without an acknowledgement. */
  readonly pending: number;
  /** Requests a list. `user` may be undefined if the options hold a history. Throws `FreshetClientError`. */
  recommend(user: string | undefined, options?: RecommendOptions): Promise<Ranking>;
  /** The lists of several users, with the same options, in the order of the users. */
  recommendMany(users: readonly string[], options?: Omit<RecommendOptions, 'cursor'>): Promise<UserRanking[]>;
  /** @param options number of items (default: 10), or members of the request */
  similar(item: string, options?: number | ListOptions): Promise<Ranking>;
  trending(options?: number | ListOptions): Promise<Ranking>;
  /** The items with these ids. The client sends several requests for many ids. */
  items(ids: readonly string[]): Promise<CatalogueItems>;
  /** Items whose titles, tags and attributes have all of these words, the last one also as the beginning of a word. */
  search(words: string, options?: SearchOptions): Promise<FoundItems>;
  /** Reports that the app shows the list, once per list. */
  rendered(ranking: Ranking, options?: { user?: string; arm?: string; context?: Record<string, unknown> }): void;
  clicked(ranking: Ranking, item: string, user?: string): string;
  dismissed(ranking: Ranking, item: string, user?: string): string;
  /** Calls `onList` with the list, and again whenever it changes, until the signal aborts. Connects again after a break. */
  watch(
    user: string,
    onList: (ranking: Ranking) => void,
    options: { signal: AbortSignal; n?: number; fields?: string[] },
  ): Promise<void>;
  /** Sends the queued events if it can, then stops. */
  close(): Promise<void>;
}

/** Number of reported lists to remember. */
const REPORTED = 1_000;
/** Characters of ids in one address; the gateway reads 16 KiB of a head, other headers included. */
const IDS_LENGTH = 8_000;
/** Below the 64 KiB that all requests that outlive their page may have together (Fetch standard, section 4.6). */
const KEEPALIVE_BYTES = 64_000;
/** Bytes of the queued events in one request. The source of a token may be longer than that of the options. */
const BATCH_BYTES = 58_000;

export function createClient(options: ClientOptions): FreshetClient {
  const { url, source, batch = 50, waitMs = 200, capacity = 1_000, retryMs = 500, retryMaxMs = 30_000 } = options;
  const { timeoutMs = 10_000, silenceMs = 45_000, fetch: request = fetch } = options;
  const base = url.replace(/\/$/, '');
  const reported = new Set<string>();
  let known: Promise<string> | undefined;

  /** The key or the current token; a new token if the gateway refused the current one. Concurrent callers share one call. */
  async function keyOf(refused: string | undefined): Promise<string | undefined> {
    const { key } = options;
    if (typeof key !== 'function') return key;
    if (refused !== undefined && (await known?.catch(() => {})) === refused) known = undefined;
    known ??= (async () => key())();
    const current = known;
    current.catch(() => {
      if (known === current) known = undefined;
    });
    return current;
  }

  /** Sends a request, and once more with a new token if the gateway refuses the current one. */
  async function call(
    path: string,
    initOf: RequestInit | ((key: string | undefined) => RequestInit),
    signal?: AbortSignal,
  ): Promise<Response> {
    let refused: string | undefined;
    for (let attempt = 0; ; attempt++) {
      const key = await keyOf(refused);
      const init = typeof initOf === 'function' ? initOf(key) : initOf;
      const headers = { ...(init.headers as object), ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) };
      const limit = signal ?? AbortSignal.timeout(timeoutMs);
      const response = await request(base + path, { ...init, headers, signal: limit });
      if (response.status !== 401 || attempt > 0 || typeof options.key !== 'function') return response;
      refused = key;
      await response.body?.cancel();
    }
  }

  async function answerOf<T>(response: Response): Promise<T> {
    const body = (await response.json().catch(() => ({}))) as Record<string, unknown>;
    if (!response.ok) throw new FreshetClientError(response.status, body);
    return body as T;
  }

  async function send(events: readonly ClientEvent[]): Promise<SendOutcome> {
    try {
      const response = await call('/v1/events', (key) => {
        const body = JSON.stringify(
          events.map((event) => ({ ...event, source: tokenSource(key, event.subject) ?? event.source })),
        );
        return {
          method: 'POST',
          headers: { 'content-type': 'application/cloudevents-batch+json' },
          body,
          // Sends the last events even if the user leaves the page.
          keepalive: sizeOf(body) <= KEEPALIVE_BYTES,
        };
      });
      const answer = (await response.json().catch(() => ({}))) as {
        seq?: number;
        rejected?: { index: number; code: string; message: string }[];
        code?: string;
        detail?: string;
      };
      if (response.ok) return { done: true, seq: answer.seq, rejected: answer.rejected ?? [] };
      if (response.status === 413 && events.length > 1) return { done: false, reason: 'smaller' };
      // The gateway names each rejected event with its problem. Without such a list, the problem applies to all events.
      if (response.status === 400 || response.status === 403 || response.status === 413)
        return {
          done: true,
          seq: undefined,
          rejected:
            answer.rejected ??
            events.map((_, index) => ({ index, code: answer.code ?? '', message: answer.detail ?? '' })),
        };
      const after = Number(response.headers.get('retry-after'));
      const error = new FreshetClientError(response.status, answer);
      return { done: false, reason: 'again', error, ...(after > 0 ? { afterMs: after * 1_000 } : {}) };
    } catch (error) {
      return { done: false, reason: 'again', error };
    }
  }

  const queue = createQueue({
    send,
    batch,
    waitMs,
    capacity,
    retryMs,
    retryMaxMs,
    bytes: BATCH_BYTES,
    storage: options.storage,
    onRejected: options.onRejected,
    onTrouble: options.onTrouble,
  });

  const unlisten = listenToPage({ leave: queue.leave, online: () => void queue.flush().catch(() => {}) });

  const publish: FreshetClient['publish'] = (type, subject, data, extras = {}) => {
    const { id = newId(), time = new Date().toISOString() } = extras;
    queue.add({ specversion: '1.0', id, source, type, subject, time, data });
    return id;
  };

  const get = async <T = Ranking>(path: string): Promise<T> => answerOf<T>(await call(path, {}));
  const post = async <T = Ranking>(path: string, body: object): Promise<T> =>
    answerOf<T>(
      await call(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    );
  const inPath = (id: string): string => encodeURIComponent(id);

  /** Lists and objects are JSON in a query, also because the name of an attribute may hold a comma. */
  const queryText = (members: object): string =>
    Object.entries(members)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}=${inPath(typeof value === 'object' ? JSON.stringify(value) : String(value))}`)
      .join('&');
  const queryOf = (request: number | ListOptions = {}): string =>
    queryText({ n: 10, ...(typeof request === 'number' ? { n: request } : request) });

  function userOf({ user }: Ranking, given: string | undefined): string {
    const found = given ?? user;
    if (found === undefined) throw new TypeError('The list names no user. Pass the id of the user.');
    return found;
  }

  const react =
    (type: 'feedback.clicked.v1' | 'feedback.dismissed.v1') =>
    (ranking: Ranking, item: string, user?: string): string => {
      const position = ranking.items.findIndex((one) => one.item === item);
      const place = position === -1 ? {} : { position };
      return publish(type, userOf(ranking, user), { item, list: ranking.list, ...place });
    };

  return {
    publish,
    flush: queue.flush,
    get pending() {
      return queue.size;
    },
    recommend: (user, request = {}) =>
      post('/v1/recommendations', { ...(user === undefined ? {} : { user }), ...request }),
    recommendMany: async (users, request = {}) =>
      (await post<{ answers: UserRanking[] }>('/v1/recommendations/batch', { users, ...request })).answers,
    similar: (item, request) => get(`/v1/items/${inPath(item)}/similar?${queryOf(request)}`),
    trending: (request) => get(`/v1/trending?${queryOf(request)}`),
    items: async (ids) => {
      const found: CatalogueItems = { items: [], unknown: [] };
      for (let start = 0, end = 0; start < ids.length; start = end) {
        let length = 0;
        while (end < ids.length && length < IDS_LENGTH) length += inPath(JSON.stringify(ids[end++])).length;
        const path = `/v1/items?ids=${inPath(JSON.stringify(ids.slice(start, end)))}`;
        for (let cursor: string | null | undefined; cursor !== null; ) {
          const page: CatalogueItems & { next: string | null } = await get(
            cursor === undefined ? path : `${path}&cursor=${inPath(cursor)}`,
          );
          found.items.push(...page.items);
          found.unknown.push(...page.unknown);
          cursor = page.next;
        }
      }
      return found;
    },
    search: (words, options = {}) => get<FoundItems>(`/v1/items?${queryText({ q: words, ...options })}`),
    rendered: (ranking, { user, arm = ranking.arm ?? 'main', context } = {}) => {
      const { list, items, snapshot, config } = ranking;
      if (reported.has(list)) return;
      reported.add(list);
      const [oldest] = reported;
      if (reported.size > REPORTED && oldest !== undefined) reported.delete(oldest);
      const shown = items.map(({ item, score, propensity, explored }) => ({
        item,
        score,
        ...(propensity === undefined ? {} : { propensity }),
        ...(explored === undefined ? {} : { explored }),
      }));
      // A second report after a reload is another event about the same list. Freshet counts the list once.
      publish('feedback.served.v1', userOf(ranking, user), {
        list,
        items: shown,
        snapshot,
        config,
        arm,
        ...(context ? { context } : {}),
      });
    },
    clicked: react('feedback.clicked.v1'),
    dismissed: react('feedback.dismissed.v1'),
    watch: async (user, onList, { signal, ...request }) => {
      let last: string | undefined;
      while (!signal.aborted) {
        const connection = connectionUntil(signal, silenceMs);
        try {
          const response = await call(
            `/v1/users/${inPath(user)}/recommendations/stream?${queryOf(request)}`,
            { headers: last === undefined ? {} : { 'last-event-id': last } },
            connection.signal,
          );
          if (!response.ok) await answerOf(response);
          for await (const { id, event, data } of readEvents(response, connection.alive)) {
            if (id !== undefined) last = id;
            if (event === 'ranking') onList(JSON.parse(data) as Ranking);
          }
        } catch (error) {
          if (signal.aborted) return;
          // An invalid request stays invalid.
          if (error instanceof FreshetClientError && error.status < 429 && error.status !== 408) throw error;
          options.onTrouble?.(error);
        } finally {
          connection.end();
        }
        await pauseFor(retryMs, signal);
      }
    },
    close: async () => {
      await queue.flush().catch(() => {});
      unlisten();
      queue.close();
    },
  };
}

/** A signal that aborts with another one, or after so many milliseconds without `alive`. */
function connectionUntil(signal: AbortSignal, silenceMs: number): { signal: AbortSignal; alive(): void; end(): void } {
  const own = new AbortController();
  const stop = (): void => own.abort(signal.reason);
  const silent = (): void => own.abort(new Error(`The gateway has sent nothing for ${silenceMs} ms.`));
  let timer = setTimeout(silent, silenceMs);
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  return {
    signal: own.signal,
    alive: () => {
      clearTimeout(timer);
      timer = setTimeout(silent, silenceMs);
    },
    end: () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    },
  };
}

const pauseFor = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
