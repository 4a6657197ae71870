import type { Disk } from '../../src/repair/disk.js';

/** Thrown in place of a kill: nothing after it runs, as after SIGKILL. */
export class Killed extends Error {}

/**
 * A disk on which the process dies at the n-th operation that changes something: before it, halfway through it (a file
 * half written), or right after it. Each operation counts three points. `die` throws, or returns a promise that never settles.
 */
export function faultyDisk(
  disk: Disk,
  dieAt: number,
  die: () => Promise<never>,
): Disk & { points(): number } {
  let point = 0;
  const step = async () => {
    if (point++ === dieAt) await die();
  };
  const guarded = async (operation: () => Promise<void>, half?: () => Promise<void>) => {
    await step();
    if (point === dieAt && half) await half();
    await step();
    await operation();
    await step();
  };
  return {
    points: () => point,
    stat: (file) => disk.stat(file),
    read: (file) => disk.read(file),
    create: (file, chunks, ...like) =>
      guarded(
        () => disk.create(file, chunks, ...like),
        () => disk.create(file, halfOf(chunks), ...like),
      ),
    link: (from, to) => guarded(() => disk.link(from, to)),
    symlink: (to, file) => guarded(() => disk.symlink(to, file)),
    rename: (from, to) => guarded(() => disk.rename(from, to)),
    remove: (file) => guarded(() => disk.remove(file)),
    makeDirectory: (directory) => guarded(() => disk.makeDirectory(directory)),
    removeDirectory: (directory) => guarded(() => disk.removeDirectory(directory)),
    syncDirectory: (directory) => guarded(() => disk.syncDirectory(directory)),
  };
}

async function* halfOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    yield chunk.subarray(0, chunk.length >> 1);
    return;
  }
}
