/** Connections to NATS, and the features of the server. */
import { type ConnectionOptions, ErrorCode, type NatsConnection, NatsError, connect as natsConnect } from 'nats';
import {
  FreshetError,
  JetStreamDisabledError,
  messageOf,
  NatsCertificateError,
  NatsRefusedError,
  NatsServerTooOldError,
  NatsUnreachableError,
} from '../../errors.ts';
import { accessOptions, type NatsAccess } from './access.ts';

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
  /** Left out: as the address says, which may hold a user and a password. */
  access?: NatsAccess;
}

/**
 * Connects. The client reconnects after a loss until this process closes the connection. Throws `NatsUnreachableError`,
 * `NatsRefusedError`, `NatsCertificateError` and `CredentialsUnusableError`.
 */
export async function connect(options: ConnectOptions): Promise<NatsConnection> {
  const { url, name, timeoutMs = 5_000, reconnectMs = 100, waitOnFirstConnect = false, access = {} } = options;
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
    ...accessOptions(access),
  };
  try {
    return await (waitOnFirstConnect ? firstConnection(connection, reconnectMs) : natsConnect(connection));
  } catch (err) {
    throw connectError(err, url, access);
  }
}

function connectError(cause: unknown, url: string, { credentials, ca }: NatsAccess): FreshetError {
  const server = withoutCredentials(url);
  const details = { url: server, ...(credentials === undefined ? {} : { credentials }) };
  if (isRefusal(cause)) {
    const what = credentials ?? (server === url ? undefined : 'the address');
    return new NatsRefusedError(
      what === undefined
        ? `The nats-server at ${server} requires credentials, and this process has none.`
        : `The nats-server at ${server} refuses the credentials in ${what}.`,
      {
        next: 'name the right file with --credentials FILE or FRESHET_NATS_CREDENTIALS; on a server with passwords, put user and password into NATS_URL',
        details,
        cause,
      },
    );
  }
  if (isCertificateError(cause))
    return new NatsCertificateError(
      `This process does not trust the certificate of the nats-server at ${server}: ${messageOf(cause)}.`,
      {
        next:
          ca === undefined
            ? 'name the certificate authority of the server with FRESHET_NATS_CA'
            : `check that ${ca} is the certificate authority of this server, and the host of --nats`,
        details,
        cause,
      },
    );
  return new NatsUnreachableError(`No nats-server answers at ${server}: ${messageOf(cause)}`, {
    next: 'freshet up',
    details: { url: server },
    cause,
  });
}

const isRefusal = (err: unknown): err is NatsError => err instanceof NatsError && err.isAuthError();

/** Codes of Node for a certificate that it does not accept, https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const CERTIFICATE =
  /^(UNABLE_TO_|CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|HOSTNAME_MISMATCH|ERR_TLS_CERT)/;

/** Whether the server has shown a certificate that this process does not trust, or offers no TLS though it should. */
function isCertificateError(err: unknown): boolean {
  if (err instanceof NatsError && err.code === ErrorCode.ServerOptionNotAvailable) return true;
  const { code = '', chainedError } = (err ?? {}) as { code?: string; chainedError?: unknown };
  return CERTIFICATE.test(code) || (chainedError !== undefined && isCertificateError(chainedError));
}

/** Tries until a server answers. A refusal is an answer too; the client's own option would try for ever. */
async function firstConnection(connection: ConnectionOptions, pauseMs: number): Promise<NatsConnection> {
  for (;;) {
    try {
      return await natsConnect(connection);
    } catch (err) {
      if (isRefusal(err) || isCertificateError(err)) throw err;
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

/**
 * What the server can do. Throws `NatsServerTooOldError` and `JetStreamDisabledError`.
 *
 * @param jetstream false: the caller sends requests to services alone, and its account may have no JetStream
 */
export async function checkServer(nc: NatsConnection, { jetstream = true } = {}): Promise<ServerCapabilities> {
  const version = nc.info?.version ?? '0.0.0';
  if (compareVersions(version, MINIMUM_SERVER) < 0)
    throw new NatsServerTooOldError(`nats-server ${version} is too old. Freshet needs ${MINIMUM_SERVER} or newer.`, {
      next: 'freshet doctor',
      details: { found: version, needed: MINIMUM_SERVER },
    });
  try {
    if (jetstream) await nc.jetstreamManager({ checkAPI: true });
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

/** What the server does not permit, if that is why something failed: `publish to "ev.x"`. */
export function notPermitted(err: unknown): string | undefined {
  if (!(err instanceof Error)) return undefined;
  if (!(err instanceof NatsError) || err.code !== ErrorCode.PermissionsViolation) return notPermitted(err.cause);
  const { operation, subject } = err.permissionContext ?? {};
  return operation && subject ? `${operation.toLowerCase()} to "${subject}"` : 'do this';
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
