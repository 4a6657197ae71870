import { readSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { isMainThread } from 'node:worker_threads';
import type { ByteSource, SourceDescriptor } from '../bytes/source.js';
import { openDeflated } from './deflated.js';
import { stopIfInterrupted } from './interruption.js';
import { openObject } from './objects/source.js';
import { openPieces } from './pieces.js';
import { isMediumError, retryingSource } from './retry.js';

class FileSource implements ByteSource {
  constructor(
    readonly descriptor: SourceDescriptor,
    private readonly handle: FileHandle,
    readonly size: number,
    private readonly path: string,
  ) {}

  async read(into: Uint8Array, offset: number): Promise<number> {
    try {
      return await this.readAll(into, offset);
    } catch (error) {
      // of a read, unlike an open, the system does not say of which file it was
      throw Object.assign(error as Error, { path: this.path });
    }
  }

  private async readAll(into: Uint8Array, offset: number): Promise<number> {
    let done = 0;
    while (done < into.length) {
      stopIfInterrupted();
      const [length, position] = [into.length - done, offset + done];
      // a worker thread has nothing else to do meanwhile: waiting in place saves the way over another thread and back
      const bytesRead = isMainThread
        ? (await this.handle.read(into, done, length, position)).bytesRead
        : readSync(this.handle.fd, into, done, length, position);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done;
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

class MemorySource implements ByteSource {
  readonly size: number;

  constructor(
    readonly descriptor: SourceDescriptor,
    private readonly bytes: Uint8Array,
  ) {
    this.size = bytes.length;
  }

  async read(into: Uint8Array, offset: number): Promise<number> {
    const from = this.bytes.subarray(offset, offset + into.length);
    into.set(from);
    return from.length;
  }

  async close(): Promise<void> {}
}

/** A file that the medium does not let anybody open, though its directory knows it: of none of its bytes more is known. */
class LostSource implements ByteSource {
  constructor(
    readonly descriptor: SourceDescriptor,
    private readonly error: Error,
    readonly size: number,
  ) {}

  async read(): Promise<number> {
    throw this.error;
  }

  async close(): Promise<void> {}
}

/** Bytes in memory as a source. */
export function memorySource(bytes: Uint8Array): ByteSource {
  return new MemorySource({ kind: 'memory', bytes }, bytes);
}

/**
 * Opens what a descriptor names, read only, to be read around what the medium does not give back (`ByteSource.unreadable`): all of a
 * file where it fails already at the open. Rejects with the system's error when a file cannot be opened for another reason.
 */
export async function openSource(descriptor: SourceDescriptor): Promise<ByteSource> {
  if (descriptor.kind === 'pieces') return openPieces(descriptor, openSource);
  const source = await openUnretried(descriptor);
  return descriptor.kind === 'file' ? retryingSource(source) : source;
}

/** The same, to be read as an engine does: what the medium does not give back rejects. */
export async function openUnretried(descriptor: SourceDescriptor): Promise<ByteSource> {
  if (descriptor.kind === 'memory') return memorySource(descriptor.bytes);
  if (descriptor.kind === 'pieces') return openPieces(descriptor, openUnretried);
  if (descriptor.kind === 'deflated') return openDeflated(descriptor, openUnretried);
  if (descriptor.kind === 'object') return openObject(descriptor);
  if (descriptor.kind === 'archived') {
    const message = `${descriptor.member} lies in a compressed archive and cannot be read at any offset`;
    throw Object.assign(new Error(message), { code: 'ENOTSUP' });
  }
  const { path } = descriptor;
  const name = typeof path === 'string' ? path : Buffer.from(path);
  let handle: FileHandle;
  try {
    handle = await open(name, 'r');
  } catch (error) {
    if (!isMediumError(error)) throw error;
    const { size } = await stat(name);
    return new LostSource(descriptor, error as Error, size);
  }
  try {
    const { size } = await handle.stat();
    return new FileSource(descriptor, handle, size, path.toString());
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** One of the two ways to open. */
export type OpenSource = typeof openSource;

/** Both of them. */
export interface Files {
  open: OpenSource;
  openUnretried: OpenSource;
}

/** Files opened anew each time. */
export const diskFiles: Files = { open: openSource, openUnretried };

/**
 * Opens a file as long as it was when it was listed: a log that an engine writes on is the same for everybody who reads it, or
 * what came meanwhile would count as lost.
 */
export function openListed(
  { source, size }: { source: SourceDescriptor; size: number },
  open: OpenSource = openSource,
): Promise<ByteSource> {
  return open({ kind: 'pieces', pieces: [{ of: source, offset: 0, length: size }] });
}
