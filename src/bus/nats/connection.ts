/** Connections to NATS, and the features of the server. */
import { type ConnectionOptions, ErrorCode, type NatsConnection, NatsError, connect as natsConnect } from 'nats';
import {
  FreshetError,
  JetStreamDisabledError,
  messageOf,
  NatsServerTooOldError,
  NatsUnreachableError,
} from '../../errors.ts';

/** The oldest nats-server that Freshet works with. */
export const MINIMUM_SERVER = '2.9.10';

/** Features and the server version that brought each, for operators of an older server. */
const FEATURES = [
  { since: '2.10.0', feature: 'metadata on streams and consumers' },
  { since: '2.10.0', feature: 'compressed stream storage' },
  { since: '2.10.0', feature: 'consumers with several subject filters' },
  { since: '2.11.0', feature: 'time to live of single messages' },
  { since: '2.11.0', feature: 'pausing a consumer' },
] as const;

export interface ConnectOptions {
  url: string;
  /** Shown by `nats server report connections`. */
  name: string;
  /** Milliseconds until a first connection counts as failed. */
  timeoutMs?: number;
  /** Milliseconds between attempts to reconnect. */
  reconnectMs?: number;
  /** Keep trying from the start, for services that may come up before the server. */
  waitOnFirstConnect?: boolean;
}

/** Connects. The client reconnects after a loss until this process closes the connection. Throws `NatsUnreachableError`. */
export async function connect(options: ConnectOptions): Promise<NatsConnection> {
  const { url, name, timeoutMs = 5_000, reconnectMs = 100, waitOnFirstConnect = false } = options;
  const connection: ConnectionOptions = {
    servers: url.split(','),
    name,
    timeout: timeoutMs,
    maxReconnectAttempts: -1,
    reconnectTimeWait: reconnectMs,
    reconnectJitter: reconnectMs / 2,
    // An operator may restore revoked credentials, or set the server up anew. Without this option the client closes the
    // connection for good at the second refusal, and the service does nothing until somebody kills it.
    ignoreAuthErrorAbort: true,
    pingInterval: 10_000,
    maxPingOut: 2,
    // A stack trace for each request costs more than the rest of the client's work for it.
    noAsyncTraces: true,
    ...credentials(url),
  };
  try {
    return await (waitOnFirstConnect ? firstConnection(connection, reconnectMs) : natsConnect(connection));
  } catch (err) {
    throw new NatsUnreachableError(`No nats-server answers at ${withoutCredentials(url)}: ${messageOf(err)}`, {
      next: 'freshet up',
      details: { url: withoutCredentials(url) },
      cause: err,
    });
  }
}

/** Tries until a server answers. A refusal is an answer too; the client's own option would try for ever. */
async function firstConnection(connection: ConnectionOptions, pauseMs: number): Promise<NatsConnection> {
  for (;;) {
    try {
      return await natsConnect(connection);
    } catch (err) {
      if (err instanceof NatsError && err.isAuthError()) throw err;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

function credentials(url: string): Partial<ConnectionOptions> {
  try {
    const { username, password } = new URL(url);
    if (username && password) return { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
    return username ? { token: decodeURIComponent(username) } : {};
  } catch {
    return {};
  }
}

/** The address without user, password or token. */
export const withoutCredentials = (url: string): string => url.replace(/\/\/[^@/]*@/, '//');

export interface ServerCapabilities {
  version: string;
  /** Features that this version lacks, in words; empty for a current one. */
  missing: string[];
}

/** What the server can do. Throws `NatsServerTooOldError` and `JetStreamDisabledError`. */
export async function checkServer(nc: NatsConnection): Promise<ServerCapabilities> {
  const version = nc.info?.version ?? '0.0.0';
  if (compareVersions(version, MINIMUM_SERVER) < 0)
    throw new NatsServerTooOldError(`nats-server ${version} is too old. Freshet needs ${MINIMUM_SERVER} or newer.`, {
      next: 'freshet doctor',
      details: { found: version, needed: MINIMUM_SERVER },
    });
  try {
    await nc.jetstreamManager({ checkAPI: true });
  } catch (err) {
    if (isJetStreamDisabled(err))
      throw new JetStreamDisabledError('JetStream is off on the nats-server, or for this account.', {
        next: 'nats-server -js',
        details: { server: withoutCredentials(nc.getServer()) },
        cause: err,
      });
    throw err;
  }
  return {
    version,
    missing: FEATURES.filter(({ since }) => compareVersions(version, since) < 0).map(({ feature }) => feature),
  };
}

function isJetStreamDisabled(err: unknown): boolean {
  if (err instanceof FreshetError || !(err instanceof NatsError)) return false;
  return err.code === ErrorCode.JetStreamNotEnabled || err.code === ErrorCode.NoResponders || err.code === '503';
}

/** Error codes of NATS for a server that is absent, or that the process cannot reach. */
const AWAY: ReadonlySet<string> = new Set([
  ErrorCode.Timeout,
  ErrorCode.ConnectionClosed,
  ErrorCode.ConnectionTimeout,
  ErrorCode.Disconnect,
  ErrorCode.NoResponders,
]);

/** Whether the server did not answer, or the process could not reach it. Such an error passes by itself. */
export const isAway = (err: unknown): err is NatsError => err instanceof NatsError && AWAY.has(err.code);

/** Whether the server does not have the stream, consumer or message (any more). */
export const isNotFound = (err: unknown): boolean =>
  err instanceof NatsError && (err.code === '404' || err.api_error?.code === 404);

/** Negative, 0 or positive, as for sorting. It ignores the part after a hyphen. */
export function compareVersions(a: string, b: string): number {
  const parts = (version: string) => version.replace(/^v/, '').split('-')[0]!.split('.').map(Number);
  const [left, right] = [parts(a), parts(b)];
  for (let i = 0; i < 3; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
