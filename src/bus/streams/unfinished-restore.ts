/** The mark of a restore that has not finished, in the bucket of erasures. No service starts while it is there. */
import { type KV, type NatsConnection, NatsError } from 'nats';
import { ERASURES } from '../../../streams.config.ts';
import { RestoreUnfinishedError } from '../../errors.ts';
import { isNotFound } from '../nats/connection.ts';

const KEY = 'restoring';

interface Mark {
  backup: string;
  folder: string;
  /** RFC 3339. */
  since: string;
}

const bucket = (nc: NatsConnection): Promise<KV> => nc.jetstream().views.kv(ERASURES.name, { bindOnly: true });

export const markRestore = async (nc: NatsConnection, mark: Mark): Promise<void> =>
  void (await (await bucket(nc)).put(KEY, JSON.stringify(mark)));

export const unmarkRestore = async (nc: NatsConnection): Promise<void> => (await bucket(nc)).purge(KEY);

/** Throws `RestoreUnfinishedError` if a restore into this server began and did not finish. */
export async function refuseUnfinishedRestore(nc: NatsConnection): Promise<void> {
  let mark: Mark;
  try {
    const entry = await (await bucket(nc)).get(KEY);
    if (entry?.operation !== 'PUT') return;
    mark = entry.json<Mark>();
  } catch (err) {
    // Nobody has made the bucket yet.
    if (isNotFound(err) || (err instanceof NatsError && /stream not found/i.test(err.message))) return;
    throw err;
  }
  throw new RestoreUnfinishedError(
    `A restore of ${mark.folder} into this nats-server began at ${mark.since} and did not finish. The log may be incomplete, and forgotten users may be in it.`,
    { next: `freshet restore ${mark.folder} --replace`, details: { ...mark } },
  );
}
