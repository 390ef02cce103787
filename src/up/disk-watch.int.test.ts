import { pino } from 'pino';
import { expect, it } from 'vitest';
import { tempDir } from '../../test/support/tempdir.ts';
import { until } from '../../test/support/wait.ts';
import { watchDisk } from './disk-watch.ts';

const BROKEN = '[1480] 2026/11/23 19:57:47.0 [ERR] Filestore [EVENTS] Critical write error: no space left on device';

function watch(freeBytes: number) {
  const said: string[] = [];
  let restarts = 0;
  let looks = 0;
  const disk = watchDisk({
    folder: tempDir(),
    freeBytes,
    intervalMs: 5,
    restart: () => {
      restarts++;
    },
    say: (line) => said.push(line),
    logger: pino({ level: 'silent' }),
  });
  const timer = setInterval(() => {
    looks++;
  }, 5);
  return {
    disk,
    said,
    restarts: () => restarts,
    looks: () => looks,
    stop: () => {
      clearInterval(timer);
      disk.stop();
    },
  };
}

it('restarts the server once there is room, and only once', async () => {
  const { disk, said, restarts, looks, stop } = watch(0);
  disk.line('[1480] [INF] Server is ready');
  disk.line(BROKEN);
  disk.line(BROKEN);
  await until(() => restarts() === 1);
  const before = looks();
  await until(() => looks() > before + 5);
  expect(restarts()).toBe(1);
  expect(said).toHaveLength(2);
  expect(said[0]).toContain('free disk space');
  stop();
});

it('waits while the disk has no room', async () => {
  const { disk, restarts, looks, stop } = watch(Number.MAX_SAFE_INTEGER);
  disk.line(BROKEN);
  await until(() => looks() > 10);
  expect(restarts()).toBe(0);
  stop();
});
