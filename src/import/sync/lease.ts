/** The lease on a source: one sync of it at a time. A second one is refused, and a killed one delays the next a little. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { NatsConnection } from 'nats';
import { pino } from 'pino';
import { LEASES } from '../../../streams.config.ts';
import { encodeToken } from '../../bus/event/ids.ts';
import { isNotFound } from '../../bus/nats/connection.ts';
import { onceMade } from '../../bus/nats/once-made.ts';
import { pollUntil } from '../../bus/nats/poll-until.ts';
import { createLease } from '../../bus/service/lease.ts';
import { StreamMissingError, SyncUnderWayError } from '../../errors.ts';

export interface SourceLease {
  /**
   * Resolves when this process holds the lease, with the number of times that it has taken it: another number than before
   * means that another process may have held it in between. Throws `SyncUnderWayError` if another process renews it.
   */
  hold(): Promise<number>;
  /** Gives the lease back. */
  release(): Promise<void>;
}

export interface SourceLeaseOptions {
  nc: NatsConnection;
  source: string;
  /** Milliseconds without a renewal after which another process may take the lease. */
  lapseMs: number;
  /** Called once if the lease is another process's, before it is known whether that process lives. */
  onWait?: ((holder: Holder) => void) | undefined;
}

/** The process that holds a lease. */
export interface Holder {
  pid: number;
  host: string;
}

export const leaseKey = (source: string): string => `import.${encodeToken(source)}`;

/** Looks at the key in the time that a lease lasts. The holder renews it four times in that time. */
const LOOKS = 100;

export function createSourceLease({ nc, source, lapseMs, onWait }: SourceLeaseOptions): SourceLease {
  const key = leaseKey(source);
  const own = `${hostname()}/${process.pid}/${randomBytes(4).toString('hex')}`;
  let taken = 0;
  const lease = createLease({
    nc,
    key,
    holder: own,
    lapseMs,
    ready: () => true,
    refuses: () => false,
    onGained: () => {
      taken++;
    },
    onLost: () => {},
    logger: pino({ level: 'silent' }),
  });
  lease.start();

  const bucket = onceMade(() => nc.jetstream().views.kv(LEASES.name, { bindOnly: true }));
  const bucketThere = onceMade(checkBucket);

  async function entry(): Promise<(Renewal & { revision: number }) | undefined> {
    const found = await (await bucket()).get(key);
    return found?.operation === 'PUT' ? { revision: found.revision, ...found.json<Renewal>() } : undefined;
  }

  /** Throws `StreamMissingError`. Reads and writes of a bucket that does not exist only fail to find anything. */
  async function checkBucket(): Promise<void> {
    try {
      await (await nc.jetstreamManager({ checkAPI: false })).streams.info(`KV_${LEASES.name}`);
    } catch (cause) {
      if (!isNotFound(cause)) throw cause;
      throw new StreamMissingError(`The nats-server does not have the bucket ${LEASES.name}.`, {
        next: 'freshet streams apply',
        cause,
      });
    }
  }

  return {
    hold: async () => {
      if (lease.held()) return taken;
      await bucketThere();
      let seen: number | undefined;
      return pollUntil(lapseMs / LOOKS, async () => {
        if (lease.held()) return taken;
        const found = await entry();
        if (!found || found.holder === own) return undefined;
        const holder = { pid: found.pid, host: found.holder.split('/')[0] as string };
        if (seen === undefined) onWait?.(holder);
        else if (seen !== found.revision) throw underWay(source, holder);
        seen = found.revision;
        return undefined;
      });
    },
    release: lease.stop,
  };
}

interface Renewal {
  holder: string;
  pid: number;
}

const underWay = (source: string, { pid, host }: Holder): SyncUnderWayError =>
  new SyncUnderWayError(
    `Process ${pid} on ${host} is importing the catalogue of the source ${JSON.stringify(source)}, and two imports of one source would undo each other's changes.`,
    {
      next: 'wait until that import has ended, or end it (kill its process), then run this command again; --source names another source',
      details: { source, pid, host },
    },
  );
