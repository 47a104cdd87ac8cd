import { defineConfig } from 'vitest/config';

/**
 * Three projects: `unit` sits beside the code, `blackbox` starts real processes, `containers` needs a Docker engine.
 * All of them talk to real servers, so files run a few at a time: two cores must not starve a nats-server of its turn.
 */
export default defineConfig({
  test: {
    reporters: process.env.CI ? ['default', 'json'] : ['default'],
    outputFile: { json: process.env.VITEST_JSON ?? '.sluice/test-results.json' },
    projects: [
      {
        test: {
          name: 'unit',
          globalSetup: ['shared/testing/global-setup.ts'],
          include: ['shared/**/*.test.ts', 'services/**/*.test.ts', 'scripts/**/*.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 120_000,
          pool: 'forks',
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'blackbox',
          globalSetup: ['shared/testing/global-setup.ts'],
          include: ['tests/**/*.test.ts'],
          exclude: ['tests/containers/**'],
          testTimeout: 120_000,
          hookTimeout: 240_000,
          pool: 'forks',
          maxWorkers: 1,
        },
      },
      {
        test: {
          name: 'containers',
          globalSetup: ['tests/containers/global-setup.ts'],
          include: ['tests/containers/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 600_000,
          pool: 'forks',
          maxWorkers: 1,
        },
      },
    ],
  },
});
