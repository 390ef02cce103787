/** Publishing rankings as a part of the engine: the replica that holds the lease writes them. */
import type { Database } from 'better-sqlite3';
import { RANKINGS } from '../../../streams.config.ts';
import { acceptedLosses } from '../../bus/log/losses.ts';
import { isKept } from '../../bus/projection/erasing.ts';
import { instanceName } from '../../bus/projection/files.ts';
import { CLAIMANTS_SINCE } from '../../bus/projection/session-links.ts';
import type { ServicePart } from '../../bus/service/description.ts';
import { createLease } from '../../bus/service/lease.ts';
import type { EngineContext } from '../engine-context.ts';
import type { ForgottenUsers } from '../fold/forgotten-users.ts';
import type { Lists } from '../serve/lists.ts';
import { movedBy } from '../serve/moved.ts';
import { changedItems, type ItemChange } from './changed-items.ts';
import { assertListsFit } from './payload.ts';
import { createRankingPublisher, readSettled } from './ranking-publisher.ts';

/** Milliseconds that a pending user waits at most while the fold is behind. */
const MAX_WAIT_MS = 5_000;

export interface PublishPartOptions {
  lists: Lists;
  /** Whether the model is behind the rows. */
  catchingUp: () => boolean;
  /** Whether callers are waiting for answers now. */
  asked: () => boolean;
  /** The arm that a user's published list belongs to; undefined: their arm has other lists. */
  arm: (user: string) => string | undefined;
  /** Name of the snapshot in force, and hash of the settings that answers depend on. */
  snapshot: () => string;
  answerConfig: string;
  forgotten: ForgottenUsers;
}

/**
 * Throws `ConfigInvalidError` if published lists might be larger than a message.
 *
 * An instance that is configured to publish no rankings says so in its status, and has nothing else to do.
 */
export function createPublishPart(context: EngineContext, options: PublishPartOptions): ServicePart {
  const { nc, log, publisher, logger, loop, resolve, metrics } = context;
  const { lists, forgotten } = options;
  const { db } = context.store;
  const { engine } = context.config;
  if (!engine.publish_rankings)
    return {
      name: 'rankings',
      status: () => ({ rankings: { users: 0, items: 0, oldestSeconds: 0, written_here: false } }),
    };
  assertListsFit(engine, nc.info?.max_payload ?? Number.POSITIVE_INFINITY);
  const publishing = createRankingPublisher({
    nc,
    tracing: context.tracing,
    lists,
    publisher,
    logger,
    caughtUp: loop.caughtUp,
    paused: () => options.catchingUp() || !lease.held(),
    seq: loop.position,
    changedItems: (between) => changedItems({ db, nc }, between),
    sliceMs: engine.ranking_slice_ms,
    share: engine.ranking_share,
    serving: options.asked,
    window: engine.ranking_window,
    windowBytes: engine.ranking_window_bytes,
    maxWaitMs: MAX_WAIT_MS,
    similarIntervalMs: engine.similar_interval_ms,
    similarBatch: engine.similar_batch,
    similarLength: engine.similar_length,
    trendingLength: engine.list_length,
    arm: options.arm,
    snapshot: options.snapshot,
    config: options.answerConfig,
    onPublished: (kind, seconds) => {
      metrics.published.inc({ kind });
      if (kind === 'user') metrics.delay.observe(seconds);
    },
  });
  const lease = createLease({
    nc,
    key: 'rankings',
    holder: instanceName('engine', context.replica),
    lapseMs: engine.lease_ms,
    logger,
    ready: () => loop.status().state === 'ready',
    refuses: () => loop.status().state === 'refusing',
    onGained: begin,
    onLost: () => publishing.stop(),
  });
  async function begin(): Promise<void> {
    // A list from before an accepted loss may show lost messages.
    const loss = (await acceptedLosses(log)).at(-1)?.seq ?? 0;
    const found = await readSettled(nc);
    const since = (seq: number): number => (seq < loss ? 0 : seq);
    const settled = { users: since(found.users), similar: since(found.similar) };
    publishing.start(settled);
    // Only the rows show which users were pending at the replica that held the lease before.
    publishing.enqueue(actedSince(db, settled.users, resolve), []);
  }
  return {
    name: 'rankings',
    // An empty bucket has no position, so that every ranking is pending.
    madeAgain: async (name) => {
      if (name !== RANKINGS.name || !lease.held()) return;
      await publishing.stop();
      await begin();
    },
    effects: [
      {
        name: 'rankings',
        afterCommit: ({ events, catchUp, traces }) => {
          // Events of a catch-up made their users pending when they were committed, or do so when the replica gains the lease.
          if (catchUp) return;
          for (const user of forgotten.users()) publishing.forget(user);
          const { users, items } = movedBy(events, resolve, forgotten.forgottenAt);
          if (traces && traces.size > 0)
            for (const { seq, subject } of events) {
              const trace = traces.get(seq);
              if (trace && users.has(resolve(subject))) publishing.follow(resolve(subject), trace);
            }
          publishing.enqueue(users, items);
        },
        // At a start, the replica does this when it gains the lease.
        derive: async (since) => {
          if (since === 0) return;
          const items: ItemChange[] = [];
          for await (const change of changedItems({ db, nc }, { since, to: loop.position() })) items.push(change);
          publishing.enqueue(actedSince(db, since, resolve), items);
        },
      },
    ],
    status: () => ({ rankings: { ...publishing.backlog(), written_here: lease.held() } }),
    refreshMetrics: () => {
      const { users, oldestSeconds } = publishing.backlog();
      metrics.backlog.set(users);
      metrics.backlogAge.set(oldestSeconds);
    },
    start: lease.start,
    stop: lease.stop,
  };
}

/** Users with an event after a position. */
function actedSince(db: Database, seq: number, resolve: (user: string) => string): Set<string> {
  const ids = db.prepare<[number, number, number], { id: string }>(
    `SELECT user AS id FROM interaction WHERE seq > ? AND ${isKept('interaction.seq')}
     UNION SELECT user FROM traits WHERE seq > ? AND ${isKept('traits.seq')}
     UNION ${CLAIMANTS_SINCE}`,
  );
  return new Set(ids.all(seq, seq, seq).map(({ id }) => resolve(id)));
}
