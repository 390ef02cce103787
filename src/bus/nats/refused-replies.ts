/** Counts the requests that a service dropped because of their reply subject, and logs some of them. */
import type { Logger } from 'pino';
import type { Counter } from 'prom-client';
import { ReplyRefusedError } from '../../errors.ts';
import { createSeldom } from './seldom.ts';

export interface RefusedRepliesOptions {
  logger: Pick<Logger, 'warn'>;
  counter: Counter<'endpoint'>;
  /** Least milliseconds between two log messages, because a caller may send any number of such requests. */
  logEveryMs: number;
}

export interface RefusedReplies {
  /** An endpoint, or `discovery`, dropped a request with this reply subject. */
  add(endpoint: string, reply: string): void;
  /** All since the start. */
  count(): number;
}

/** Characters of a token in the log. The rest of the subject may hold the id of a user. */
const SHOWN = 40;

export function createRefusedReplies({ logger, counter, logEveryMs }: RefusedRepliesOptions): RefusedReplies {
  let count = 0;
  const seldom = createSeldom(logEveryMs);
  return {
    add: (endpoint, reply) => {
      count++;
      counter.inc({ endpoint });
      const dropped = seldom();
      if (dropped === undefined) return;
      const first = reply.split('.', 1)[0]?.slice(0, SHOWN);
      const err = new ReplyRefusedError(
        `A request names a reply subject below ${JSON.stringify(first)}, which is no inbox. The service dropped the request.`,
        { next: 'reply to _INBOX.>, or add the prefix of the caller’s inboxes to nats.inbox_prefixes' },
      );
      logger.warn({ code: err.code, endpoint, dropped, next: err.next }, err.message);
    },
    count: () => count,
  };
}
