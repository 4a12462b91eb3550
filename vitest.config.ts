import { defineConfig } from 'vitest/config'

// Packages resolve each other by source. Vite's own defaults are repeated beside the condition, but for `module`, which Node
// does not know: what it leads to need not run there.
const conditions = ['@fairlead/source', 'node', 'development']

const shared = {
  setupFiles: ['./testkit/watch-test-file.ts'],
  pool: 'forks' as const,
  testTimeout: 30_000,
  hookTimeout: 60_000,
  // The SDK of AWS announces on Node 20 when it will want a newer one; a warning fails a test.
  env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
}

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    reporters: process.env['FAIRLEAD_TEST_REPORT'] === undefined ? ['default'] : ['default', 'json'],
    ...(process.env['FAIRLEAD_TEST_REPORT'] === undefined
      ? {}
      : { outputFile: { json: process.env['FAIRLEAD_TEST_REPORT'] } }),
    projects: [
      {
        extends: true,
        test: {
          ...shared,
          name: 'unit',
          include: [
            'packages/*/src/**/*.test.ts',
            'testkit/**/*.test.ts',
            'tests/{layers,tooling,simulation}/**/*.test.ts',
          ],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          ...shared,
          name: 'system',
          include: ['tests/**/*.test.ts'],
          exclude: ['tests/{layers,tooling,simulation}/**', '**/node_modules/**'],
          // Real processes of a whole deployment, which wait more than they work: three files at a time.
          maxWorkers: 3,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
