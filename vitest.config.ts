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
    // Tests that run side by side within a file start processes of their own.
    maxConcurrency: 2,
    testTimeout: 90_000,
    hookTimeout: 180_000,
    teardownTimeout: 10_000,
  },
});
