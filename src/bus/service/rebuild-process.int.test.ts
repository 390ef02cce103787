import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Logger, pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { publishAll, viewed } from '../../../test/support/events.ts';
import { startNatsServer } from '../../../test/support/nats.ts';
import { makeTempDir, removeTempDir } from '../../../test/support/tempdir.ts';
import { until } from '../../../test/support/wait.ts';
import { completeConfig } from '../../config/load.ts';
import { createPublisher } from '../nats/publisher.ts';
import { discardNext, projectionFiles, versionOf } from '../projection/files.ts';
import { prepareServer } from '../streams/prepare.ts';
import { acquireLock } from './lock.ts';
import { createRebuildProcess } from './rebuild-process.ts';

interface Line {
  level: number;
  msg: string;
  code?: number;
  file?: string;
  reason?: string;
  pause_ms?: number;
}

function capturingLogger(): { logger: Logger; errors: () => Line[] } {
  const lines: Line[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line) as Line);
  return { logger: pino({ level: 'debug' }, { write }), errors: () => lines.filter(({ level }) => level === 50) };
}

test('a settings file that can not be written is logged and tried again, until the rebuild runs', async () => {
  const nats = await startNatsServer();
  onTestFinished(() => nats.stop());
  const data = makeTempDir('rebuild');
  onTestFinished(() => removeTempDir(data));
  const { logger, errors } = capturingLogger();
  const nc = await nats.connect();
  await prepareServer(nc, logger);
  const publisher = createPublisher(nc);
  onTestFinished(() => publisher.close());
  await publishAll(publisher, [viewed('u', 'i')]);

  // A folder has the path of the file, so that every write fails, as on a full disk.
  const settings = join(data, 'user.rebuild.config.json');
  mkdirSync(settings);
  const config = completeConfig({ projection: { rebuild_retry_ms: 10 }, log: { level: 'silent' } });
  let ended = 0;
  const onComplete = (): void => void ended++;
  const natsUrl = nats.url;
  const rebuild = createRebuildProcess({ service: 'user', replica: 1, data, natsUrl, config, logger, onComplete });
  onTestFinished(() => rebuild.stop());
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
  const nats = await startNatsServer();
  onTestFinished(() => nats.stop());
  const data = makeTempDir('rebuild');
  onTestFinished(() => removeTempDir(data));
  const { logger, errors } = capturingLogger();
  const nc = await nats.connect();
  await prepareServer(nc, logger);
  // Another rebuild of the same instance runs, and the service itself does.
  const other = acquireLock(join(data, 'user.rebuild'), 'another rebuild');
  const service = acquireLock(join(data, 'user'), 'the service');
  onTestFinished(() => service.release());
  const config = completeConfig({ projection: { rebuild_retry_ms: 10 }, log: { level: 'silent' } });
  const { next } = projectionFiles(data, 'user');
  const ends: boolean[] = [];
  const rebuild = createRebuildProcess({
    service: 'user',
    replica: 1,
    data,
    natsUrl: nats.url,
    config,
    logger,
    onComplete: () => ends.push(existsSync(next)),
  });
  onTestFinished(() => rebuild.stop());
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
  const data = makeTempDir('rebuild');
  onTestFinished(() => removeTempDir(data));
  const { logger, errors } = capturingLogger();
  const settings = join(data, 'user.rebuild.config.json');
  mkdirSync(settings);
  const config = completeConfig({ projection: { rebuild_retry_ms: 3_600_000 } });
  const natsUrl = 'nats://127.0.0.1:1';
  const rebuild = createRebuildProcess({ service: 'user', replica: 1, data, natsUrl, config, logger });
  rebuild.start();
  expect(errors()).toHaveLength(1);
  await rebuild.stop();
});
