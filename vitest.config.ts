import { relative } from 'node:path';
import { configDefaults, defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Milliseconds after which a test counts as hanging: a limit ends what never ends, and measures nothing. */
const HANGS_MS = 600_000;

/** What crosses services comes first: its files take longest, and a long one at the end keeps one core idle. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = ({ moduleId }: TestSpecification): number => {
      const path = relative(import.meta.dirname, moduleId);
      if (LONG_BESIDE_THE_SOURCE.some((name) => path.includes(name))) return 1;
      if (path.endsWith('.unit.test.ts')) return 3;
      if (!path.startsWith('test')) return 2;
      return FIRST.some((name) => path.includes(name)) ? 0 : 1;
    };
    return sorted.sort((a, b) => rank(a) - rank(b));
  }
}
/** Files beside the source that take as long as files across services. */
const LONG_BESIDE_THE_SOURCE = ['artifacts/inputs.int', 'engine/start.int'];
/** The longest of all. */
const FIRST = ['docs/commands', 'faults/faults', 'e2e/shadow', 'e2e/replay', 'e2e/forget.test'];

const project = (
  name: string,
  include: string[],
  isolate: boolean,
  exclude: string[] = [],
): TestProjectInlineConfiguration => ({
  extends: true,
  test: { name, include, isolate, exclude: [...configDefaults.exclude, ...exclude] },
});

/** `*.long.test.ts` run by `npm run test:long -- e2e` alone. */
const LONG = '**/*.long.test.ts';

export default defineConfig({
  test: {
    projects: process.env.FRESHET_TEST_LONG
      ? [project('long', ['{src,test}/**/*.long.test.ts'], true)]
      : [
          // Files that share a process load each module once.
          project('beside the source', ['{src,bench}/**/*.{unit,int}.test.ts'], false),
          project('across services', ['{test,scripts}/**/*.test.ts'], false, [LONG]),
        ],
    environment: 'node',
    // Processes rather than threads: SQLite and TensorFlow are native.
    pool: 'forks',
    // One more than the cores of a small runner: most files wait half of the time, for a process to start or to answer.
    maxWorkers: 3,
    // Tests that run side by side within a file start processes of their own.
    maxConcurrency: 2,
    sequence: { sequencer: LongestFirst },
    testTimeout: HANGS_MS,
    hookTimeout: HANGS_MS,
    teardownTimeout: 30_000,
  },
});
