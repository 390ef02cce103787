/** A data folder that becomes secured, and a start that ended in between. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tempDir } from '../../test/support/tempdir.ts';
import { completeConfig } from '../config/load.ts';
import { accountFolder } from '../secure/carry-over.ts';
import { renewCertificates } from '../secure/certificate-files.ts';
import { daysLeft } from '../secure/certificates.ts';
import { initSecure } from '../secure/init.ts';
import { storeFolder } from './nats-server.ts';
import { secureData } from './secured.ts';

const config = completeConfig({});
const say = (): void => undefined;

/** A data folder with the files of a log of a server without accounts. */
function oldData(): string {
  const data = tempDir('secured');
  const stream = join(accountFolder(storeFolder(data), '$G'), 'streams', 'EVENTS');
  mkdirSync(stream, { recursive: true });
  writeFileSync(join(stream, 'meta.inf'), 'the stream');
  return data;
}
const logOf = (data: string): string => join(accountFolder(storeFolder(data), 'FRESHET'), 'streams/EVENTS/meta.inf');

it('leaves a data folder as it is unless somebody asks', async () => {
  const data = oldData();
  expect(await secureData({ data, wanted: false, config, say })).toBeUndefined();
  expect(existsSync(join(data, 'secure'))).toBe(false);
});

it.each<[string, (data: string) => Promise<void> | void]>([
  ['before it began', () => undefined],
  ['while it made the keys', (data) => void mkdirSync(join(data, 'secure.new', 'keys'), { recursive: true })],
  [
    'before it carried the log over',
    async (data) => {
      const tls = { hosts: ['localhost'] };
      const storeDir = storeFolder(data);
      await initSecure({
        dir: join(data, 'secure'),
        listen: 'x',
        storeDir,
        apps: [],
        discovery: false,
        inboxPrefixes: [],
        tls,
        config,
      });
    },
  ],
])('goes on after a start that ended %s', async (_when, stopped) => {
  const data = oldData();
  await stopped(data);
  const secured = await secureData({ data, wanted: true, config, say });
  expect(readFileSync(logOf(data), 'utf8')).toBe('the stream');
  expect(existsSync(join(data, 'secure.new'))).toBe(false);
  // The next start finds the same keys, also without being asked.
  expect(await secureData({ data, wanted: false, config, say })).toEqual(secured);
});

it('renews its certificate before it expires', async () => {
  const data = oldData();
  const secured = await secureData({ data, wanted: true, config, say });
  const dir = secured?.dir as string;
  await renewCertificates(dir, ['localhost'], completeConfig({ secure: { certificate_days: 5 } }));
  const days = (): number => daysLeft(readFileSync(join(dir, 'tls/server.pem'), 'utf8'));
  expect(days()).toBeLessThan(6);
  await secureData({ data, wanted: true, config, say });
  expect(days()).toBeGreaterThan(300);
});
