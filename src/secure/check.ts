/** What is wrong with the folder of a secured bus, or soon will be. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Config } from '../config/schema.ts';
import { accountFolder, GLOBAL_ACCOUNT, holdsOldLog } from './carry-over.ts';
import { daysLeft } from './certificates.ts';
import { derivedFiles, keyFile, keysFolder, readIdentities } from './files.ts';
import { publicKeyIn } from './keys.ts';

export interface CertificateView {
  file: string;
  days_left: number;
}

export interface Finding {
  /** What is wrong. */
  message: string;
  next: string;
}

export interface SecureCheck {
  identities: { name: string; key: string; may: readonly string[] }[];
  certificates: CertificateView[];
  findings: Finding[];
}

/** Throws `SecureFolderError` if the folder holds no readable identities. */
export function checkSecure(dir: string, { secure }: Config): SecureCheck {
  const all = readIdentities(dir);
  const findings: Finding[] = [];
  const certificates: CertificateView[] = [];
  if (all.tls)
    for (const file of [all.tls.cert, all.tls.ca].map((path) => resolve(dir, path))) {
      try {
        const days = daysLeft(readFileSync(file, 'utf8'));
        certificates.push({ file, days_left: days });
        if (days < secure.warn_days)
          findings.push({
            message:
              days < 0 ? `The certificate ${file} has expired.` : `The certificate ${file} expires in ${days} days.`,
            next: all.tls.hosts ? 'freshet secure rotate certificates' : `replace ${file}, then reload nats-server`,
          });
      } catch {
        findings.push({ message: `${file} is no readable certificate.`, next: `restore ${file}` });
      }
    }
  for (const { name, key } of all.identities) {
    const file = keyFile(dir, name);
    // The operator may keep the keys of others elsewhere, and give away that of an application.
    if (existsSync(file) && publicKeyIn(file) !== key)
      findings.push({
        message: `The key in ${file} is not the one of the identity ${name}.`,
        next: `freshet secure rotate ${name}`,
      });
  }
  for (const [file, text] of derivedFiles(dir, all))
    if (!existsSync(file) || readFileSync(file, 'utf8') !== text)
      findings.push({ message: `${file} is not what identities.json asks for.`, next: 'freshet secure apply' });
  for (const path of secretPaths(dir)) {
    const mode = statSync(path).mode & 0o777;
    if ((mode & 0o077) !== 0)
      findings.push({
        message: `Other users can read ${path}: its mode is ${mode.toString(8)}.`,
        next: `chmod ${statSync(path).isDirectory() ? '700' : '600'} ${path}`,
      });
  }
  const storeDir = resolve(dir, all.store_dir);
  if (holdsOldLog(storeDir))
    findings.push({
      message: `The server hides the streams in ${accountFolder(storeDir, GLOBAL_ACCOUNT)}, which belong to no account of the configuration.`,
      next: 'stop nats-server, then freshet secure carry-over',
    });
  return {
    identities: all.identities.map(({ name, key, may = [] }) => ({ name, key, may })),
    certificates,
    findings,
  };
}

/** The folders and the files that only the operator may read. */
function secretPaths(dir: string): string[] {
  const tls = join(dir, 'tls');
  const files = (folder: string, ends: string): string[] =>
    existsSync(folder)
      ? readdirSync(folder)
          .filter((name) => name.endsWith(ends))
          .map((name) => join(folder, name))
      : [];
  const folders = [dir, keysFolder(dir), tls].filter((folder) => existsSync(folder));
  return [...folders, ...files(keysFolder(dir), '.nk'), ...files(tls, '.key')];
}
