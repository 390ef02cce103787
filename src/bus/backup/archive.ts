/**
 * Archives of streams by the snapshot API of JetStream. The `nats` package does not wrap it, so this file speaks it: the
 * server sends the archive in chunks to an inbox, and waits for an acknowledgement of each after a window of them.
 *
 * Measured with 1,000 events/s: servers before 2.15 go on storing messages while they write the archive. It may then hold
 * more messages than the answer says, and on 2.12 and 2.14 the stream may count further than its messages reach. A server
 * of 2.15 archives exactly the state of the answer.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createInbox, type Msg, type NatsConnection, type Subscription } from 'nats';
import { BackupFailedError, messageOf, RestoreRefusedError } from '../../errors.ts';
import { withTimeLimit } from '../nats/time-limit.ts';

export interface TransferLimits {
  /** Bytes in one message. */
  chunkBytes: number;
  /** Messages of a restore that wait for their acknowledgement at once. */
  window: number;
  /** Milliseconds without an answer after which the transfer counts as failed. */
  stallMs: number;
}

/** The state of a stream in an answer of the server; only the members that Freshet reads. */
export interface ArchivedState {
  messages: number;
  first_seq: number;
  last_seq: number;
  num_deleted?: number;
}

export interface Archived {
  bytes: number;
  /** SHA-256 of the file, hex. */
  sha256: string;
  /** Settings and state of the stream, as the server gave them; a restore sends them back. */
  config: { name: string } & Record<string, unknown>;
  state: ArchivedState & Record<string, unknown>;
}

interface ApiAnswer {
  error?: { code: number; err_code?: number; description?: string };
}

/** Begins the reply subject of each chunk. */
const ACKNOWLEDGEMENTS = '$JS.SNAPSHOT.ACK.';

/** The server is done; it has no content (from 2.10 on). */
const NO_CONTENT = 204;

const failed = (stream: string, why: string, cause?: unknown): BackupFailedError =>
  new BackupFailedError(`The nats-server did not deliver the stream ${stream}: ${why}.`, {
    next: 'run freshet backup again; if it fails again, look at the log of nats-server',
    details: { stream },
    ...(cause === undefined ? {} : { cause }),
  });

/** Writes the archive of a stream to a new file. Throws `BackupFailedError`. */
export async function archiveStream(
  nc: NatsConnection,
  stream: string,
  file: string,
  { chunkBytes, stallMs }: TransferLimits,
  onBytes: (bytes: number) => void = () => {},
): Promise<Archived> {
  const inbox = createInbox();
  const subscription = nc.subscribe(inbox);
  try {
    const request = { deliver_subject: inbox, no_consumers: true, chunk_size: chunkBytes };
    const answer = await nc
      .request(`$JS.API.STREAM.SNAPSHOT.${stream}`, JSON.stringify(request), { timeout: stallMs })
      .catch((cause: unknown) => {
        throw failed(stream, messageOf(cause), cause);
      });
    const { error, config, state } = answer.json<ApiAnswer & Pick<Archived, 'config' | 'state'>>();
    if (error) throw failed(stream, error.description ?? `error ${error.code}`);
    const handle = await open(file, 'wx', 0o600);
    try {
      const written = await receive(subscription, handle, stream, stallMs, onBytes);
      await handle.sync();
      return { ...written, config, state };
    } finally {
      await handle.close();
    }
  } finally {
    subscription.unsubscribe();
  }
}

async function receive(
  subscription: Subscription,
  handle: FileHandle,
  stream: string,
  stallMs: number,
  onBytes: (bytes: number) => void,
): Promise<Pick<Archived, 'bytes' | 'sha256'>> {
  const hash = createHash('sha256');
  const messages = subscription[Symbol.asyncIterator]();
  let bytes = 0;
  for (;;) {
    const late = () => failed(stream, `nothing came for ${stallMs} ms`);
    const next: IteratorResult<Msg> = await withTimeLimit(messages.next(), stallMs, late);
    if (next.done) throw failed(stream, 'the connection closed');
    const { data, headers, reply } = next.value;
    // An answer there would be a message in a stream or a call of an API.
    if (reply && !reply.startsWith(ACKNOWLEDGEMENTS)) throw failed(stream, 'its inbox got a message of another sender');
    if (data.length === 0) {
      if (headers && headers.code !== 0 && headers.code !== NO_CONTENT)
        throw failed(stream, headers.description || `status ${headers.code}`);
      return { bytes, sha256: hash.digest('hex') };
    }
    await handle.write(data);
    hash.update(data);
    bytes += data.length;
    onBytes(bytes);
    // Only now, so that the server sends no faster than the disk writes.
    next.value.respond();
  }
}

export interface RestoreOptions extends Pick<Archived, 'config' | 'state'> {
  file: string;
  limits: TransferLimits;
  onBytes?: (bytes: number) => void;
}

/** Creates a stream from an archive. Throws `RestoreRefusedError` with the reason of the server. */
export async function restoreStream(
  nc: NatsConnection,
  stream: string,
  { file, config, state, limits, onBytes = () => {} }: RestoreOptions,
): Promise<void> {
  const { window, stallMs } = limits;
  const refuse = ({ error }: ApiAnswer): void => {
    if (!error) return;
    throw new RestoreRefusedError(
      `The nats-server refuses the archive of ${stream}: ${error.description ?? `error ${error.code}`}.`,
      {
        next: /replicas/.test(error.description ?? '')
          ? 'freshet restore with --replicas N, for a server or cluster that keeps fewer copies'
          : 'look at the log of nats-server',
        details: { stream, error },
      },
    );
  };
  const request = async (subject: string, data: string | Uint8Array): Promise<Msg> =>
    nc.request(subject, data, { timeout: stallMs }).catch((cause: unknown) => {
      throw new RestoreRefusedError(`The nats-server did not take the archive of ${stream}: ${messageOf(cause)}.`, {
        next: 'look at the log of nats-server, then run freshet restore with --replace',
        details: { stream },
        cause,
      });
    });
  const began = (await request(`$JS.API.STREAM.RESTORE.${stream}`, JSON.stringify({ config, state }))).json<
    ApiAnswer & { deliver_subject: string }
  >();
  refuse(began);
  const chunkBytes = Math.min(limits.chunkBytes, nc.info?.max_payload ?? limits.chunkBytes);
  const waiting: Promise<Msg>[] = [];
  /** The server acknowledges a chunk with an empty message, and ends the restore with an error. */
  const settle = async (): Promise<void> => {
    const { data } = (await waiting.shift()) as Msg;
    if (data.length > 0) refuse(JSON.parse(Buffer.from(data).toString('utf8')) as ApiAnswer);
  };
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: chunkBytes }) as AsyncIterable<Buffer>) {
      const sent = request(began.deliver_subject, chunk);
      // The loop looks at it later; until then a failure must not count as unhandled.
      sent.catch(() => {});
      waiting.push(sent);
      bytes += chunk.length;
      if (waiting.length >= window) await settle();
      onBytes(bytes);
    }
    while (waiting.length > 0) await settle();
  } finally {
    await Promise.allSettled(waiting);
  }
  refuse((await request(began.deliver_subject, '')).json<ApiAnswer>());
}

/** SHA-256 of a file, hex, and its size. */
export async function digestOfFile(file: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}
