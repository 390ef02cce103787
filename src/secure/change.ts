/** Changes of a secured bus: applications, keys and certificates. Each takes effect when nats-server reloads. */
import { rmSync } from 'node:fs';
import type { Config } from '../config/schema.ts';
import { UsageError } from '../errors.ts';
import { renewCertificates } from './certificate-files.ts';
import { keyFile, readIdentities, writeIdentities } from './files.ts';
import { appIdentity, appName, isApp } from './identities.ts';
import { makeKey } from './keys.ts';
import type { AppRight } from './rights.ts';

/** Returns the file of the application's key. Throws `UsageError` if the application exists. */
export function addApp(dir: string, app: string, may: readonly AppRight[]): string {
  const all = readIdentities(dir);
  const name = appIdentity(app);
  if (all.identities.some((one) => one.name === name))
    throw new UsageError(`The application ${app} exists already.`, {
      next: `freshet secure rotate ${name}, for a new key; or freshet secure remove-app ${app} first`,
    });
  // A key without an entry is of no use, so the file comes first.
  const key = makeKey(dir, name);
  writeIdentities(dir, { ...all, identities: [...all.identities, { name, key, may: [...may] }] });
  return keyFile(dir, name);
}

/** Throws `UsageError` if there is no such application. */
export function removeApp(dir: string, app: string): void {
  const all = readIdentities(dir);
  const name = appIdentity(app);
  if (!all.identities.some((one) => one.name === name)) {
    const apps = all.identities.filter(isApp).map(appName);
    throw new UsageError(`There is no application ${app}.`, {
      next: apps.length === 0 ? 'freshet secure add-app NAME' : `name one of ${apps.join(', ')}`,
    });
  }
  writeIdentities(dir, { ...all, identities: all.identities.filter((one) => one.name !== name) });
  rmSync(keyFile(dir, name), { force: true });
}

/** Gives an identity a new key, and returns its file. Throws `UsageError` if there is no such identity. */
export function rotateKey(dir: string, name: string): string {
  const all = readIdentities(dir);
  const names = all.identities.map((one) => one.name);
  if (!names.includes(name))
    throw new UsageError(`There is no identity ${name}.`, { next: `name one of ${names.join(', ')}, or certificates` });
  const key = makeKey(dir, name);
  writeIdentities(dir, {
    ...all,
    identities: all.identities.map((one) => (one.name === name ? { ...one, key } : one)),
  });
  return keyFile(dir, name);
}

/** Makes the certificate of the server anew. Throws `UsageError` if Freshet did not make it. */
export async function rotateCertificates(dir: string, config: Config): Promise<{ authority: boolean }> {
  const { tls } = readIdentities(dir);
  if (!tls?.hosts)
    throw new UsageError(
      tls
        ? `Freshet did not make the certificate ${tls.cert}, so it cannot renew it.`
        : 'This bus has no TLS, so there are no certificates.',
      {
        next: tls
          ? `replace ${tls.cert} and ${tls.key}, then reload nats-server`
          : 'freshet secure init DIR, without --no-tls',
      },
    );
  return renewCertificates(dir, tls.hosts, config);
}
