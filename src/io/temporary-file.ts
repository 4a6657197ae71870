import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** A file in a directory of its own, which nobody else may read. */
export interface TemporaryFile {
  path: string;
  remove(): Promise<void>;
}

/**
 * Writes `pieces` to a file called `name` in the system's directory for temporary files. Rejects with the system's error, for instance
 * where there is no room, and leaves nothing behind.
 */
export async function temporaryFile(name: string, pieces: AsyncIterable<Uint8Array>): Promise<TemporaryFile> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'kvdoctor-'));
  const file = path.join(directory, name);
  const remove = () => rm(directory, { recursive: true, force: true });
  try {
    await pipeline(Readable.from(pieces, { objectMode: true }), createWriteStream(file, { flags: 'wx' }));
    return { path: file, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
