import { existsSync, statfsSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

// also for worker threads and for the processes that tests start
const retired = new URL('test/support/retired-memory.mjs', import.meta.url).href;
process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} --import=${retired}`.trim();
// the tests write many small files and wait for fsync: in memory that takes no time (a container may have 64 MiB there)
const memory = '/dev/shm';
if (process.env.TMPDIR === undefined && existsSync(memory)) {
  const { bavail, bsize } = statfsSync(memory);
  if (bavail * bsize > 2 ** 32) process.env.TMPDIR = memory;
}
// a version manager's shim takes 0.1 s to find python3, and a repair starts it several times
process.env.PATH = process.env.PATH?.split(':')
  .filter((directory) => !directory.endsWith('/shims'))
  .join(':');

/** Tests that replace a module, or load one that replaces Array's sort (AssemblyScript): files beside them would see it. */
const replacing = ['test/cli/scan.test.ts', 'test/repair/opens.test.ts', 'test/kernel.test.ts'];

export default defineConfig({
  test: {
    setupFiles: ['test/support/equality.ts', 'test/support/properties.ts'],
    testTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        // files share a process and its modules: to load them again for each file took a third of the time
        test: { name: 'kvdoctor', include: ['test/**/*.test.ts'], exclude: replacing, isolate: false },
      },
      { extends: true, test: { name: 'replaced modules', include: replacing } },
    ],
  },
});
