/** The certificates in the folder of a secured bus: the files, and when Freshet makes them anew. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import { daysLeft, makeCertificates } from './certificates.ts';
import { makeFolder, writeSecret } from './files.ts';

/** Paths in the folder of a secured bus. */
export const TLS_FILES = { cert: 'tls/server.pem', key: 'tls/server.key', ca: 'tls/ca.pem' } as const;
const CA_KEY = 'tls/ca.key';

const read = (dir: string, file: string): string => readFileSync(join(dir, file), 'utf8');

/** Makes an authority and the certificate of the server. */
export async function newCertificates(dir: string, hosts: readonly string[], { secure }: Config): Promise<void> {
  makeFolder(join(dir, 'tls'));
  const made = await makeCertificates({
    hosts,
    certificateDays: secure.certificate_days,
    authorityDays: secure.authority_days,
  });
  writeSecret(join(dir, CA_KEY), made.caKey);
  writeSecret(join(dir, TLS_FILES.ca), made.ca);
  writeSecret(join(dir, TLS_FILES.key), made.key);
  writeSecret(join(dir, TLS_FILES.cert), made.cert);
}

/**
 * Makes the certificate of the server anew, with the same authority, so that clients need no other file. Returns whether
 * the authority is a new one too, because the old one expires before the certificate would.
 */
export async function renewCertificates(
  dir: string,
  hosts: readonly string[],
  config: Config,
): Promise<{ authority: boolean }> {
  const { certificate_days: certificateDays, authority_days: authorityDays } = config.secure;
  const ca = read(dir, TLS_FILES.ca);
  if (daysLeft(ca) < certificateDays) {
    await newCertificates(dir, hosts, config);
    return { authority: true };
  }
  const authority = { ca, caKey: read(dir, CA_KEY) };
  const made = await makeCertificates({ hosts, certificateDays, authorityDays, authority });
  writeSecret(join(dir, TLS_FILES.key), made.key);
  writeSecret(join(dir, TLS_FILES.cert), made.cert);
  return { authority: false };
}
