/** How a process proves its identity to nats-server, and how it checks the certificate of the server. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Authenticator, type ConnectionOptions, credsAuthenticator, nkeyAuthenticator, nkeys } from 'nats';
import type { Config } from '../../config/schema.ts';
import { CredentialsUnusableError, messageOf } from '../../errors.ts';

export interface NatsAccess {
  /** File of an nkey seed, or a `.creds` file (JWT and seed). */
  credentials?: string | undefined;
  /** File of the certificate authority that signed the certificate of the server. */
  ca?: string | undefined;
}

/** The access of a process, from its settings. */
export const accessOf = ({ nats }: Config): NatsAccess => ({
  credentials: nats.credentials || undefined,
  ca: nats.ca || undefined,
});

/** The access of the connection by which a service answers; the one of the process if no other is set. */
export const answerAccessOf = (config: Config): NatsAccess => ({
  ...accessOf(config),
  ...(config.nats.answer_credentials ? { credentials: config.nats.answer_credentials } : {}),
});

/** The variables by which a child process gets the access of this one. They hold paths, never secrets. */
export const accessVariables = ({ nats }: Config): NodeJS.ProcessEnv => ({
  ...(nats.credentials ? { FRESHET_NATS_CREDENTIALS: resolve(nats.credentials) } : {}),
  ...(nats.answer_credentials ? { FRESHET_NATS_ANSWER_CREDENTIALS: resolve(nats.answer_credentials) } : {}),
  ...(nats.ca ? { FRESHET_NATS_CA: resolve(nats.ca) } : {}),
  ...(nats.inbox_prefixes.length > 0 ? { FRESHET_NATS_INBOX_PREFIXES: JSON.stringify(nats.inbox_prefixes) } : {}),
});

/** Options of the NATS client. Throws `CredentialsUnusableError`. */
export function accessOptions({ credentials, ca }: NatsAccess): Pick<ConnectionOptions, 'authenticator' | 'tls'> {
  if (ca !== undefined && !existsSync(ca))
    throw new CredentialsUnusableError(`The file of the certificate authority, ${ca}, does not exist.`, {
      next: 'name the file with FRESHET_NATS_CA or the setting nats.ca',
      details: { file: ca },
    });
  return {
    ...(credentials === undefined ? {} : { authenticator: authenticatorOf(credentials) }),
    ...(ca === undefined ? {} : { tls: { caFile: ca } }),
  };
}

/** Reads the file at each attempt to connect, so that a process takes a rotated key without a restart. */
function authenticatorOf(file: string): Authenticator {
  let last = readCredentials(file);
  return (nonce) => {
    try {
      last = readCredentials(file);
    } catch {
      // The client closes its connection for good if an authenticator throws. The server refuses what is out of date.
    }
    return last(nonce);
  };
}

function readCredentials(file: string): Authenticator {
  const content = readSecret(file);
  const text = content.toString('utf8');
  if (text.includes('-----BEGIN NATS USER JWT-----')) return credsAuthenticator(content);
  const seed = Buffer.from(text.trim());
  try {
    nkeys.fromSeed(seed);
  } catch (cause) {
    throw unusable(file, 'is neither an nkey seed (SU...) nor a .creds file', 'name the file of an nkey seed', cause);
  }
  return nkeyAuthenticator(seed);
}

/** Reads a file of a secret. As ssh does, it refuses a file of its own user that other users can read. */
function readSecret(file: string): Buffer {
  try {
    const { uid, mode } = statSync(file);
    if (uid === process.getuid?.() && (mode & 0o077) !== 0)
      throw unusable(
        file,
        `has the mode ${(mode & 0o777).toString(8)}, so other users can read it`,
        `chmod 600 ${file}`,
      );
    return readFileSync(file);
  } catch (cause) {
    if (cause instanceof CredentialsUnusableError) throw cause;
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') throw unusable(file, 'does not exist', NAME_IT, cause);
    throw unusable(file, `cannot be read: ${messageOf(cause)}`, NAME_IT, cause);
  }
}

const NAME_IT = 'name the file with --credentials FILE or FRESHET_NATS_CREDENTIALS';

const unusable = (file: string, what: string, next: string, cause?: unknown): CredentialsUnusableError =>
  new CredentialsUnusableError(`The file of credentials, ${file}, ${what}.`, { next, details: { file }, cause });
