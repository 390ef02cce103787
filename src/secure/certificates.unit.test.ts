import { X509Certificate } from 'node:crypto';
import { expect, it } from 'vitest';
import { daysLeft, makeCertificates, makeSerial } from './certificates.ts';

const NOW = new Date('2026-01-01T00:00:00Z');
const options = { hosts: ['nats.internal', '127.0.0.1', '::1'], certificateDays: 30, authorityDays: 300, now: NOW };

it('makes a certificate for the hosts, which its authority has signed', async () => {
  const made = await makeCertificates(options);
  const [server, authority] = [new X509Certificate(made.cert), new X509Certificate(made.ca)];
  expect(server.verify(authority.publicKey)).toBe(true);
  expect(server.checkIssued(authority)).toBe(true);
  expect([server.ca, authority.ca]).toEqual([false, true]);
  expect(server.checkHost('nats.internal')).toBe('nats.internal');
  expect(server.checkHost('other.internal')).toBeUndefined();
  for (const ip of ['127.0.0.1', '::1']) expect(server.checkIP(ip), ip).toBe(ip);
  expect([daysLeft(made.cert, NOW), daysLeft(made.ca, NOW)]).toEqual([30, 300]);
});

it('has a serial number that begins with a byte of its own, positive and without padding', () => {
  const serials = Array.from({ length: 5_000 }, makeSerial);
  for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9a-f]{31}$/);
  expect(new Set(serials).size).toBe(serials.length);
});

it('signs with an authority that exists, and not beyond its end', async () => {
  const { ca, caKey } = await makeCertificates(options);
  const later = new Date('2026-10-20T00:00:00Z');
  const renewed = await makeCertificates({ ...options, authority: { ca, caKey }, now: later });
  expect(renewed.ca).toBe(ca);
  expect(new X509Certificate(renewed.cert).verify(new X509Certificate(ca).publicKey)).toBe(true);
  expect(daysLeft(renewed.cert, later)).toBe(8);
});
