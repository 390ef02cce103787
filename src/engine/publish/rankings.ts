/**
 * Rankings as they move, in KV. Computing a list costs hundreds of times what learning an event does, so lists are
 * coalesced: who acted is marked, and marked users are drained newest first whenever the fold has caught up; while it
 * hasn't, only those that have waited too long.
 */
import type { NatsConnection } from 'nats';
import type { Logger } from 'pino';
import { RANKINGS } from '../../../streams.config.ts';
import { encodeToken } from '../../bus/event/ids.ts';
import { isNotFound } from '../../bus/nats/connection.ts';
import { onceMade } from '../../bus/nats/once-made.ts';
import type { Publisher } from '../../bus/nats/publisher.ts';
import { sendNow } from '../../bus/nats/turn.ts';
import { messageOf } from '../../errors.ts';
import type { Lists } from '../serve/lists.ts';
import type { ItemChange } from './changed-items.ts';

/** Key of the trending list; it also says up to which positions all other lists are published. */
const TRENDING = 'trending';

/** One in so many lists is that of the user who was marked longest ago; every other one once that is too long. */
const OLDEST_EVERY = 4;
const OVERDUE_EVERY = 2;
/** One in so many lists is one of similar items, while some are due. */
const SIMILAR_EVERY = 4;
/** Milliseconds until a put or a purge that failed is tried again. */
const RETRY_MS = 1_000;
/** Milliseconds that a stop waits for the puts that are on their way. */
const STOP_MS = 1_000;

/** Positions of the log up to which all that was due is published; 0 where nothing is known. */
export interface Settled {
  users: number;
  similar: number;
}

/** What the engine that published last says of itself. Throws what the way to the server throws. */
export async function readSettled(nc: NatsConnection): Promise<Settled> {
  const kv = await nc.jetstream().views.kv(RANKINGS.name, { bindOnly: true });
  const entry = await kv.get(TRENDING);
  if (entry?.operation !== 'PUT') return { users: 0, similar: 0 };
  const { settled = 0, settled_similar = 0 } = entry.json<{ settled?: number; settled_similar?: number }>();
  // Releases that wrote no `settled_similar` lost the lists of similar items that were due at a stop, and `settled` is
  // about users alone. So nothing is known, and all lists of similar items are published once.
  return { users: settled, similar: settled_similar };
}

export interface RankingsOptions {
  nc: NatsConnection;
  lists: Pick<Lists, 'refresh' | 'similar' | 'trending'>;
  publisher: Pick<Publisher, 'publish'>;
  logger: Logger;
  caughtUp: () => boolean;
  /** Whether nothing may be published as of now: the model is behind the rows, or another instance writes. */
  paused: () => boolean;
  /** Position of the fold. */
  seq: () => number;
  /** Items that changed behind one position, up to another. */
  changedItems: (between: { since: number; to: number }) => AsyncIterable<ItemChange>;
  /** Milliseconds of computing between two looks at what else there is to do: a list is not broken off. */
  sliceMs: number;
  /** Whether somebody waits for answers just now. */
  asked: () => boolean;
  /** Share of the time that rankings take at most while somebody does. */
  share: number;
  /** Rankings on their way to KV at once. */
  window: number;
  /** Milliseconds after which a marked user has waited too long: from then on they go before newer ones. */
  maxWaitMs: number;
  /** Milliseconds between publications of similar items and of the trending list. */
  similarIntervalMs: number;
  /** Lists of similar items in that time while events come; once it is quiet all that are due. */
  similarBatch: number;
  similarLength: number;
  trendingLength: number;
  /** The arm that a user's published list belongs to; undefined: their arm has other lists. */
  arm: (user: string) => string | undefined;
  snapshot: () => string;
  config: string;
  onPublished?: (kind: 'user' | 'similar' | 'trending', seconds: number) => void;
}

export interface Rankings {
  /** These users changed, and these items at these positions. Ignored while stopped: the next start finds them. */
  mark(users: Iterable<string>, items: Iterable<ItemChange>): void;
  /**
   * Nothing is published of this user any more. Their key goes as well if a put of it is on its way, as that may be
   * stored after the erasure has purged the key. Also while another instance publishes.
   */
  forget(user: string): void;
  /** Users marked and not yet published, and the age of the oldest mark in seconds. */
  backlog(): { users: number; items: number; oldestSeconds: number };
  /**
   * Publishes from now on, also the lists of similar items that were due before. The caller marks the users.
   *
   * @param settled see {@link readSettled}; left out: nothing is known
   */
  start(settled?: Settled): void;
  /** Publishes no more, until the next start. Waits for the puts that are on their way, a second at most. */
  stop(): Promise<void>;
}

/** The time from a start to the next stop. */
interface Tenure {
  /** Position up to which lists of similar items were published before. */
  since: number;
  /** Whether all items that changed since are marked. */
  complete: boolean;
}

/** A user who was forgotten while puts of their ranking were on their way. */
interface Purge {
  /** Puts that are still on their way. */
  puts: number;
  /** When the user acted again under the same id; undefined: they did not. */
  again: number | undefined;
}

export function createRankings(options: RankingsOptions): Rankings {
  const {
    nc,
    lists,
    publisher,
    logger,
    caughtUp,
    paused,
    sliceMs,
    asked,
    share,
    window,
    maxWaitMs,
    similarIntervalMs,
    similarBatch,
    similarLength,
    trendingLength,
  } = options;
  // By time of the first mark; marked again, the age stays while the place in the queue moves to the end.
  const marked = new Map<string, number>();
  /** Items whose list is due, with the position of the first change that no published list holds. */
  const markedItems = new Map<string, number>();
  /** The same of lists of similar items that are on their way. */
  const itemPuts = new Set<{ seq: number }>();
  let tenure: Tenure = { since: 0, complete: true };
  /** Whether lists of similar items were published of which the trending list does not say so yet. */
  let unsaid = false;
  let scheduled = false;
  let stopped = true;
  let turn = 0;
  /** Lists of similar items that may be published before the next interval. */
  let similarDue = 0;
  /** Position at the last look at similar items. */
  let slowAt = -1;
  let inFlight = 0;
  let retryAt = 0;
  let timer: NodeJS.Timeout | undefined;
  let newest: string[] = [];
  let settled = 0;
  /** Puts of users' rankings that are on their way. */
  const puts = new Map<string, number>();
  const purges = new Map<string, Purge>();
  let landed: () => void = () => {};
  const manager = onceMade(() => nc.jetstreamManager({ checkAPI: false }));

  function mark(users: Iterable<string>, items: Iterable<ItemChange>): void {
    if (stopped) return;
    const now = performance.now();
    for (const user of users) markUser(user, now);
    for (const [item, seq] of items) markItem(item, seq);
    if (newest.length > 4 * marked.size + 1_000) newest = lastMentions(newest, marked);
    schedule();
  }

  function markUser(user: string, since: number): void {
    const purge = purges.get(user);
    if (purge) {
      purge.again ??= since;
      return;
    }
    if (!marked.has(user)) marked.set(user, since);
    newest.push(user);
  }

  const markItem = (item: string, seq: number): void =>
    void markedItems.set(item, Math.min(seq, markedItems.get(item) ?? seq));

  /** Marks the items that changed before this start. The log is asked for some of them, so it is tried until it works. */
  async function findChanged(current: Tenure, to: number): Promise<void> {
    try {
      for await (const [item, seq] of options.changedItems({ since: current.since, to })) {
        if (tenure !== current || stopped) return;
        markItem(item, seq);
      }
      current.complete = true;
      unsaid = true;
    } catch (err) {
      if (tenure !== current || stopped) return;
      logger.warn({ reason: messageOf(err) }, 'the items that changed could not be read; it is tried again');
      setTimeout(() => void findChanged(current, to), RETRY_MS).unref();
    }
  }

  /** Position up to which lists of similar items are published, also if this process ends now. */
  function settledSimilar(): number {
    let settledTo = options.seq();
    if (!tenure.complete) settledTo = Math.min(settledTo, tenure.since);
    for (const seq of markedItems.values()) settledTo = Math.min(settledTo, seq - 1);
    for (const { seq } of itemPuts) settledTo = Math.min(settledTo, seq - 1);
    return settledTo;
  }

  function schedule(): void {
    if (scheduled || stopped || !anyDue()) return;
    scheduled = true;
    setImmediate(run);
  }

  const anyDue = (): boolean => marked.size > 0 || (similarDue > 0 && markedItems.size > 0);

  function run(): void {
    scheduled = false;
    const took = drain();
    if (took === undefined || !anyDue() || stopped) return;
    scheduled = true;
    // Whoever asks is not to wait behind lists that nobody has asked for.
    const rest = asked() ? took * (1 / share - 1) : 0;
    if (rest >= 1) setTimeout(run, rest);
    else setImmediate(run);
  }

  /** Milliseconds that it took; undefined where there is nothing to be done now. */
  function drain(): number | undefined {
    const started = performance.now();
    if (stopped || paused() || inFlight >= window || started < retryAt) return undefined;
    const behind = !caughtUp();
    // Who was answered is not to wait for lists that nobody has asked for.
    sendNow();
    let took = 0;
    while (took < sliceMs && anyDue() && inFlight < window) {
      turn++;
      if (!behind && similarNext()) publishSimilar();
      else {
        const user = behind ? overdue() : nextMarked();
        if (user === undefined) return undefined;
        publishUser(user);
      }
      took = performance.now() - started;
    }
    return took;
  }

  const similarNext = (): boolean =>
    similarDue > 0 && markedItems.size > 0 && (marked.size === 0 || turn % SIMILAR_EVERY === 1);

  /** The user marked longest ago, where that is too long. */
  function overdue(): string | undefined {
    for (const [user, since] of marked) return performance.now() - since > maxWaitMs ? user : undefined;
    return undefined;
  }

  /** The newest first, as they are the ones that are looked at; one in four the oldest, so that nobody waits for ever. */
  function nextMarked(): string | undefined {
    const every = overdue() === undefined ? OLDEST_EVERY : OVERDUE_EVERY;
    if (turn % every !== 0) return newestMarked();
    for (const user of marked.keys()) return user;
    return undefined;
  }

  function newestMarked(): string | undefined {
    for (let user = newest.pop(); user !== undefined; user = newest.pop()) if (marked.has(user)) return user;
    for (const user of marked.keys()) return user;
    return undefined;
  }

  function publishUser(user: string): void {
    const since = marked.get(user) as number;
    marked.delete(user);
    const { items, seq, source } = lists.refresh(user);
    const arm = options.arm(user);
    puts.set(user, (puts.get(user) ?? 0) + 1);
    put(`user.${encodeToken(user)}`, { user, items, seq, source, ...(arm === undefined ? {} : { arm }) }, (stored) => {
      const left = (puts.get(user) as number) - 1;
      if (left > 0) puts.set(user, left);
      else puts.delete(user);
      const purge = purges.get(user);
      if (purge) {
        purge.puts--;
        if (purge.puts === 0) void purgeKey(user);
      } else if (!stored && !stopped) marked.set(user, Math.min(since, marked.get(user) ?? since));
      if (stored) options.onPublished?.('user', (performance.now() - since) / 1000);
    });
  }

  /** @param ended called once with whether the value was stored; where that is unknown it was not */
  function put(key: string, value: object, ended: (stored: boolean) => void): void {
    inFlight++;
    const payload = Buffer.from(JSON.stringify({ ...value, snapshot: options.snapshot(), config: options.config }));
    publisher
      .publish({ subject: `$KV.${RANKINGS.name}.${key}`, payload })
      .then(
        () => ended(true),
        (err: unknown) => {
          ended(false);
          retryAt = performance.now() + RETRY_MS;
          logger.warn({ err, key: key.split('.')[0] }, 'a ranking could not be published; it is tried again');
        },
      )
      .finally(() => {
        inFlight--;
        if (inFlight === 0 && marked.size === 0) settled = options.seq();
        if (nothingOnItsWay()) landed();
        schedule();
      });
  }

  /** Takes away what a put may have stored behind the erasure's purge; a purge leaves no marker with the user's id. */
  async function purgeKey(user: string): Promise<void> {
    try {
      const { streams } = await manager();
      await streams.purge(`KV_${RANKINGS.name}`, { filter: `$KV.${RANKINGS.name}.user.${encodeToken(user)}` });
    } catch (err) {
      if (nc.isClosed()) return;
      // Without a bucket there is no key in it.
      if (!isNotFound(err)) {
        logger.warn({ reason: messageOf(err) }, 'a forgotten user’s ranking could not be purged; it is tried again');
        setTimeout(() => void purgeKey(user), RETRY_MS).unref();
        return;
      }
    }
    const again = purges.get(user)?.again;
    purges.delete(user);
    if (again !== undefined && !stopped) markUser(user, again);
    if (nothingOnItsWay()) landed();
    schedule();
  }

  const nothingOnItsWay = (): boolean => inFlight === 0 && purges.size === 0;

  /** Similar items and the trending list move with everybody's events, so they are published at intervals. */
  function publishSlow(): void {
    schedule();
    if (stopped || paused() || performance.now() < retryAt || !caughtUp()) return;
    // Once all lists are published the trending list says so, or the next start would publish the newest ones again.
    const last = markedItems.size === 0 && itemPuts.size === 0;
    if (last ? !unsaid : markedItems.size === 0) return;
    const started = performance.now();
    // While events come the next one may move these lists again; once it is quiet there is time for all of them.
    const quiet = options.seq() === slowAt;
    slowAt = options.seq();
    similarDue = quiet ? markedItems.size : similarBatch;
    const { items, seq, source } = lists.trending(trendingLength);
    if (last) unsaid = false;
    put(TRENDING, { items, seq, source, settled, settled_similar: settledSimilar() }, (stored) => {
      if (stored) options.onPublished?.('trending', (performance.now() - started) / 1000);
      else unsaid = true;
    });
    schedule();
  }

  function publishSimilar(): void {
    for (const [item, since] of markedItems) {
      similarDue--;
      markedItems.delete(item);
      const started = performance.now();
      const { items, seq, source } = lists.similar(item, similarLength, false);
      const flight = { seq: since };
      itemPuts.add(flight);
      put(`similar.${encodeToken(item)}`, { item, items, seq, source }, (stored) => {
        itemPuts.delete(flight);
        unsaid = true;
        if (stored) options.onPublished?.('similar', (performance.now() - started) / 1000);
        else if (!stopped) markItem(item, since);
      });
      return;
    }
  }

  return {
    mark,
    forget: (user) => {
      marked.delete(user);
      newest = newest.filter((one) => one !== user);
      const purge = purges.get(user);
      if (purge) purge.again = undefined;
      else if (puts.has(user)) purges.set(user, { puts: puts.get(user) as number, again: undefined });
    },
    backlog: () => {
      const [oldest] = marked.values();
      return {
        users: marked.size,
        items: markedItems.size,
        oldestSeconds: oldest === undefined ? 0 : (performance.now() - oldest) / 1000,
      };
    },
    start: (from = { users: 0, similar: 0 }) => {
      stopped = false;
      settled = from.users;
      tenure = { since: from.similar, complete: false };
      void findChanged(tenure, options.seq());
      timer = setInterval(publishSlow, similarIntervalMs);
      schedule();
    },
    stop: async () => {
      stopped = true;
      clearInterval(timer);
      marked.clear();
      markedItems.clear();
      newest = [];
      similarDue = 0;
      if (nothingOnItsWay()) return;
      await new Promise<void>((resolve) => {
        const limit = setTimeout(resolve, STOP_MS);
        landed = () => {
          clearTimeout(limit);
          resolve();
        };
      });
    },
  };
}

/** The queue without what is no longer marked and without earlier mentions of the same user. */
function lastMentions(queue: readonly string[], marked: ReadonlyMap<string, number>): string[] {
  const kept = new Set<string>();
  for (let i = queue.length - 1; i >= 0; i--) if (marked.has(queue[i] as string)) kept.add(queue[i] as string);
  return [...kept].reverse();
}
