/** Certificates for a trial: an authority of its own, and the certificate of nats-server that it signs. */
import { generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type Forge from 'node-forge';

export interface CertificateFiles {
  ca: string;
  caKey: string;
  cert: string;
  key: string;
}

export interface CertificateOptions {
  /** Names and addresses by which clients reach the server. */
  hosts: readonly string[];
  /** Days that each certificate is valid. */
  certificateDays: number;
  authorityDays: number;
  /** The authority that signs; left out: a new one. PEM. */
  authority?: { ca: string; caKey: string };
  now?: Date;
}

const RSA_BITS = 2_048;
/** Clocks of clients may be behind. */
const EARLIER_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Makes the certificate of a server, and an authority if none is given. All texts are PEM. */
export async function makeCertificates(options: CertificateOptions): Promise<CertificateFiles> {
  // Only few commands need the library, and all would wait for it.
  const { default: forge } = await import('node-forge');
  const { hosts, certificateDays, authorityDays, now = new Date() } = options;
  const { ca, caKey } = options.authority ?? makeAuthority(forge, authorityDays, now);
  const pair = makePair();
  const authority = forge.pki.certificateFromPem(ca);
  const until = new Date(Math.min(now.getTime() + certificateDays * DAY_MS, authority.validity.notAfter.getTime()));
  const certificate = begin(forge, pair.publicKey, now, until);
  certificate.setSubject([{ name: 'commonName', value: hosts[0] ?? 'localhost' }]);
  certificate.setIssuer(authority.subject.attributes);
  certificate.setExtensions([
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
    { name: 'extKeyUsage', serverAuth: true },
    {
      name: 'subjectAltName',
      altNames: hosts.map((host) => (isIP(host) ? { type: 7, ip: host } : { type: 2, value: host })),
    },
  ]);
  certificate.sign(forge.pki.privateKeyFromPem(caKey), forge.md.sha256.create());
  return { ca, caKey, cert: forge.pki.certificateToPem(certificate), key: pair.privateKey };
}

function makeAuthority(forge: typeof Forge, days: number, now: Date): { ca: string; caKey: string } {
  const pair = makePair();
  const certificate = begin(forge, pair.publicKey, now, new Date(now.getTime() + days * DAY_MS));
  // Two authorities of one name would make clients try the wrong one.
  const name = [{ name: 'commonName', value: `Freshet ${randomBytes(4).toString('hex')}` }];
  certificate.setSubject(name);
  certificate.setIssuer(name);
  certificate.setExtensions([
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
  ]);
  certificate.sign(forge.pki.privateKeyFromPem(pair.privateKey), forge.md.sha256.create());
  return { ca: forge.pki.certificateToPem(certificate), caKey: pair.privateKey };
}

/** Node makes the keys, because it takes milliseconds for what the library needs a second for. */
const makePair = (): { publicKey: string; privateKey: string } =>
  generateKeyPairSync('rsa', {
    modulusLength: RSA_BITS,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });

/**
 * A serial number of 16 bytes, hex. The first bit of a number in DER is its sign, and the first nine bits must not all be
 * zero: clients refuse the certificate otherwise.
 */
export function makeSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes.toString('hex');
}

function begin(forge: typeof Forge, publicKey: string, now: Date, until: Date): Forge.pki.Certificate {
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey);
  certificate.serialNumber = makeSerial();
  certificate.validity.notBefore = new Date(now.getTime() - EARLIER_MS);
  certificate.validity.notAfter = until;
  return certificate;
}

/** Days until a certificate expires, rounded down; negative once it has. Throws if the text is no certificate. */
export const daysLeft = (pem: string, now = new Date()): number =>
  Math.floor((Date.parse(new X509Certificate(pem).validTo) - now.getTime()) / DAY_MS);
