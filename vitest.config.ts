import { defineConfig } from 'vitest/config';

// Worker threads and child processes run from dist/, which `npm test` builds first (tools/prepare.mjs).
// Forks, not threads: onnxruntime-node is a native addon.
export default defineConfig({
  test: {
    pool: 'forks',
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    // For tests that make sessions of their own; the engine sees to it by itself.
    env: { ORT_DISABLE_TELEMETRY: '1' },
  },
});
