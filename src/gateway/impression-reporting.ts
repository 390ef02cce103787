/** Impression reporting: with `served=true` the gateway publishes a `feedback.served` event for the list that it answers. */

import type { Logger } from 'pino';
import { hash53 } from '../bus/event/canonical.ts';
import type { EventCodec } from '../bus/event/codec.ts';
import type { ServedData } from '../bus/event/types.ts';
import { createTimeLimit, LATE } from '../bus/nats/time-limit.ts';
import { BadRequestError, PublishUnacknowledgedError, ScopeMissingError } from '../errors.ts';
import { MAIN } from '../experiment/arms.ts';
import { type Trace, withTrace } from '../observability/tracing/trace-context.ts';
import type { Tracing } from '../observability/tracing/tracing.ts';
import { type Caller, mayUse } from './access/caller.ts';
import type { Link } from './link.ts';

/** The members of a ranking view that the event reports. */
interface ReportedView {
  list: string;
  items: ServedData['items'];
  snapshot: string;
  config: string;
  arm?: string;
}

export interface ImpressionReporterOptions {
  link: Link;
  codec: EventCodec;
  logger: Logger;
  /** Share of lists that the gateway reports, 0 to 1. */
  share: number;
  /** Milliseconds that the answer waits for the log to acknowledge the event. */
  timeoutMs: number;
  /** The publisher's window: reports that may be on the way at once. */
  window: number;
  tracing: Tracing | undefined;
}

interface About {
  trace: Trace | undefined;
  /** Of the request. */
  context: unknown;
}

export interface ImpressionReporter {
  /** Throws `BadRequestError` if the request names no user, `ScopeMissingError` if the caller may not publish the event. */
  check(caller: Caller, user: string | undefined): void;
  /**
   * The answer with `served`: the log position of the event. It is null if sampling left this list out, if the log
   * refused the event, or if the log did not acknowledge it within `timeoutMs`. In the last case the publisher goes on,
   * and the gateway logs its outcome. Never throws: a report that fails does not cost the caller the list.
   */
  report<T>(answer: T, user: string, about: About): Promise<T & { served: number | null }>;
}

/** `source` of these events. */
const SOURCE = 'freshet-gateway';
const HASHES = 2 ** 53;

/** The members of an item that the event contains. */
const shownOf = ({ item, score, propensity, explored }: ServedData['items'][number]): ServedData['items'][number] => ({
  item,
  score,
  ...(propensity === undefined ? {} : { propensity }),
  ...(explored === undefined ? {} : { explored }),
});

export function createImpressionReporter({
  link,
  codec,
  logger,
  share,
  timeoutMs,
  window,
  tracing,
}: ImpressionReporterOptions): ImpressionReporter {
  return {
    check: (caller, user) => {
      if (user === undefined)
        throw new BadRequestError('served is true, and the request names no user.', {
          next: 'name the user, or leave served out',
          details: { member: 'served' },
        });
      if (!mayUse(caller, ['events:user']))
        throw new ScopeMissingError(
          `served=true requires the scope events:user, and the ${caller.kind} does not have it.`,
          {
            next: 'freshet keys create NAME --scope recommend --scope events:user',
            details: { scope: ['events:user'] },
          },
        );
    },
    report: async (answer, user, { trace, context }) => {
      const { list, items, snapshot, config, arm = MAIN } = answer as unknown as ReportedView;
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
      const span = tracing?.follow('publish', trace, { kind: 'producer', attributes: { 'freshet.events': 1 } });
      const served = await publishInTime(codec.prepare(withTrace(event, span?.trace ?? trace)));
      span?.set({ 'freshet.accepted': served === null ? 0 : 1 });
      span?.end();
      return { ...answer, served };
    },
  };

  /** The position in the log; null if the report was not published, or not acknowledged in time. */
  async function publishInTime(result: ReturnType<EventCodec['prepare']>): Promise<number | null> {
    if (!result.ok) return failed(result.problem);
    const limit = createTimeLimit(timeoutMs);
    try {
      const { publisher } = link.bus();
      // A report waits for a place in the window rather than in the queue, which reports of answered requests would fill without end.
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

  /** Logs the code alone: message and details of an error contain the subject, and the subject contains the user's id. */
  function failed(err: unknown): null {
    logger.warn({ code: (err as { code?: string }).code }, 'The gateway could not report a list as served.');
    return null;
  }
}
