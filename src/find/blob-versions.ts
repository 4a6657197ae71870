import type { ByteSource } from '../bytes/source.js';
import { closingOf } from '../check/blob/closing.js';
import { TITAN_DIRECTORY } from '../engine/foreign-files.js';
import { decodeBlobIndex } from '../format/blob/blob-index.js';
import { decodeBlobFileHeader } from '../format/blob/header.js';
import { BLOB } from '../format/blob/layout.js';
import { readBlob } from '../format/blob/read-blob.js';
import { walkBlobFile } from '../format/blob/walk.js';
import { VALUE_TYPE } from '../format/sst/internal-key.js';
import { readTitanValue } from '../format/titan/read-value.js';
import { openTitan } from '../lsm/blob-values.js';
import type { StoreFiles } from '../lsm/store-files.js';
import { type Collection, type FoundFile, type FoundVersion, VALUE_KEPT } from './found.js';
import type { Family, Wanted } from './wanted.js';

/** Longer keys are not compared: no engine writes them. */
const LONGEST_KEY = 8 * 1024 * 1024;

interface BlobSearch {
  source: ByteSource;
  file: FoundFile;
  wanted: Wanted;
  family(id: number): Family | undefined;
  collection: Collection;
  /** Offsets of values in this file that versions point at. */
  referenced: ReadonlySet<number>;
}

/**
 * Finds records of the wanted keys in a blob file to which no version leads that was found: garbage, or what is left of a
 * version whose table is lost. Reads headers and keys only.
 */
export async function searchBlob(search: BlobSearch): Promise<void> {
  const { source, file, wanted, collection, referenced } = search;
  const head = new Uint8Array(Math.min(BLOB.headerLength, source.size));
  await source.read(head, 0);
  const { header } = decodeBlobFileHeader(head);
  const family = search.family(header?.columnFamily ?? 0);
  if (header === undefined || family === undefined) return;
  const { end } = await closingOf(source, undefined);
  const expiring = (header.flags & BLOB.hasTtl) !== 0;
  const { timestampSize } = family.order;
  const least = wanted.key.length + timestampSize;
  for await (const { kind, offset, length, header: record } of walkBlobFile(source, {
    end,
    contents: false,
    expiring,
  })) {
    if (kind !== 'record') {
      collection.unread.push({
        file: file.entry.file,
        offset,
        length,
        message: 'a damaged part of the blob file',
      });
      continue;
    }
    const { keyLength, valueLength } = record;
    const fits = wanted.prefix ? keyLength >= least : keyLength === least;
    const valueAt = offset + BLOB.recordHeaderLength + keyLength;
    if (!fits || keyLength > LONGEST_KEY || referenced.has(valueAt)) continue;
    const key = new Uint8Array(keyLength);
    const got = await source.read(key, offset + BLOB.recordHeaderLength);
    const keyEnd = keyLength - timestampSize;
    if (got < keyLength || !wanted.matches(key, 0, keyEnd)) continue;
    const place = {
      offset: BigInt(valueAt),
      size: BigInt(valueLength),
      compression: header.compression,
      key,
    };
    const { value, error } = await readBlob(source, place);
    collection.add({
      file,
      family,
      key: key.slice(0, keyEnd),
      ...(timestampSize > 0 && { timestamp: key.slice(keyEnd) }),
      value: (value ?? new Uint8Array(0)).slice(0, VALUE_KEPT),
      valueLength: value?.length ?? valueLength,
      at: { offset, length },
      ...(error !== undefined && { damaged: error }),
      status: 'not-live',
      note: 'no version that was found points at this record',
    });
  }
}

/** Opens blob files and tables by number; undefined where there is none. */
type BlobOpener = (fileNumber: bigint) => { file: string; open(): Promise<ByteSource> } | undefined;

/**
 * Follows the blob index of a version: where its value lies, and the value itself where it can be had. `titan`: as in
 * {@link StoreFiles}.
 */
export async function followBlob(
  version: FoundVersion,
  blobFile: BlobOpener,
  titan: StoreFiles['titan'],
): Promise<void> {
  if (version.type !== VALUE_TYPE.blobIndex) return;
  const index = decodeBlobIndex(version.value);
  if (index.kind === 'malformed') {
    version.damaged ??= index.error;
    return;
  }
  if (index.kind === 'inlined') return;
  if (index.kind === 'titan') return followTitan(version, index, titan);
  const { fileNumber, offset, size, compression } = index;
  const blob = fileNumber === 0n ? undefined : blobFile(fileNumber);
  const file =
    blob?.file ??
    (fileNumber === 0n ? version.file.entry.file : `${String(fileNumber).padStart(6, '0')}.blob`);
  version.blob = { file, fileNumber, offset: Number(offset), length: Number(size) };
  const { value, error } =
    fileNumber === 0n
      ? { value: undefined, error: 'values embedded in the table are not read' }
      : blob === undefined
        ? { value: undefined, error: 'the blob file is missing' }
        : await readFrom(blob.open, { offset, size, compression, key: wholeKey(version) });
  take(version, value, error);
}

async function followTitan(
  version: FoundVersion,
  { fileNumber, offset, size }: { fileNumber: bigint; offset: bigint; size: bigint },
  titan: StoreFiles['titan'],
): Promise<void> {
  const store = titan?.(fileNumber);
  const place = { offset: Number(offset), length: Number(size) };
  version.blob = { file: store?.name ?? TITAN_DIRECTORY, fileNumber, ...place };
  if (store === undefined) {
    version.blob.error = 'blob files of Titan are read in a directory on this machine alone';
    return;
  }
  const opened = await openTitan(store);
  if ('message' in opened) {
    version.blob.error = opened.message;
    return;
  }
  try {
    const { value, error } = await readTitanValue(opened.source, opened.titan, {
      offset: place.offset,
      size: place.length,
      key: wholeKey(version),
    });
    take(version, value, error);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    version.blob.error = (error as Error).message;
  } finally {
    await opened.source.close();
  }
}

function take(version: FoundVersion, value: Uint8Array | undefined, error: string | undefined): void {
  if (error !== undefined) version.blob!.error = error;
  if (value === undefined) return;
  version.valueLength = value.length;
  version.value = value.slice(0, VALUE_KEPT);
}

function wholeKey({ key, timestamp }: FoundVersion): Uint8Array {
  return timestamp === undefined ? key : Buffer.concat([key, timestamp]);
}

async function readFrom(open: () => Promise<ByteSource>, place: Parameters<typeof readBlob>[1]) {
  const source = await open();
  try {
    return await readBlob(source, place);
  } finally {
    await source.close();
  }
}
