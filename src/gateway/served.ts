/** Reporting a list as shown, where the request says that it will be: `served=true`. */
import type { Logger } from 'pino';
import { hash53 } from '../bus/event/canonical.ts';
import type { EventCodec } from '../bus/event/codec.ts';
import type { ServedData } from '../bus/event/types.ts';
import { BadRequestError, ScopeMissingError } from '../errors.ts';
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
   * The answer with `served`: the position of the event; null where this list is left out by sampling, or where the log
   * did not take it, which costs nobody their list.
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

export function createServed({ link, codec, logger, share }: ServedOptions): Served {
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
      const result = codec.prepare(withTrace(event, trace));
      try {
        if (!result.ok) throw new Error(result.problem.message);
        const { seq } = await link.bus().publisher.publish(result.prepared);
        return { ...answer, served: seq };
      } catch (err) {
        logger.warn(
          { code: (err as { code?: string }).code },
          'a list that was answered could not be reported as served',
        );
        return { ...answer, served: null };
      }
    },
  };
}
