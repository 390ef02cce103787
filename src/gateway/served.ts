/** Reporting a list as shown, where the request says that it will be: `served=true`. */

import type { Logger } from 'pino';
import { hash53 } from '../bus/event/canonical.ts';
import type { EventCodec } from '../bus/event/codec.ts';
import type { ServedData } from '../bus/event/types.ts';
import { createTimeLimit, LATE } from '../bus/nats/time-limit.ts';
import { BadRequestError, PublishUnacknowledgedError, ScopeMissingError } from '../errors.ts';
import { MAIN } from '../experiment/arms.ts';
import { type Caller, mayUse } from './access/caller.ts';
import type { Link } from './link.ts';
import { type Trace, withTrace } from './trace.ts';

interface Ranking {
  list: string;
  items: ServedData['items'];
  snapshot: string;
  config: string;
  arm?: string;
}

export interface ServedOptions {
  link: Link;
  codec: EventCodec;
  logger: Logger;
  /** Share of such lists that is reported. */
  share: number;
  /** Milliseconds that a list waits for the acknowledgement of its report. */
  timeoutMs: number;
  /** The publisher's window: reports that may be on the way at once. */
  window: number;
}

interface About {
  trace: Trace | undefined;
  /** Of the request. */
  context: unknown;
}

export interface Served {
  /** Throws where this caller, or a request about nobody, can't have a list reported. */
  check(caller: Caller, user: string | undefined): void;
  /**
   * The answer with `served`: the log position of the event. It is null if sampling left this list out, if the log
   * refused the event, or if the log did not acknowledge it within `timeoutMs`. In the last case the publisher goes on,
   * and its outcome is logged. Never throws: no caller loses a list to a report.
   */
  report<T>(answer: T, user: string, about: About): Promise<T & { served: number | null }>;
}

/** Publisher of these events. */
const SOURCE = 'freshet-gateway';
const HASHES = 2 ** 53;

/** What a served event says of an item of an answer. */
const shownOf = ({ item, score, propensity, explored }: ServedData['items'][number]): ServedData['items'][number] => ({
  item,
  score,
  ...(propensity === undefined ? {} : { propensity }),
  ...(explored === undefined ? {} : { explored }),
});

export function createServed({ link, codec, logger, share, timeoutMs, window }: ServedOptions): Served {
  return {
    check: (caller, user) => {
      if (user === undefined)
        throw new BadRequestError('A list for nobody in particular can not be reported as served.', {
          next: 'leave served out, or name the user',
          details: { member: 'served' },
        });
      if (!mayUse(caller, ['events:user']))
        throw new ScopeMissingError('Reporting a list as served takes the scope events:user.', {
          next: 'freshet keys create NAME --scope recommend --scope events:user',
          details: { scope: ['events:user'] },
        });
    },
    report: async (answer, user, { trace, context }) => {
      const { list, items, snapshot, config, arm = MAIN } = answer as unknown as Ranking;
      if (items.length === 0 || hash53(list) / HASHES >= share) return { ...answer, served: null };
      const event = {
        specversion: '1.0',
        id: list,
        source: SOURCE,
        type: 'feedback.served.v1',
        subject: user,
        time: new Date().toISOString(),
        data: { list, items: items.map(shownOf), snapshot, config, arm, ...(context ? { context } : {}) },
      };
      const served = await publishInTime(codec.prepare(withTrace(event, trace)));
      return { ...answer, served };
    },
  };

  /** The position in the log; null if the report was not published, or not acknowledged in time. */
  async function publishInTime(result: ReturnType<EventCodec['prepare']>): Promise<number | null> {
    if (!result.ok) return failed(result.problem);
    const limit = createTimeLimit(timeoutMs);
    try {
      const { publisher } = link.bus();
      // A report waits for a place in the window rather than in the queue: lists that went out would fill it without end.
      if (publisher.pending >= window && (await limit.race(publisher.ready())) === LATE)
        return failed(new PublishUnacknowledgedError('The publisher had no place for the report in time.'));
      const flight = publisher.publish(result.prepared);
      const first = await limit.race(flight);
      if (first !== LATE) return first.seq;
      logger.warn(
        { timeout_ms: timeoutMs },
        'The log did not acknowledge an impression report in time. The list went out with served: null, and the publisher goes on with the report.',
      );
      flight.then(
        () => logger.info('The log acknowledged an impression report after its list had gone out.'),
        (err: unknown) => failed(err),
      );
      return null;
    } catch (err) {
      return failed(err);
    } finally {
      limit.end();
    }
  }

  /** The code alone: messages and details of errors hold the subject, and the subject holds the user's id. */
  function failed(err: unknown): null {
    logger.warn({ code: (err as { code?: string }).code }, 'The gateway could not report a list as served.');
    return null;
  }
}
