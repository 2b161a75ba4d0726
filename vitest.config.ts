import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const heavy = ['test/fault/**/*.test.ts', 'test/repository/package.test.ts', 'test/repository/start.test.ts']

// An emulator that npm test installs only where it is asked for.
const localBigQuery = existsSync(fileURLToPath(new URL('.cache/local-bigquery/bin/local-bigquery', import.meta.url)))
const withoutTool = localBigQuery ? [] : ['test/e2e/local-bigquery.test.ts']

export default defineConfig({
  test: {
    globalSetup: 'test/console/build-before-tests.ts',
    testTimeout: 60_000,
    hookTimeout: 180_000,
    // How long something may take to come about says nothing of its correctness.
    expect: { poll: { timeout: 30_000, interval: 20 } },
    env: { FORCE_COLOR: '0' },
    projects: [
      {
        extends: true,
        // The processes under test need the cores.
        test: {
          name: 'side by side',
          include: ['test/**/*.test.ts'],
          exclude: [...heavy, ...withoutTool],
          maxWorkers: 2,
        },
      },
      {
        extends: true,
        // Faults and installations take the whole machine: after the others, one file at a time.
        test: { name: 'alone', include: heavy, fileParallelism: false, sequence: { groupOrder: 1 } },
      },
    ],
  },
})
