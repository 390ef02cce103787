/** Where the gateway may listen: on loopback alone, unless it always requires keys. */
import { isIP, isIPv4, isIPv6 } from 'node:net';
import type { Config } from '../config/schema.ts';
import { ConfigInvalidError } from '../errors.ts';

/** Whether only this machine reaches an address. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  if (name === 'localhost') return true;
  if (isIPv4(name)) return name.startsWith('127.');
  return isIPv6(name) && new URL(`http://[${name}]`).hostname === '[::1]';
}

/** Whether a text is an address, or a network in CIDR notation (RFC 4632). */
function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

/** Throws `ConfigInvalidError` if a setting is wrong, or if anybody on the network could publish and read. */
export function checkHost({ http }: Config): void {
  const wrong = http.trust_proxy.find((one) => !isNetwork(one));
  if (wrong !== undefined)
    throw new ConfigInvalidError(
      `http.trust_proxy names ${JSON.stringify(wrong)}, which is not an address or a network.`,
      {
        next: 'name addresses such as 192.0.2.1, or networks such as 192.0.2.0/24',
        details: { setting: 'http.trust_proxy' },
      },
    );
  if (http.trust_proxy.length > 0 && http.keys === 'auto')
    throw new ConfigInvalidError(
      `http.trust_proxy is ${http.trust_proxy.join(', ')}, and http.keys is auto: until an operator makes a key, every client of the proxy could publish events and read histories.`,
      {
        next: 'set http.keys to required (FRESHET_HTTP_KEYS=required) and make a key with freshet keys create; or set it to off if the proxy authenticates its callers',
        details: { setting: 'http.trust_proxy', trust_proxy: http.trust_proxy },
      },
    );
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
