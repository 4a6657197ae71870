import type { SourceDescriptor } from '../bytes/source.js';
import { openSource } from './source.js';

/** The first bytes of a file, at most `limit`. Rejects with the system's error when it cannot be read. */
export async function readHead(descriptor: SourceDescriptor, limit: number): Promise<Uint8Array> {
  const source = await openSource(descriptor);
  try {
    const into = new Uint8Array(Math.min(source.size, limit));
    const got = await source.read(into, 0);
    return into.subarray(0, got);
  } finally {
    await source.close();
  }
}

/** The last bytes of a file, at most `limit`. */
export async function readTail(descriptor: SourceDescriptor, limit: number): Promise<Uint8Array> {
  const source = await openSource(descriptor);
  try {
    const into = new Uint8Array(Math.min(source.size, limit));
    const got = await source.read(into, source.size - into.length);
    return into.subarray(0, got);
  } finally {
    await source.close();
  }
}
