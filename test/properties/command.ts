/** `npm run test:long -- properties`: the laws of the fold, with more runs than `npm test` has time for. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Batching, crashes, repetition and re-delivery; forgetting; order of users; partitions. */
const LAWS = [
  'src/bus/projection/loop.int.test.ts',
  'src/bus/projection/store.int.test.ts',
  'src/bus/projection/data-subjects.int.test.ts',
  'src/engine/fold/model-fold.int.test.ts',
  'src/engine/model/model.unit.test.ts',
  'src/engine/model/feedback.unit.test.ts',
];

export const propertiesCommand = (): Command =>
  new Command('properties')
    .description('test the laws of the fold on drawn cases; a failure names the seed that reproduces it (5 minutes)')
    .option('--times <n>', 'how many times the runs of `npm test`', '20')
    .action(async ({ times }: { times: string }) => {
      const child = spawn(process.execPath, [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', ...LAWS], {
        cwd: ROOT,
        stdio: 'inherit',
        env: { ...process.env, FRESHET_PROPERTY_TIMES: times },
      });
      process.exitCode = await new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? 1)));
    });
