/** Makes the folder of a secured bus: identities with keys, certificates, and the configuration of nats-server. */
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Config } from '../config/schema.ts';
import { SecureFolderError, UsageError } from '../errors.ts';
import { newCertificates, TLS_FILES } from './certificate-files.ts';
import { keysFolder, makeFolder, writeIdentities } from './files.ts';
import { appIdentity, checkIdentities, type Identities, type Identity, OUTER } from './identities.ts';
import { makeKey } from './keys.ts';
import { APP_RIGHTS, type AppRight, INNER } from './rights.ts';

export interface InitOptions {
  dir: string;
  /** Address that nats-server listens on: `127.0.0.1:4222`. */
  listen: string;
  /** Folder of JetStream. */
  storeDir: string;
  /** Applications to begin with, with all rights of applications. */
  apps: readonly string[];
  discovery: boolean;
  inboxPrefixes: readonly string[];
  /** Certificates: made for these hosts, brought along, or none. */
  tls: { hosts: readonly string[] } | { cert: string; key: string; ca: string } | null;
  config: Config;
}

/** Rights of an application that its operator does not narrow. */
export const APP_DEFAULT: readonly AppRight[] = APP_RIGHTS.filter((right) => right !== 'watch');

/** Makes the folder as a whole or not at all. Throws `SecureFolderError` if something is in it already, and `UsageError`. */
export async function initSecure(options: InitOptions): Promise<Identities> {
  const dir = resolve(options.dir);
  if (existsSync(dir) && readdirSync(dir).length > 0)
    throw new SecureFolderError(`The folder ${dir} is not empty, and may hold keys that are in use.`, {
      next: `name another folder: freshet secure init DIR. If ${dir} is a secured bus: freshet secure check --dir ${dir}`,
      details: { dir },
    });
  const staged = `${dir}.new`;
  // What an interrupted command left: nobody has these keys.
  rmSync(staged, { recursive: true, force: true });
  makeFolder(staged);
  makeFolder(keysFolder(staged));
  const identity = (name: string, may?: readonly string[]): Identity => ({
    name,
    key: makeKey(staged, name),
    ...(may ? { may: [...may] } : {}),
  });
  const { tls } = options;
  const identities: Identities = {
    version: 1,
    listen: options.listen,
    store_dir: options.storeDir,
    discovery: options.discovery,
    inbox_prefixes: [...options.inboxPrefixes],
    tls: tls && {
      ...('hosts' in tls ? { ...TLS_FILES, hosts: [...tls.hosts] } : tls),
      timeout_s: options.config.secure.tls_timeout_s,
    },
    identities: [
      ...INNER.map((name) => identity(name)),
      ...Object.entries(OUTER).map(([name, may]) => identity(name, may)),
      ...options.apps.map((app) => identity(appIdentity(app), APP_DEFAULT)),
    ],
  };
  const checked = checkIdentities(identities);
  if (typeof checked === 'string') {
    rmSync(staged, { recursive: true });
    throw new UsageError(`Freshet cannot make these identities: ${checked}.`, { next: 'freshet secure init --help' });
  }
  if (tls && 'hosts' in tls) await newCertificates(staged, tls.hosts, options.config);
  writeIdentities(staged, identities);
  renameSync(staged, dir);
  // The configuration names paths in the final folder.
  writeIdentities(dir, identities);
  return identities;
}
