/** The identities of the embedded nats-server, in the data folder. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import { carryOver, refuseHiddenLog } from '../secure/carry-over.ts';
import { renewCertificates } from '../secure/certificate-files.ts';
import { daysLeft } from '../secure/certificates.ts';
import { isSecured, keyFile, readIdentities } from '../secure/files.ts';
import { initSecure } from '../secure/init.ts';
import { storeFolder } from './nats-server.ts';

/** Name of the folder of a secured bus in the data folder. */
export const SECURE_FOLDER = 'secure';

/** Names and addresses in the certificate of an embedded server, which listens on loopback alone. */
const HOSTS = ['localhost', '127.0.0.1', '::1'];

export interface SecuredData {
  /** The folder of the secured bus. */
  dir: string;
  /** Files of the processes: by these they connect, and answer, and verify the server. */
  services: string;
  answers: string;
  ca: string | undefined;
  /** Prefixes of inboxes to which the services may answer. */
  inboxPrefixes: readonly string[];
  /** The file by which verbs on this machine connect. */
  operator: string;
}

export interface SecureDataOptions {
  data: string;
  /** Secure a data folder that is not. One that is stays so. */
  wanted: boolean;
  config: Config;
  say: (line: string) => void;
}

/**
 * Makes the identities of a data folder, or finds them, and carries the log of a server without accounts over. Undefined:
 * the data folder is not secured. Throws `LogHiddenError` if its server would hide a log, and `SecureFolderError`.
 */
export async function secureData({ data, wanted, config, say }: SecureDataOptions): Promise<SecuredData | undefined> {
  const dir = join(data, SECURE_FOLDER);
  const storeDir = storeFolder(data);
  if (!isSecured(dir)) {
    if (!wanted) {
      refuseHiddenLog(storeDir, `restore ${dir} from a copy, or make new keys: freshet up --secure`);
      return undefined;
    }
    const tls = { hosts: HOSTS };
    await initSecure({ dir, listen: LISTEN, storeDir, apps: [], discovery: false, inboxPrefixes: [], tls, config });
    say(`The identities of the secured bus are in ${dir}.`);
  } else if (!wanted) say(`The data folder is secured, so nats-server starts with the accounts of ${dir}.`);
  const carried = carryOver(storeDir);
  if (carried.length > 0) say(`Carried over to the account of Freshet: ${carried.join(', ')}.`);
  const { tls, inbox_prefixes } = readIdentities(dir);
  if (tls?.hosts && daysLeft(readFileSync(join(dir, tls.cert), 'utf8')) < config.secure.warn_days) {
    await renewCertificates(dir, tls.hosts, config);
    say('The certificate of nats-server was about to expire and is renewed.');
  }
  return {
    dir,
    services: keyFile(dir, 'services'),
    answers: keyFile(dir, 'answers'),
    operator: keyFile(dir, 'operator'),
    ca: tls ? join(dir, tls.ca) : undefined,
    inboxPrefixes: inbox_prefixes,
  };
}

/** Until the embedded server has chosen its port. */
const LISTEN = '127.0.0.1:4222';
