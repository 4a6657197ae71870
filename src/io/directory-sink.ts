import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isTaken } from './path-kind.js';
import { syncDirectory } from './sync-directory.js';

/** A file of a directory that is being made. */
export interface DirectoryFile {
  write(bytes: Uint8Array): Promise<void>;
  /** Everything is on disk. */
  close(): Promise<void>;
}

/** A directory that a command was asked to make: it appears under its name when it is whole. */
export class DirectorySink {
  private constructor(
    private readonly path: string,
    private readonly partial: string,
  ) {}

  /**
   * Rejects with EEXIST, and the `path` that is taken, when something has that name already, or the name under which it is made:
   * another process is making it, or was killed while it did.
   */
  static async create(path: string): Promise<DirectorySink> {
    if (await isTaken(path))
      throw Object.assign(new Error(`EEXIST: file already exists, '${path}'`), { code: 'EEXIST', path });
    const partial = `${path}.kvdoctor-partial`;
    await mkdir(partial);
    return new DirectorySink(path, partial);
  }

  async file(name: string): Promise<DirectoryFile> {
    const handle = await open(join(this.partial, name), 'wx');
    return {
      async write(bytes) {
        await handle.writeFile(bytes);
      },
      async close() {
        await handle.sync();
        await handle.close();
      },
    };
  }

  async commit(): Promise<void> {
    await syncDirectory(this.partial);
    await rename(this.partial, this.path);
    await syncDirectory(dirname(this.path));
  }

  async abandon(): Promise<void> {
    await rm(this.partial, { recursive: true, force: true });
  }
}
