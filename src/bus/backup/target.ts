/** What a restore asks of the nats-server that it restores into, before it changes anything there. */
import { ErrorCode, type NatsConnection, NatsError } from 'nats';
import { BACKUP, EVENTS } from '../../../streams.config.ts';
import { RestoreRefusedError } from '../../errors.ts';
import { compareVersions, isNotFound } from '../nats/connection.ts';

/** The part of a version that decides whether a server reads an archive: `2.14` of `2.14.6`. */
const lineOf = (version: string): string => version.replace(/^v/, '').split('.').slice(0, 2).join('.');

/**
 * Refuses an archive of a newer server. Measured: servers of 2.9 to 2.14 reject the archive of a 2.15 in the middle of the
 * transfer; a 2.9 takes one of a newer server and brings all messages back that had been removed from the stream. Some
 * other pairs work, and nothing tells which before the messages are back.
 */
export function refuseOlderServer(found: string, made: string): void {
  if (compareVersions(`${lineOf(found)}.0`, `${lineOf(made)}.0`) >= 0) return;
  throw new RestoreRefusedError(
    `A nats-server ${made} made the backup, and this one is ${found}. An older server may not read the archive, or bring back messages that erasures had removed.`,
    { next: `restore into a nats-server ${lineOf(made)} or newer`, details: { found, needed: lineOf(made) } },
  );
}

/** Refuses a server on which services of Freshet run: they would fold and create streams meanwhile. */
export async function refuseRunningServices(nc: NatsConnection): Promise<void> {
  const running = new Set<string>();
  try {
    for await (const { name } of await nc.services.client().ping())
      if (name.startsWith('freshet-')) running.add(name.slice('freshet-'.length));
  } catch (err) {
    // No service of any kind runs here.
    if (!(err instanceof NatsError) || err.code !== ErrorCode.NoResponders) throw err;
  }
  if (running.size === 0) return;
  throw new RestoreRefusedError(
    `Services of Freshet run on this nats-server: ${[...running].sort().join(', ')}. They must not read the streams during a restore.`,
    {
      next: 'stop them; for the embedded server: stop freshet up, then start freshet up --only nats',
      details: { running: [...running] },
    },
  );
}

export interface PresentStream {
  stream: string;
  messages: number;
  lastSeq: number;
}

/** The streams of a backup that the server has. */
export async function presentStreams(nc: NatsConnection, streams: readonly string[]): Promise<PresentStream[]> {
  const jsm = await nc.jetstreamManager({ checkAPI: false });
  const found: PresentStream[] = [];
  for (const stream of streams) {
    try {
      const { state } = await jsm.streams.info(stream);
      found.push({ stream, messages: state.messages, lastSeq: state.last_seq });
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }
  return found;
}

/** Refuses a server that has a log already. */
export function refusePresent(present: readonly PresentStream[], folder: string): void {
  if (present.length === 0) return;
  const log = present.find(({ stream }) => stream === EVENTS.name);
  const names = present.map(({ stream }) => stream).join(', ');
  throw new RestoreRefusedError(
    `The nats-server already has ${names}${log ? `; the log there holds ${log.messages} events up to sequence ${log.lastSeq}` : ''}.`,
    {
      next: `back up what is there, then freshet restore ${folder} --replace: it deletes these streams, except the ledger of erasures`,
      details: { present },
    },
  );
}

/** Derived data of the log that a restore replaces. */
export const DERIVED: readonly string[] = BACKUP.filter(
  ({ stream, backedUp }) => !backedUp && stream.startsWith('KV_'),
).map(({ stream }) => stream);
