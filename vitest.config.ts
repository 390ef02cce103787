import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      'src/**/*.{unit,int}.test.ts',
      'test/**/*.test.ts',
      'bench/**/*.{unit,int}.test.ts',
      'scripts/**/*.test.ts',
    ],
    environment: 'node',
    // Processes rather than threads: SQLite and TensorFlow are native, and suites change the working folder.
    pool: 'forks',
    // Suites with servers and services of their own already keep the cores busy.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
  },
});
