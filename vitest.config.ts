import { defineConfig } from 'vitest/config';

/**
 * Two projects. `unit` needs nothing but the sources and runs in parallel. `integration` starts processes
 * from dist/ (which its global set-up rebuilds once), so its files run one at a time, after the unit tests.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/{unit,architecture,simulation,fuzz}/**/*.test.ts'],
          setupFiles: ['test/support/property-seed.ts'],
          sequence: { groupOrder: 0 },
          // For tests that hang: how long one takes is nothing that a test says.
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/{integration,sql}/**/*.test.ts'],
          setupFiles: ['test/support/property-seed.ts', 'test/support/replay-recordings.ts'],
          globalSetup: ['test/support/build-dist.ts'],
          sequence: { groupOrder: 1 },
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          teardownTimeout: 20_000,
        },
      },
    ],
  },
});
