import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { viewed } from '../../../test/support/events.ts';
import { useServices } from '../../../test/support/services.ts';
import { until } from '../../../test/support/wait.ts';
import type { Config } from '../../config/schema.ts';
import { discardNext, projectionFiles, versionOf } from '../projection/files.ts';
import { acquireLock } from './lock.ts';
import { createRebuildProcess, type RebuildProcess } from './rebuild-process.ts';

const services = useServices('rebuild');
const { logger } = services;
const errors = () => services.logged.filter(({ level }) => level === 50);
let rebuild: RebuildProcess;
afterEach(() => rebuild.stop());

/** Of the user service, with these settings of the projection. */
function rebuildOf(projection: Partial<Config['projection']>, onComplete = () => {}): Config {
  const { data, server } = services;
  const config = services.config({ projection, log: { level: 'silent' } });
  const natsUrl = server.url;
  rebuild = createRebuildProcess({ service: 'user', replica: 1, data, natsUrl, config, logger, onComplete });
  return config;
}

test('a settings file that can not be written is logged and tried again, until the rebuild runs', async () => {
  const { data } = services;
  await services.publish(viewed('u', 'i'));

  // A folder has the path of the file, so that every write fails, as on a full disk.
  const settings = join(data, 'user.rebuild.config.json');
  mkdirSync(settings);
  let ended = 0;
  const config = rebuildOf({ rebuild_retry_ms: 10 }, () => void ended++);
  expect(rebuild.start).not.toThrow();
  await until(() => errors().length >= 3);
  for (const { file, reason } of errors()) {
    expect(file).toBe(settings);
    expect(reason).toMatch(/EISDIR/);
  }
  // Each pause is twice the one before, as after a rebuild that ended.
  expect(errors().map(({ pause_ms }) => pause_ms)).toEqual(errors().map((_, i) => 10 * 2 ** i));

  rmdirSync(settings);
  // No service runs here, so the rebuild puts the projection in its place itself.
  await until(() => versionOf(join(data, 'user.sqlite')), { within: 25_000, what: 'the rebuilt projection' });
  expect(JSON.parse(readFileSync(settings, 'utf8'))).toEqual(config);
  await until(() => ended === 1 && !rebuild.runs());
});

test('a rebuild that fails is reported and started again, and its end is reported once it is complete', async () => {
  const { data } = services;
  // Another rebuild of the same instance runs, and the service itself does.
  const other = acquireLock(join(data, 'user.rebuild'), 'another rebuild');
  const service = acquireLock(join(data, 'user'), 'the service');
  onTestFinished(() => service.release());
  const { next } = projectionFiles(data, 'user');
  const ends: boolean[] = [];
  rebuildOf({ rebuild_retry_ms: 10 }, () => ends.push(existsSync(next)));
  rebuild.start();
  await until(() => errors().length > 0, { within: 25_000, what: 'the report of a failed rebuild' });
  expect(errors()[0]).toMatchObject({ code: 1, reason: expect.stringContaining('FRESHET_INSTANCE_LOCKED') });
  expect(ends).toEqual([]);
  other.release();
  // The process ends although no service cuts over, and its complete file is there.
  await until(() => ends.length > 0, { within: 25_000, what: 'the end of the rebuild' });
  expect(ends).toEqual([true]);
  // The service had no use for the file.
  discardNext(projectionFiles(data, 'user'));
  rebuild.retry();
  await until(() => ends.length > 1, { within: 25_000, what: 'the end of the second rebuild' });
  expect(ends).toEqual([true, true]);
});

test('a rebuild that is stopped during a pause makes no further attempt', async () => {
  mkdirSync(join(services.data, 'user.rebuild.config.json'));
  rebuildOf({ rebuild_retry_ms: 3_600_000 });
  rebuild.start();
  expect(errors()).toHaveLength(1);
  await rebuild.stop();
});
