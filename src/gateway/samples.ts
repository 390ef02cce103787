/**
 * Samples of the system over the last hour, in memory: one small request per service and interval, whether or not somebody
 * looks. The oldest sample makes room for the newest, so the memory is bounded.
 */
import { call } from '../bus/nats/micro.ts';
import { createPoller } from '../bus/nats/poller.ts';
import { SERVICES } from '../bus/projection/definition.ts';
import type { Link } from './link.ts';
import type { SystemStatus } from './system.ts';

export interface Sample {
  /** RFC 3339. */
  at: string;
  /** Newest sequence of the log. */
  head: number;
  /** Events per second that the log stored since the sample before; null in the first one, and after an outage. */
  events_per_s: number | null;
  /** Lists per second that callers of this gateway got from the engine. */
  lists_per_s: number | null;
  /** Events by service; null: it did not answer. */
  lag: Record<string, number | null>;
  dead_letters: number;
  /** Users whose ranking is pending; null: the engine did not answer. */
  rankings: number | null;
  /** Quality of the newest scored events; null before the engine scored any, and while it does not answer. */
  hr: number | null;
  ndcg: number | null;
  popularity_hr: number | null;
  popularity_ndcg: number | null;
  item_knn_hr: number | null;
  item_knn_ndcg: number | null;
}

export interface SamplesOptions {
  link: Link;
  /** Milliseconds between two samples; 0: none. */
  everyMs: number;
  /** Seconds for which a sample is kept. */
  keepS: number;
  /** Milliseconds that a service has to answer. */
  timeoutMs: number;
  /** Lists so far. */
  lists: () => number;
  /** Milliseconds, monotonic. */
  now?: () => number;
}

export interface Samples {
  start(): void;
  /** Oldest first. */
  recent(): readonly Sample[];
  /** Takes a sample now; resolves when it is there, or the log could not be reached. */
  take(): Promise<void>;
  stop(): Promise<void>;
}

export function createSamples(options: SamplesOptions): Samples {
  const { link, everyMs, keepS, timeoutMs, lists, now = () => performance.now() } = options;
  const most = everyMs === 0 ? 0 : Math.max(1, Math.ceil((keepS * 1_000) / everyMs));
  const samples: Sample[] = [];
  /** What the rates of the next sample count from; undefined at first, and after an outage. */
  let before: { at: number; head: number; lists: number } | undefined;

  async function sample(): Promise<void> {
    const { nc, log } = link.bus();
    const [{ lastSeq: head }, ...answers] = await Promise.all([
      log.info(),
      ...SERVICES.map((service) =>
        call<SystemStatus>(nc, `freshet.${service}.status`, {}, { timeoutMs }).catch(() => undefined),
      ),
    ]);
    const here = { at: now(), head, lists: lists() };
    const [window] = answers[SERVICES.indexOf('engine')]?.model?.prequential?.windows ?? [];
    samples.push({
      at: new Date().toISOString(),
      head,
      events_per_s: rate(here, 'head'),
      lists_per_s: rate(here, 'lists'),
      lag: Object.fromEntries(SERVICES.map((service, i) => [service, answers[i]?.lag ?? null])),
      dead_letters: answers.reduce((sum, answer) => sum + (answer?.dead_letters ?? 0), 0),
      rankings: answers.find((answer) => answer?.rankings)?.rankings?.users ?? null,
      hr: window?.model.hr ?? null,
      ndcg: window?.model.ndcg ?? null,
      popularity_hr: window?.popular.hr ?? null,
      popularity_ndcg: window?.popular.ndcg ?? null,
      item_knn_hr: window?.item_knn.hr ?? null,
      item_knn_ndcg: window?.item_knn.ndcg ?? null,
    });
    if (samples.length > most) samples.splice(0, samples.length - most);
    before = here;
  }

  function rate(here: NonNullable<typeof before>, what: 'head' | 'lists'): number | null {
    if (before === undefined || here.at <= before.at) return null;
    const perS = ((here[what] - before[what]) * 1_000) / (here.at - before.at);
    // A log that was created anew begins at 0 again.
    return perS < 0 ? null : Math.round(perS * 1_000) / 1_000;
  }

  const poller = createPoller({
    everyMs,
    atStart: true,
    run: () => link.whileConnected(sample()),
    onError: () => {
      before = undefined;
    },
    stopMs: 0,
  });
  return {
    start: () => {
      if (everyMs > 0) poller.start();
    },
    recent: () => {
      const since = Date.now() - keepS * 1_000;
      return samples.filter(({ at }) => Date.parse(at) >= since);
    },
    take: poller.poll,
    stop: poller.stop,
  };
}
