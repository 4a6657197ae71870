import { appendFile, type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** A file that a command was asked to write. */
export interface FileSink {
  write(text: string): Promise<void>;
  /** Everything is on disk under the file's name. */
  commit(): Promise<void>;
  /** Nothing is left behind. */
  abandon(): Promise<void>;
}

class DirectSink implements FileSink {
  constructor(private readonly handle: FileHandle) {}

  async write(text: string): Promise<void> {
    await this.handle.write(text);
  }

  commit(): Promise<void> {
    return this.handle.close();
  }

  abandon(): Promise<void> {
    return this.handle.close();
  }
}

class AtomicSink implements FileSink {
  constructor(
    private readonly handle: FileHandle,
    private readonly temporary: string,
    private readonly path: string,
  ) {}

  async write(text: string): Promise<void> {
    await this.handle.write(text);
  }

  async commit(): Promise<void> {
    await this.handle.sync();
    await this.handle.close();
    await rename(this.temporary, this.path);
  }

  async abandon(): Promise<void> {
    await this.handle.close();
    await rm(this.temporary, { force: true });
  }
}

/** True when the name is taken by something that a rename must not replace: a device, a pipe, a symbolic link's target stays. */
async function isSpecial(path: string): Promise<boolean> {
  try {
    return !(await stat(path)).isFile();
  } catch {
    return false;
  }
}

/**
 * Opens `path` for writing such that the file appears whole or not at all: a reader never sees half a report, and an old one
 * survives a failure. Pipes and devices (`/dev/stderr`, `/dev/null`) are written to as they are.
 */
export async function createFile(path: string): Promise<FileSink> {
  if (await isSpecial(path)) return new DirectSink(await open(path, 'w'));
  const temporary = join(dirname(path), `.${basename(path)}.${crypto.randomUUID().slice(0, 8)}.tmp`);
  return new AtomicSink(await open(temporary, 'w'), temporary, path);
}

/** Adds to the end of a file, which is made where it is missing. */
export function appendToFile(path: string, text: string): Promise<void> {
  return appendFile(path, text);
}
