/** Settings that change after a rebuild is complete and before the service has cut over to it. */
import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { projectionFiles, versionOf } from '../../src/bus/projection/files.ts';
import { declared, registered, viewed } from '../support/events.ts';
import { useServices } from '../support/services.ts';
import { until } from '../support/wait.ts';

const services = useServices('waiting', { settings: { projection: { rebuild_retry_ms: 100 } } });
const { start, stop, publish, caughtUp, runFreshet } = services;

it('a rebuild under other settings that waits for its cut-over does not block the rebuild of a service', async () => {
  const listens = { events: { declared: ['x_listened'] } };
  await start('user');
  const last = await publish(registered('u1'), viewed('u1', 'a'), declared('x_listened')('u1', 'a'));
  await caughtUp(last);
  await stop('user');
  // The rebuild of settings that are no longer those of the service: a process ended between its rename and the cut-over.
  const files = projectionFiles(services.data, 'user');
  const aside = join(services.data, 'aside');
  await runFreshet('replay', 'user', '--into', aside);
  const listening = services.config(listens);
  expect(listening.events.declared).toEqual(['x_listened']);
  renameSync(projectionFiles(aside, 'user').live, files.next);
  const old = versionOf(files.next);

  const user = await start('user', { settings: listens });
  expect(user.status().fold_version).toBe(old);
  // It stays while the new rebuild is not complete: a start with those settings again would use it.
  expect(existsSync(files.next)).toBe(true);
  await until(() => user.status().fold_version !== old && user.status().rebuild === undefined, { within: 20_000 });
  await caughtUp(last);
  expect(user.status()).toMatchObject({ applied: 3 });
  expect(existsSync(files.next)).toBe(false);
});
