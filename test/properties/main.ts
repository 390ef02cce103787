/** `npm run test:properties -- --times N`: the laws of the fold, with N times the runs that `npm test` has time for. */
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

const program = new Command('test:properties')
  .description('properties of the fold, on the in-memory log; a failure names the seed that it follows from')
  .option('--times <n>', 'so many times the runs that are made with all other tests', '20')
  .parse();
const { times } = program.opts<{ times: string }>();

const child = spawn(
  process.execPath,
  [
    join(ROOT, 'node_modules/vitest/vitest.mjs'),
    'run',
    ...LAWS,
    `--testTimeout=${30_000 * Math.max(1, Number(times))}`,
  ],
  { cwd: ROOT, stdio: 'inherit', env: { ...process.env, FRESHET_PROPERTY_TIMES: times } },
);
child.on('close', (code) => {
  process.exitCode = code ?? 1;
});
