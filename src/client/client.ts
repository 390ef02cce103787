/** A client for browsers and Node: publishes events, asks for lists, reports what is shown, watches a list change. */
import { newId } from './id.ts';
import { listenToPage } from './page.ts';
import { createQueue, type QueueStorage, type SendOutcome } from './queue.ts';
import { sizeOf } from './size.ts';
import { readEvents } from './sse.ts';
import type {
  ClientEvent,
  ClientEventData,
  ClientEventType,
  Ranking,
  RecommendOptions,
  RejectedEvent,
} from './types.ts';

export interface ClientOptions {
  /** Of the gateway: `https://recommend.example`. */
  url: string;
  /** Who publishes; with an event's id it is its identity. */
  source: string;
  /** A key (servers only), or a token; a function is asked again when what it gave is no longer taken. */
  key?: string | (() => string | Promise<string>);
  /** Events in one request, 50. */
  batch?: number;
  /** Milliseconds that an event waits for others, 200. */
  waitMs?: number;
  /** Events that are kept while they can't be sent, 1,000. */
  capacity?: number;
  /** Keeps events over a reload: `localStorage`. */
  storage?: QueueStorage;
  /** First and longest pause after a failure, milliseconds: 500 and 30,000. */
  retryMs?: number;
  retryMaxMs?: number;
  /** Milliseconds that a request may take, 10,000. */
  timeoutMs?: number;
  /** Milliseconds without a sign of life after which a watched list is asked for anew, 45,000: three of the gateway's. */
  silenceMs?: number;
  /** Called with an event that was refused for good. */
  onRejected?: (rejected: RejectedEvent) => void;
  /** Called where events could not be sent now; they are kept and sent again. */
  onTrouble?: (error: unknown) => void;
  fetch?: typeof fetch;
}

/** An answer that is an error: a problem document (RFC 9457). */
export class FreshetClientError extends Error {
  readonly status: number;
  /** Stable, for programs; `HTTP_` and the status where something on the way answered. */
  readonly code: string;
  /** The whole document. */
  readonly problem: Record<string, unknown>;

  constructor(status: number, problem: Record<string, unknown>) {
    super(String(problem.detail ?? `the gateway answered ${status}`));
    this.name = 'FreshetClientError';
    this.status = status;
    this.code = String(problem.code ?? `HTTP_${status}`);
    this.problem = problem;
  }
}

export interface PublishExtras {
  /** A new one unless given. */
  id?: string;
  /** RFC 3339; now unless given. */
  time?: string;
}

export interface FreshetClient {
  /** Puts an event in the queue and gives its id; it is sent soon, and again until the log has it. */
  publish<T extends ClientEventType>(
    type: T,
    subject: string,
    data: ClientEventData<T>,
    extras?: PublishExtras,
  ): string;
  /** Sends what is queued. Gives the highest position, for `min_seq`; throws where it can't be sent now (it is kept). */
  flush(): Promise<number | undefined>;
  /** Events that are not known to be stored. */
  readonly pending: number;
  /** A list; `user` may be left out where the options hold a history. Throws `FreshetClientError`. */
  recommend(user: string | undefined, options?: RecommendOptions): Promise<Ranking>;
  similar(item: string, n?: number): Promise<Ranking>;
  trending(n?: number): Promise<Ranking>;
  /** The list is on the screen: reports it as served, once for each list. */
  rendered(ranking: Ranking, options?: { user?: string; arm?: string; context?: Record<string, unknown> }): void;
  clicked(ranking: Ranking, item: string, user?: string): string;
  dismissed(ranking: Ranking, item: string, user?: string): string;
  /** Calls with the list, and again whenever it changes, until the signal is aborted. Comes back after breaks. */
  watch(user: string, onList: (ranking: Ranking) => void, options: { signal: AbortSignal; n?: number }): Promise<void>;
  /** Sends what is queued, if it can, and ends. */
  close(): Promise<void>;
}

/** Lists that are known to be reported. */
const REPORTED = 1_000;
/** Of all requests that outlive their page, 64 KiB is the most (Fetch standard, section 4.6); more is refused at once. */
const KEEPALIVE_BYTES = 60_000;

export function createClient(options: ClientOptions): FreshetClient {
  const { url, source, batch = 50, waitMs = 200, capacity = 1_000, retryMs = 500, retryMaxMs = 30_000 } = options;
  const { timeoutMs = 10_000, silenceMs = 45_000, fetch: request = fetch } = options;
  const base = url.replace(/\/$/, '');
  const reported = new Set<string>();
  let known: Promise<string> | undefined;

  /** The key, or the token that is known; another one in place of what is no longer taken. One question for all who wait. */
  async function keyOf(refused: string | undefined): Promise<string | undefined> {
    const { key } = options;
    if (typeof key !== 'function') return key;
    if (refused !== undefined && (await known?.catch(() => {})) === refused) known = undefined;
    known ??= (async () => key())();
    const asked = known;
    asked.catch(() => {
      if (known === asked) known = undefined;
    });
    return asked;
  }

  /** One request; once more with another token where the one that is known is no longer taken. */
  async function call(path: string, init: RequestInit, signal?: AbortSignal): Promise<Response> {
    let refused: string | undefined;
    for (let attempt = 0; ; attempt++) {
      const key = await keyOf(refused);
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
      const body = JSON.stringify(events);
      const response = await call('/v1/events', {
        method: 'POST',
        headers: { 'content-type': 'application/cloudevents-batch+json' },
        body,
        // A page that is left sends its last events all the same.
        keepalive: sizeOf(body) <= KEEPALIVE_BYTES,
      });
      const said = (await response.json().catch(() => ({}))) as {
        seq?: number;
        rejected?: { index: number; code: string; message: string }[];
        code?: string;
        detail?: string;
      };
      if (response.ok) return { done: true, seq: said.seq, rejected: said.rejected ?? [] };
      if (response.status === 413 && events.length > 1) return { done: false, reason: 'smaller' };
      // The gateway says of each event why it can never be taken; otherwise the same holds for all of them.
      if (response.status === 400 || response.status === 403 || response.status === 413)
        return {
          done: true,
          seq: undefined,
          rejected:
            said.rejected ?? events.map((_, index) => ({ index, code: said.code ?? '', message: said.detail ?? '' })),
        };
      const after = Number(response.headers.get('retry-after'));
      const error = new FreshetClientError(response.status, said);
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
    bytes: KEEPALIVE_BYTES,
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

  const get = async (path: string): Promise<Ranking> => answerOf(await call(path, {}));
  const inPath = (id: string): string => encodeURIComponent(id);

  function userOf({ user }: Ranking, given: string | undefined): string {
    const whose = given ?? user;
    if (whose === undefined) throw new TypeError('the list names no user; say whose it is');
    return whose;
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
    recommend: async (user, asked = {}) =>
      answerOf(
        await call('/v1/recommendations', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ ...(user === undefined ? {} : { user }), ...asked }),
        }),
      ),
    similar: (item, n = 10) => get(`/v1/items/${inPath(item)}/similar?n=${n}`),
    trending: (n = 10) => get(`/v1/trending?n=${n}`),
    rendered: (ranking, { user, arm = ranking.arm ?? 'main', context } = {}) => {
      const { list, items, snapshot, config } = ranking;
      if (reported.has(list)) return;
      reported.add(list);
      if (reported.size > REPORTED) for (const oldest of [...reported].slice(0, 1)) reported.delete(oldest);
      const shown = items.map(({ item, score, propensity, explored }) => ({
        item,
        score,
        ...(propensity === undefined ? {} : { propensity }),
        ...(explored === undefined ? {} : { explored }),
      }));
      // Reported again after a reload, it is another event about the same list, which counts once.
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
    watch: async (user, onList, { signal, n = 10 }) => {
      let last: string | undefined;
      while (!signal.aborted) {
        const connection = connectionUntil(signal, silenceMs);
        try {
          const response = await call(
            `/v1/users/${inPath(user)}/recommendations/stream?n=${n}`,
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
          // What is wrong with the question is wrong the next time as well.
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

/** A signal that is aborted with another one, or when there was no sign of life for so many milliseconds. */
function connectionUntil(signal: AbortSignal, silenceMs: number): { signal: AbortSignal; alive(): void; end(): void } {
  const own = new AbortController();
  const stop = (): void => own.abort(signal.reason);
  const silent = (): void => own.abort(new Error(`nothing was heard of the gateway for ${silenceMs} ms`));
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
