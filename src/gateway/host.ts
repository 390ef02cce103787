/** Where the gateway may listen: on loopback alone, unless it always requires keys. */
import { isIPv4, isIPv6 } from 'node:net';
import type { Config } from '../config/schema.ts';
import { ConfigInvalidError } from '../errors.ts';

/** Whether only this machine reaches an address. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  if (name === 'localhost') return true;
  if (isIPv4(name)) return name.startsWith('127.');
  return isIPv6(name) && new URL(`http://[${name}]`).hostname === '[::1]';
}

/** Throws `ConfigInvalidError` if anybody on the network could publish and read. */
export function checkHost({ http }: Config): void {
  if (isLoopback(http.host) || http.allow_remote || http.keys === 'required') return;
  throw new ConfigInvalidError(
    `http.host is ${http.host}, which other machines reach, and http.keys is ${http.keys}: anybody on the network could publish events and read histories.`,
    {
      next: 'set http.keys to required (FRESHET_HTTP_KEYS=required) and make a key with freshet keys create; or set http.host to 127.0.0.1; or set http.allow_remote to true if the network is closed',
      details: { setting: 'http.host', host: http.host },
    },
  );
}

/** The URL at which callers reach a gateway that listens on this host and port. */
export function urlOf(host: string, port: number): string {
  if (host === '0.0.0.0') return `http://127.0.0.1:${port}`;
  if (host === '::') return `http://[::1]:${port}`;
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}
