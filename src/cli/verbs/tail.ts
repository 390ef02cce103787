import { Command } from 'commander';
import type { NatsConnection } from 'nats';
import { EVENTS, RANKINGS } from '../../../streams.config.ts';
import { encodeToken } from '../../bus/event/ids.ts';
import { EVENT_SUBJECTS, entitySubjects } from '../../bus/event/subject.ts';
import { followLog } from '../../bus/log/follow.ts';
import { followKey } from '../../bus/nats/follow-key.ts';
import type { RankingAnswer } from '../../engine/serve/lists.ts';
import { note, print, printJson } from '../output.ts';
import { originText, rankingText } from '../ranking.ts';
import { type CommonOptions, withCommon, withServices, withSession } from '../session.ts';
import { positive } from '../values.ts';

interface TailOptions extends CommonOptions {
  user?: string;
  item?: string;
  ranking?: string;
  from?: number;
  count?: number;
}

/** `freshet tail` */
export const tailVerb = (): Command =>
  withCommon(
    new Command('tail')
      .description('follow the events, or the ranking of a user, until Ctrl-C')
      .option('--user <id>', 'only events of this user')
      .option('--item <id>', 'only catalogue events of this item')
      .option('--ranking <user>', 'follow the ranking of this user instead of events')
      .option('--from <seq>', 'start at this sequence (default: new events only)', positive)
      .option('--count <n>', 'stop after this many events or rankings', positive),
  ).action((options: TailOptions) => {
    const { ranking } = options;
    const stop = new AbortController();
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort());
    return ranking === undefined
      ? withSession(options, ({ nc }) => tailEvents(nc, options, stop.signal))
      : withServices(options, ({ nc, config }) =>
          tailRanking(nc, ranking, { ...options, timeoutMs: config.http.request_timeout_ms }, stop),
        );
  });

async function tailEvents(
  nc: NatsConnection,
  { user, item, from, count, json }: TailOptions,
  signal: AbortSignal,
): Promise<void> {
  const filter =
    user !== undefined
      ? entitySubjects('user', user)
      : item !== undefined
        ? entitySubjects('content', item)
        : EVENT_SUBJECTS;
  let seen = 0;
  for await (const { seq, subject, payload } of followLog(nc, EVENTS.name, { subject: filter, from, signal })) {
    const text = Buffer.from(payload).toString('utf8');
    if (json) printJson({ seq, subject, event: parse(text) });
    else print(`${seq}  ${subject}  ${text}`);
    if (++seen === count) break;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

type PublishedRanking = Pick<RankingAnswer, 'items' | 'seq' | 'source' | 'snapshot' | 'config'>;

/** Milliseconds before the next read after one that failed. */
const RETRY_MS = 1_000;

async function tailRanking(
  nc: NatsConnection,
  user: string,
  { count, json, timeoutMs }: TailOptions & { timeoutMs: number },
  stop: AbortController,
): Promise<void> {
  const { signal } = stop;
  const key = `user.${encodeToken(user)}`;
  if (!json) note(`watching the ranking of ${user}; Ctrl-C stops`);
  let seen = 0;
  let before: string[] = [];
  for await (const { value, at } of followKey(nc, {
    bucket: RANKINGS.name,
    key,
    version: (bytes) => rankingOf(bytes).seq,
    timeoutMs,
    retryMs: RETRY_MS,
    signal,
  })) {
    if (value === undefined) {
      if (json) printJson({ user, removed: true });
      else
        print(
          `\n${at.toISOString()}  the ranking is gone: Freshet has forgotten the user, or writes all rankings again`,
        );
      before = [];
      continue;
    }
    const ranking = rankingOf(value);
    if (json) printJson({ user, ...ranking });
    else {
      const top = { ...ranking, items: ranking.items.slice(0, 10) };
      const items = top.items.map(({ item }) => item);
      print(`\n${at.toISOString()}  ${originText(ranking)}${changeText(before, items)}`);
      print(await rankingText(nc, top));
      before = items;
    }
    if (++seen === count) stop.abort();
  }
}

const rankingOf = (value: Uint8Array): PublishedRanking => JSON.parse(Buffer.from(value).toString('utf8'));

function changeText(before: readonly string[], after: readonly string[]): string {
  if (before.length === 0) return '';
  const fresh = after.filter((item) => !before.includes(item)).length;
  return `; ${fresh === 0 ? 'the same items' : `${fresh} new in the top ${after.length}`}`;
}
