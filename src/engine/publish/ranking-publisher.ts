/**
 * Publishes rankings to KV as they change. Computing a list costs hundreds of times what learning from an event does, so
 * the publisher coalesces: it keeps the users whose ranking is pending, and publishes the newest of them first while the
 * fold has caught up. While the fold is behind, it publishes only rankings that have waited too long.
 */
import type { NatsConnection } from 'nats';
import type { Logger } from 'pino';
import { RANKINGS } from '../../../streams.config.ts';
import { encodeToken } from '../../bus/event/ids.ts';
import { createPoller, type Poller } from '../../bus/nats/poller.ts';
import type { Publisher } from '../../bus/nats/publisher.ts';
import { createTimeLimit } from '../../bus/nats/time-limit.ts';
import { flushWrites } from '../../bus/nats/write-coalescing.ts';
import { messageOf } from '../../errors.ts';
import type { Trace } from '../../observability/tracing/trace-context.ts';
import type { Tracing } from '../../observability/tracing/tracing.ts';
import type { Lists } from '../serve/lists.ts';
import type { ItemChange } from './changed-items.ts';
import { createRankingSpans } from './ranking-spans.ts';
import { createUserPuts } from './user-puts.ts';

/** Key of the trending list; it also says up to which positions all other lists are published. */
const TRENDING = 'trending';

/** One in so many lists is that of the user who has waited longest; the second number holds once that is too long. */
const OLDEST_EVERY = 4;
const OVERDUE_EVERY = 2;
/** One in so many lists is one of similar items, while some are due. */
const SIMILAR_EVERY = 4;
/** Milliseconds until the publisher tries again after an error. */
const RETRY_MS = 1_000;
/** Milliseconds that a stop waits for the puts that are on their way. */
const STOP_MS = 1_000;

/** Positions of the log up to which all lists that were due are published; 0 if that is unknown. */
export interface Settled {
  users: number;
  similar: number;
}

/** Reads up to which position the previous publisher has published. Throws the errors of the connection. */
export async function readSettled(nc: NatsConnection): Promise<Settled> {
  const kv = await nc.jetstream().views.kv(RANKINGS.name, { bindOnly: true });
  const entry = await kv.get(TRENDING);
  if (entry?.operation !== 'PUT') return { users: 0, similar: 0 };
  const { settled = 0, settled_similar = 0 } = entry.json<{ settled?: number; settled_similar?: number }>();
  // Releases that wrote no `settled_similar` lost the lists of similar items that were due at a stop, and their `settled`
  // covers users alone. The position is then unknown, and the engine publishes all lists of similar items once.
  return { users: settled, similar: settled_similar };
}

export interface RankingPublisherOptions {
  nc: NatsConnection;
  tracing?: Tracing | undefined;
  lists: Pick<Lists, 'refresh' | 'similar' | 'trending'>;
  publisher: Pick<Publisher, 'publish'>;
  logger: Logger;
  caughtUp: () => boolean;
  /** Whether nothing may be published now: the model is behind the rows, or another instance publishes. */
  paused: () => boolean;
  /** Position of the fold. */
  seq: () => number;
  /** Items that changed after one position, up to another. */
  changedItems: (between: { since: number; to: number }) => AsyncIterable<ItemChange>;
  /** Milliseconds of computing until the event loop goes on with other work. The publisher finishes a list first. */
  sliceMs: number;
  /** Whether callers are requesting lists now. */
  serving: () => boolean;
  /** Share of the time that the publisher takes at most while they do, 0 to 1. */
  share: number;
  /** Puts that are on their way to KV at once. */
  window: number;
  /** Bytes of puts on their way above which the publisher begins no other. */
  windowBytes: number;
  /** Milliseconds after which a pending user has waited too long, and goes before newer ones. */
  maxWaitMs: number;
  /** Milliseconds between publications of the trending list and of lists of similar items. */
  similarIntervalMs: number;
  /** Lists of similar items per interval while events arrive. After an interval without events, all lists that are due. */
  similarBatch: number;
  /** Items in a list of similar items. */
  similarLength: number;
  /** Items in the trending list. */
  trendingLength: number;
  /** The arm that a user's published list belongs to; undefined: their arm has other lists. */
  arm: (user: string) => string | undefined;
  snapshot: () => string;
  config: string;
  onPublished?: (kind: 'user' | 'similar' | 'trending', seconds: number) => void;
}

export interface RankingPublisher {
  /** These users changed, and these items at these positions. A stopped publisher ignores it: its next start finds them. */
  enqueue(users: Iterable<string>, items: Iterable<ItemChange>): void;
  /** A traced event moved the ranking of this user, who is enqueued next. */
  follow(user: string, trace: Trace): void;
  /**
   * Publishes nothing of this user any more, and purges the key if a put of it is in flight. Also while stopped,
   * when another instance publishes.
   */
  forget(user: string): void;
  /** Pending users and items, and the seconds that the oldest pending user has waited. */
  backlog(): { users: number; items: number; oldestSeconds: number };
  /**
   * Publishes from now on, also the lists of similar items that were due before. The caller enqueues the users.
   *
   * @param settled see {@link readSettled}; left out: unknown
   */
  start(settled?: Settled): void;
  /** Publishes nothing more, until the next start. Waits for the puts that are on their way, a second at most. */
  stop(): Promise<void>;
}

/** The time from a start to the next stop. */
interface Tenure {
  /** Position up to which lists of similar items were published before. */
  since: number;
  /** Whether all items that changed since are pending. */
  complete: boolean;
}

export function createRankingPublisher(options: RankingPublisherOptions): RankingPublisher {
  const { nc, lists, publisher, logger, caughtUp, paused, sliceMs, serving, share, window, windowBytes, maxWaitMs } =
    options;
  const { similarIntervalMs, similarBatch, similarLength, trendingLength } = options;
  /** Pending users, with the time since when they wait. A user who changes again keeps the time. */
  const pendingUsers = new Map<string, number>();
  /** Changes of users in order; the newest is the next one. Users may be in it more than once, or not pending any more. */
  let changes: string[] = [];
  /** With the position of the first change that no published list holds. */
  const pendingItems = new Map<string, number>();
  /** That position of each list of similar items that is on its way. */
  const itemPuts = new Set<{ seq: number }>();
  const spans = createRankingSpans(options.tracing);
  const userPuts = createUserPuts({
    nc,
    logger,
    onPurged: (user, since) => {
      if (since !== undefined && !stopped) addUser(user, since);
      if (isIdle()) onIdle();
      schedule();
    },
  });
  let stopped = true;
  let tenure: Tenure = { since: 0, complete: true };
  /** Position up to which users' rankings are published. */
  let settledUsers = 0;
  /** Whether lists of similar items were published since the trending list last recorded their position. */
  let trendingDue = false;
  /** Lists of similar items that may be published before the next interval. */
  let similarQuota = 0;
  /** Position at the last interval. */
  let intervalSeq = -1;
  let trending: Poller | undefined;
  let scheduled = false;
  /** Lists computed so far. */
  let computed = 0;
  let inFlight = 0;
  let inFlightBytes = 0;
  let retryAt = 0;
  let onIdle: () => void = () => {};

  const isFull = (): boolean => inFlight >= window || inFlightBytes >= windowBytes;
  const isIdle = (): boolean => inFlight === 0 && userPuts.purges() === 0;

  function enqueue(users: Iterable<string>, items: Iterable<ItemChange>): void {
    if (stopped) return;
    const now = performance.now();
    for (const user of users) addUser(user, now);
    for (const [item, seq] of items) addItem(item, seq);
    if (changes.length > 4 * pendingUsers.size + 1_000) changes = newestChanges(changes, pendingUsers);
    schedule();
  }

  function addUser(user: string, since: number): void {
    if (userPuts.defer(user, since)) return;
    if (!pendingUsers.has(user)) pendingUsers.set(user, since);
    changes.push(user);
  }

  const addItem = (item: string, seq: number): void =>
    void pendingItems.set(item, Math.min(seq, pendingItems.get(item) ?? seq));

  /** Enqueues the items that changed before this start. It reads some of them from the log, so it tries until it can. */
  async function enqueueChanged(current: Tenure, to: number): Promise<void> {
    try {
      for await (const [item, seq] of options.changedItems({ since: current.since, to })) {
        if (tenure !== current || stopped) return;
        addItem(item, seq);
      }
      current.complete = true;
      trendingDue = true;
    } catch (err) {
      if (tenure !== current || stopped) return;
      logger.warn({ reason: messageOf(err) }, 'the engine could not read which items changed; it tries again');
      setTimeout(() => void enqueueChanged(current, to), RETRY_MS).unref();
    }
  }

  /** Position up to which lists of similar items are published, also if this process ends now. */
  function settledSimilar(): number {
    let settled = options.seq();
    if (!tenure.complete) settled = Math.min(settled, tenure.since);
    for (const seq of pendingItems.values()) settled = Math.min(settled, seq - 1);
    for (const { seq } of itemPuts) settled = Math.min(settled, seq - 1);
    return settled;
  }

  const anyDue = (): boolean => pendingUsers.size > 0 || (similarQuota > 0 && pendingItems.size > 0);

  function schedule(): void {
    if (scheduled || stopped || !anyDue()) return;
    scheduled = true;
    setImmediate(run);
  }

  function run(): void {
    scheduled = false;
    const tookMs = publishSlice();
    if (tookMs === undefined || !anyDue() || stopped) return;
    scheduled = true;
    // Callers go before lists that no caller has requested.
    const restMs = serving() ? tookMs * (1 / share - 1) : 0;
    if (restMs >= 1) setTimeout(run, restMs);
    else setImmediate(run);
  }

  /** Publishes for one slice of time. Returns the milliseconds that it took; undefined if it cannot publish now. */
  function publishSlice(): number | undefined {
    const started = performance.now();
    if (stopped || paused() || isFull() || started < retryAt) return undefined;
    const behind = !caughtUp();
    // Answers that are ready go out before the computing begins.
    flushWrites();
    let tookMs = 0;
    while (tookMs < sliceMs && anyDue() && !isFull()) {
      computed++;
      if (!behind && similarIsNext()) publishSimilar();
      else {
        const user = behind ? overdueUser() : nextUser();
        if (user === undefined) return undefined;
        publishUser(user);
      }
      tookMs = performance.now() - started;
    }
    return tookMs;
  }

  const similarIsNext = (): boolean =>
    similarQuota > 0 && pendingItems.size > 0 && (pendingUsers.size === 0 || computed % SIMILAR_EVERY === 1);

  /** The user who has waited longest, if that is too long. */
  function overdueUser(): string | undefined {
    for (const [user, since] of pendingUsers) return performance.now() - since > maxWaitMs ? user : undefined;
    return undefined;
  }

  /** The newest, as their list is the one that a page shows now; now and then the oldest, so that no user waits for ever. */
  function nextUser(): string | undefined {
    const every = overdueUser() === undefined ? OLDEST_EVERY : OVERDUE_EVERY;
    if (computed % every !== 0)
      for (let user = changes.pop(); user !== undefined; user = changes.pop()) if (pendingUsers.has(user)) return user;
    for (const user of pendingUsers.keys()) return user;
    return undefined;
  }

  function publishUser(user: string): void {
    const since = pendingUsers.get(user) as number;
    pendingUsers.delete(user);
    const span = spans.begin(user);
    span?.mark('computing');
    const { items, seq, source } = lists.refresh(user);
    span?.mark('computed');
    span?.set({ 'freshet.seq': seq, 'freshet.items': items.length });
    userPuts.begin(user);
    const arm = options.arm(user);
    const view = { user, items, seq, source, ...(arm === undefined ? {} : { arm }) };
    put(`user.${encodeToken(user)}`, view, span?.trace, (stored) => {
      span?.end(stored ? undefined : 'FRESHET_PUBLISH_UNACKNOWLEDGED');
      const forgotten = userPuts.end(user);
      if (stored) options.onPublished?.('user', (performance.now() - since) / 1000);
      else if (!forgotten && !stopped) pendingUsers.set(user, Math.min(since, pendingUsers.get(user) ?? since));
    });
  }

  function publishSimilar(): void {
    for (const [item, since] of pendingItems) {
      const started = performance.now();
      similarQuota--;
      pendingItems.delete(item);
      const { items, seq, source } = lists.similar(item, similarLength);
      const flight = { seq: since };
      itemPuts.add(flight);
      put(`similar.${encodeToken(item)}`, { item, items, seq, source }, undefined, (stored) => {
        itemPuts.delete(flight);
        trendingDue = true;
        if (stored) options.onPublished?.('similar', (performance.now() - started) / 1000);
        else if (!stopped) addItem(item, since);
      });
      return;
    }
  }

  /** Each event may change the trending list and lists of similar items, so these are published at intervals. */
  function publishTrending(): void {
    // Also if the publisher was paused when the users became pending.
    schedule();
    if (stopped || paused() || performance.now() < retryAt || !caughtUp()) return;
    // Once all lists are published the trending list says so, or the next start would publish the newest ones again.
    const last = pendingItems.size === 0 && itemPuts.size === 0;
    if (last ? !trendingDue : pendingItems.size === 0) return;
    const started = performance.now();
    // While events come the next one may change these lists again; once it is quiet there is time for all of them.
    const quiet = options.seq() === intervalSeq;
    intervalSeq = options.seq();
    similarQuota = quiet ? pendingItems.size : similarBatch;
    const { items, seq, source } = lists.trending(trendingLength);
    if (last) trendingDue = false;
    const view = { items, seq, source, settled: settledUsers, settled_similar: settledSimilar() };
    put(TRENDING, view, undefined, (stored) => {
      if (stored) options.onPublished?.('trending', (performance.now() - started) / 1000);
      else trendingDue = true;
    });
    schedule();
  }

  /**
   * @param trace of the event that moved the list
   * @param ended called once, with whether KV has stored the value; false if that is unknown
   */
  function put(key: string, value: object, trace: Trace | undefined, ended: (stored: boolean) => void): void {
    const payload = Buffer.from(JSON.stringify({ ...value, snapshot: options.snapshot(), config: options.config }));
    inFlight++;
    inFlightBytes += payload.length;
    publisher
      .publish({ subject: `$KV.${RANKINGS.name}.${key}`, payload, ...(trace ? { headers: { ...trace } } : {}) })
      .then(
        () => ended(true),
        (err: unknown) => {
          ended(false);
          retryAt = performance.now() + RETRY_MS;
          logger.warn({ err, key: key.split('.')[0] }, 'the engine could not publish a ranking; it tries again');
        },
      )
      .finally(() => {
        inFlight--;
        inFlightBytes -= payload.length;
        if (isIdle() && pendingUsers.size === 0) settledUsers = options.seq();
        if (isIdle()) onIdle();
        schedule();
      });
  }

  return {
    enqueue,
    follow: (user, trace) => {
      if (!stopped) spans.moved(user, trace);
    },
    forget: (user) => {
      spans.forget(user);
      pendingUsers.delete(user);
      changes = changes.filter((one) => one !== user);
      userPuts.forget(user);
    },
    backlog: () => {
      const [oldest] = pendingUsers.values();
      return {
        users: pendingUsers.size,
        items: pendingItems.size,
        oldestSeconds: oldest === undefined ? 0 : (performance.now() - oldest) / 1000,
      };
    },
    start: (settled = { users: 0, similar: 0 }) => {
      stopped = false;
      settledUsers = settled.users;
      tenure = { since: settled.similar, complete: false };
      void enqueueChanged(tenure, options.seq());
      void trending?.stop();
      trending = createPoller({
        everyMs: similarIntervalMs,
        run: publishTrending,
        onError: (err) => logger.warn({ err, key: TRENDING }, 'the engine could not publish a ranking; it tries again'),
      });
      trending.start();
      schedule();
    },
    stop: async () => {
      stopped = true;
      void trending?.stop();
      spans.clear();
      pendingUsers.clear();
      pendingItems.clear();
      changes = [];
      similarQuota = 0;
      if (isIdle()) return;
      const idle = new Promise<void>((resolve) => {
        onIdle = resolve;
      });
      const limit = createTimeLimit(STOP_MS);
      await limit.race(idle);
      limit.end();
    },
  };
}

/** The newest change of each pending user, in order. */
function newestChanges(changes: readonly string[], pending: ReadonlyMap<string, number>): string[] {
  const users = new Set<string>();
  for (const user of changes.toReversed()) if (pending.has(user)) users.add(user);
  return [...users].reverse();
}
