/** The folder of a secured bus: who may do what, the keys, the certificates, and the configuration that follows. */
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { messageOf, SecureFolderError } from '../errors.ts';
import { ACCOUNTS_FILE, accountsText, serverText } from './configuration.ts';
import { checkIdentities, type Identities } from './identities.ts';

/** Modes of files that hold a secret, and of the folders around them. */
export const SECRET_MODE = 0o600;
export const FOLDER_MODE = 0o700;

export const identitiesFile = (dir: string): string => join(dir, 'identities.json');
export const accountsFile = (dir: string): string => join(dir, ACCOUNTS_FILE);
export const serverFile = (dir: string): string => join(dir, 'nats-server.conf');
export const pidFile = (dir: string): string => join(dir, 'nats-server.pid');
export const keysFolder = (dir: string): string => join(dir, 'keys');
export const keyFile = (dir: string, name: string): string => join(keysFolder(dir), `${name}.nk`);

export const isSecured = (dir: string): boolean => existsSync(identitiesFile(dir));

/** Throws `SecureFolderError`. */
export function readIdentities(dir: string): Identities {
  const file = identitiesFile(dir);
  let found: Identities | string;
  try {
    found = checkIdentities(JSON.parse(readFileSync(file, 'utf8')));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT')
      throw new SecureFolderError(`${resolve(dir)} holds no identities of a secured bus.`, {
        next: `freshet secure init ${dir}, or name the folder with --dir DIR`,
        details: { file },
        cause,
      });
    found = messageOf(cause);
  }
  if (typeof found !== 'string') return found;
  throw new SecureFolderError(`Freshet cannot use ${file}: ${found}.`, {
    next: 'correct the file, or restore it from a copy',
    details: { file },
  });
}

/** Writes the list and then what follows from it. A command that ends between the two can be run again. */
export function writeIdentities(dir: string, identities: Identities): void {
  writeSecret(identitiesFile(dir), `${JSON.stringify(identities, undefined, 2)}\n`);
  for (const [file, text] of derivedFiles(dir, identities)) writeSecret(file, text);
}

/** The files of nats-server, by their path, as the identities ask for them. */
export function derivedFiles(dir: string, identities: Identities): Map<string, string> {
  const folder = resolve(dir);
  const { listen, store_dir, tls } = identities;
  return new Map([
    [accountsFile(dir), accountsText(identities)],
    [
      serverFile(dir),
      serverText({
        about: 'Freshet writes this file from identities.json. Start it: nats-server -c nats-server.conf',
        listen,
        storeDir: resolve(folder, store_dir),
        tls: tls && { ...tls, cert: resolve(folder, tls.cert), key: resolve(folder, tls.key) },
        accounts: ACCOUNTS_FILE,
        more: [`pid_file: ${JSON.stringify(pidFile(folder))}`],
      }),
    ],
  ]);
}

/** Replaces a file at once, so that no reader sees half of it. Only its owner can read it. */
export function writeSecret(file: string, content: string | Uint8Array): void {
  writeFileSync(`${file}.new`, content, { mode: SECRET_MODE });
  // The mode above counts only for a new file.
  chmodSync(`${file}.new`, SECRET_MODE);
  renameSync(`${file}.new`, file);
}

export function makeFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
  chmodSync(folder, FOLDER_MODE);
}
