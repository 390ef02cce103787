/** Gathers what a report shows from the services. */
import type { NatsConnection } from 'nats';
import { EVENTS } from '../../streams.config.ts';
import { call } from '../bus/nats/micro.ts';
import type { QualityPoint, ReportData } from '../console/report/data.ts';
import type { SnapshotsAnswer, SnapshotView } from '../engine/lifecycle/rollback.ts';
import type { SummaryAnswer } from '../feedback/api.ts';
import type { ItemsAnswer } from '../feedback/items.ts';
import { VERSION } from '../version.ts';
import { titlesOf } from './titles.ts';

/** Milliseconds that a service may take for an answer. */
const ANSWER_MS = 60_000;

interface Prequential {
  windows?: { size: number; events: number; model: Figures; popular: Figures; item_knn: Figures }[];
}
interface Figures {
  hr: number;
  ndcg: number;
}

/** @param n items in each of the two lists of items */
export async function gatherReport(nc: NatsConnection, n: number): Promise<ReportData> {
  const ask = <T>(subject: string, request: Record<string, unknown> = {}): Promise<T> =>
    call<T>(nc, subject, request, { timeoutMs: ANSWER_MS });
  const [summary, top, never, { snapshots }, { model }, log] = await Promise.all([
    ask<SummaryAnswer>('freshet.feedback.summary'),
    ask<ItemsAnswer>('freshet.feedback.items', { order: 'impressions', n }),
    ask<ItemsAnswer>('freshet.feedback.items', { order: 'never', n }),
    ask<SnapshotsAnswer>('freshet.engine.snapshots'),
    ask<{ model?: { users: number; items: number; events: number } }>('freshet.engine.status'),
    (await nc.jetstreamManager()).streams.info(EVENTS.name),
  ]);
  const titles = await titlesOf(
    nc,
    [...top.items, ...never.items].map(({ item }) => item),
  );
  const titled = <T extends { item: string }>(one: T): T & { title: string | null } => ({
    ...one,
    title: titles.get(one.item) ?? null,
  });
  return {
    at: new Date().toISOString(),
    version: VERSION,
    head: log.state.last_seq,
    messages: log.state.messages,
    model: model ? { users: model.users, items: model.items, events: model.events } : null,
    quality: snapshots.flatMap(qualityOf).sort((a, b) => a.seq - b.seq),
    lists: summary.lists,
    total: summary.total,
    shown: summary.shown,
    days: summary.by_day
      .map(({ day, impressions, ctr, shown }) => ({ day, impressions, ctr, coverage: shown.coverage }))
      .reverse(),
    by_position: summary.by_position,
    items: {
      shown: top.shown,
      never_shown: top.never_shown,
      top: top.items.map(titled),
      never: never.items.map(({ item }) => titled({ item })),
    },
    experiments: summary.experiments,
  };
}

/** The long window of a snapshot, whose figures differ least by chance. */
function qualityOf({ seq, event_time, prequential }: SnapshotView): QualityPoint[] {
  const window = (prequential as Prequential | null)?.windows?.at(-1);
  if (window === undefined || window.events === 0) return [];
  const { events, model, popular, item_knn } = window;
  return [{ time: Date.parse(event_time), seq, events, model, popular, item_knn }];
}
