/** `npm run test:long -- e2e`: whole systems, longer than `npm test` has time for (`*.long.test.ts`). */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { Command } from 'commander';
import { ROOT } from '../../scripts/setup.mjs';

export const e2eCommand = (): Command =>
  new Command('e2e')
    .description(
      'back up, destroy and restore a system; kill every process of one during an import; and more (5 minutes)',
    )
    .argument('[names...]', 'run only the files whose path holds one of these, such as backup')
    .action(async (names: string[]) => {
      const child = spawn(process.execPath, [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', ...names], {
        cwd: ROOT,
        stdio: 'inherit',
        env: { ...process.env, FRESHET_TEST_LONG: '1' },
      });
      process.exitCode = await new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? 1)));
    });
