import { defineConfig } from 'vitest/config';

// also for worker threads and for the processes that tests start
const retired = new URL('test/support/retired-memory.mjs', import.meta.url).href;
process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} --import=${retired}`.trim();

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/byte-equality.ts', 'test/support/properties.ts'],
    testTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
