/**
 * Follows a key of a KV bucket with two subjects that an account can export without an API that lets a caller name where
 * the server delivers: a direct get of the newest value (`$JS.API.DIRECT.GET.KV_<bucket>.$KV.<bucket>.<key>`), and a plain
 * subscription to the key's subject, because a put is a message on it. The KV of the NATS client needs the API of
 * consumers, which no other account should have: there its `get` answers 503, and its `watch` 503 or nothing.
 */
import { Empty, ErrorCode, type Msg, type NatsConnection, NatsError } from 'nats';
import { BucketUnreadableError, messageOf } from '../../errors.ts';
import { isAway } from './connection.ts';

export interface FollowKeyOptions {
  /** Name of the bucket, without `KV_`. */
  bucket: string;
  /** The key, as in its subject. */
  key: string;
  /**
   * The version inside a value, which grows. A message on the subject has no sequence of the stream, so the version tells
   * which of two values is older.
   */
  version: (value: Uint8Array) => number;
  /** Milliseconds that the server has to answer a direct get. */
  timeoutMs: number;
  /** Milliseconds from a read to the next one, after a failure and to make sure. */
  retryMs: number;
  /** Ends the iteration. */
  signal: AbortSignal;
}

/** A value of the key, and when the server stored it or this process received it; undefined: the key has no value any more. */
export interface KeyState {
  value: Uint8Array | undefined;
  at: Date;
}

/**
 * The value of the key, if it has one, then each change. It reads the value again after a reconnect, so the newest value
 * always comes, at the latest with the second read; values in between may be left out. Throws `BucketUnreadableError` if the first read fails.
 */
export async function* followKey(
  nc: NatsConnection,
  { bucket, key, version, timeoutMs, retryMs, signal }: FollowKeyOptions,
): AsyncGenerator<KeyState> {
  const subject = `$KV.${bucket}.${key}`;
  const states: KeyState[] = [];
  let wake = (): void => {};
  let failure: unknown;
  /** The value that the caller got last. */
  let shown: Uint8Array | undefined;
  /** Messages that came while a read was under way; undefined while none is. */
  let held: Msg[] | undefined;
  /** What the last read found, if it seemed older than what is shown. */
  let doubted: { value: Uint8Array | undefined } | undefined;
  let timer: NodeJS.Timeout | undefined;

  function show(value: Uint8Array | undefined, at: Date): void {
    doubted = undefined;
    if (same(value, shown)) return;
    shown = value;
    states.push({ value, at });
    wake();
  }

  const isOlder = (value: Uint8Array | undefined): boolean =>
    shown !== undefined && (value === undefined || version(value) < version(shown));

  /** The server hands a message to subscribers before it has stored it, so a read may miss it: the message itself counts. */
  function received(message: Msg): void {
    if (held) {
      held.push(message);
      return;
    }
    const value = valueIn(message);
    if (value && isOlder(value)) readLater();
    else show(value, new Date());
  }

  async function read(): Promise<void> {
    if (held || signal.aborted) return;
    held = [];
    try {
      const { value, at } = await readKey(nc, bucket, key, timeoutMs);
      // A read may overtake a message on its way into the bucket, or come from a replica that is behind. Two reads that
      // find the same are right: the log may have been restored from a backup, or the key purged.
      if (isOlder(value) && !(doubted && same(doubted.value, value))) {
        doubted = { value };
        readLater();
      } else show(value, at);
      // The messages up to the value are before it.
      const after = held.findLastIndex((message) => same(valueIn(message), value)) + 1;
      const rest = held.slice(after);
      held = undefined;
      for (const message of rest) {
        const later = valueIn(message);
        if (later === undefined || value === undefined || version(later) >= version(value)) received(message);
      }
    } finally {
      held = undefined;
    }
  }

  function readLater(): void {
    if (timer || signal.aborted) return;
    timer = setTimeout(() => {
      timer = undefined;
      read().catch(readLater);
    }, retryMs);
  }

  /**
   * Reads now and once more after a pause: a message that the server handed out before it knew the subscription may be
   * stored after the first read.
   */
  async function readTwice(): Promise<void> {
    await read();
    readLater();
  }

  const subscription = nc.subscribe(subject, {
    callback: (err, message) => {
      if (!err) return received(message);
      failure = unreadable(bucket, `the server refuses a subscription to ${subject}: ${messageOf(err)}`, err);
      wake();
    },
  });
  const status = nc.status();
  void (async () => {
    // The client has subscribed again before it reports this.
    for await (const { type } of status) {
      if (signal.aborted) return;
      if (type === 'reconnect') readTwice().catch(readLater);
    }
  })();
  const ended = (): void => wake();
  signal.addEventListener('abort', ended);
  try {
    await readTwice();
    while (!signal.aborted) {
      if (failure !== undefined) throw failure;
      const next = states.shift();
      if (next) yield next;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    signal.removeEventListener('abort', ended);
    clearTimeout(timer);
    if (!nc.isClosed()) subscription.unsubscribe();
  }
}

/** The value of a message of the bucket; undefined for the marker of a deleted key. */
const valueIn = ({ headers, data }: Msg): Uint8Array | undefined => (headers?.has('KV-Operation') ? undefined : data);

const same = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && Buffer.compare(a, b) === 0);

/**
 * The newest value of a key, by a direct get. Throws `BucketUnreadableError`.
 *
 * @param bucket its name, without `KV_`
 */
export async function readKey(nc: NatsConnection, bucket: string, key: string, timeoutMs: number): Promise<KeyState> {
  const subject = `$JS.API.DIRECT.GET.KV_${bucket}.$KV.${bucket}.${key}`;
  let answer: Msg;
  try {
    answer = await nc.request(subject, Empty, { timeout: timeoutMs });
  } catch (cause) {
    if (!isAway(cause) && !(cause instanceof NatsError && cause.code === ErrorCode.PermissionsViolation)) throw cause;
    throw unreadable(bucket, `the server does not answer ${subject} (${messageOf(cause)})`, cause);
  }
  if (answer.headers?.code === 404) return { value: undefined, at: new Date() };
  const stored = answer.headers?.get('Nats-Time-Stamp');
  if (!stored) throw unreadable(bucket, `${answer.headers?.code} ${answer.headers?.description}`);
  return { value: valueIn(answer), at: new Date(stored) };
}

const unreadable = (bucket: string, reason: string, cause?: unknown): BucketUnreadableError =>
  new BucketUnreadableError(`This process cannot read the bucket ${bucket}: ${reason}.`, {
    next: 'freshet streams apply, as the identity of Freshet; an account of its own imports what docs/how-to/watch-rankings.md lists',
    cause,
  });
