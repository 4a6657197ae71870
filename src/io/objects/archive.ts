import path from 'node:path';
import type { SourceDescriptor, StoreSettings } from '../../bytes/source.js';
import { type ArchiveKind, sniffArchive } from '../archive-stream.js';
import { pieces } from '../deflated.js';
import { openUnretried } from '../source.js';
import { type TemporaryFile, temporaryFile } from '../temporary-file.js';
import { listObjects } from './listing.js';

/** An archive that is one object. */
export interface StoredArchive {
  kind: ArchiveKind;
  source: SourceDescriptor;
}

/** The archive that an address leads to, `undefined` where that is something else. */
export async function storedArchive(
  target: string,
  store: StoreSettings | undefined,
): Promise<StoredArchive | undefined> {
  const place = await listObjects(target, store);
  if (place.kind !== 'file') return undefined;
  const { source } = place.file;
  const kind = await sniffArchive(target, source);
  return kind && { kind, source };
}

/** Whether the files of an archive are ranges of the object. One that is not compressed around all of it, and no zip archive. */
export function isRanges({ format, compression }: ArchiveKind): boolean {
  return format === 'tar' && compression === 'none';
}

/** A copy of an object on this machine, read once. */
export async function keptObject(target: string, source: SourceDescriptor): Promise<TemporaryFile> {
  const opened = await openUnretried(source);
  try {
    return await temporaryFile(path.posix.basename(target), pieces(opened));
  } finally {
    await opened.close();
  }
}
