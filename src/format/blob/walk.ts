import { crc32c } from '../../bytes/crc32c.js';
import type { ByteSource } from '../../bytes/source.js';
import { SourceWindow } from '../sst/window.js';
import { BLOB } from './layout.js';
import {
  type BlobRecordHeader,
  decodeBlobRecordHeader,
  findRecordHeader,
  isHeaderIntact,
  recordLength,
} from './record.js';

/** Bytes read at once, and the most that a record is held in memory with; larger ones are read in pieces of it. */
const CHUNK = 1 << 20;

/** Records of up to this size are given with their value: 256 MiB, the limit of block decompression, and a key. */
const LARGEST_IN_MEMORY = 257 * 1024 * 1024;

/** What stands at a place between header and footer of a blob file. Together the spans cover every byte once. */
export type BlobSpan =
  | {
      kind: 'record';
      offset: number;
      length: number;
      header: BlobRecordHeader;
      /** CRC of key and value as they are; absent where they were not read. */
      computedBlobCrc?: number;
      /** Key and value as stored, views that the next span overwrites; absent where not read or too large for memory. */
      key?: Uint8Array;
      value?: Uint8Array;
    }
  /** The header's CRC fails. `length` reaches to the next intact record, or the end. */
  | {
      kind: 'damaged';
      offset: number;
      length: number;
      header: BlobRecordHeader;
      /** The 32 bytes of the header, a copy. */
      headerBytes: Uint8Array;
      /** The lengths lead to the next record all the same, and key and value match their CRC: only the header is hit. */
      headerOnly: boolean;
    }
  /** An intact header whose record reaches past the end, or too few bytes for a header. */
  | { kind: 'cut'; offset: number; length: number; header?: BlobRecordHeader };

interface WalkOptions {
  /** Where records end: the footer, or the end of the file. */
  end: number;
  /** Read keys and values and compute their CRC. */
  contents: boolean;
  /** Records may carry an expiration. */
  expiring?: boolean;
}

/**
 * Everything between the header of a blob file and `end`, in order. After a damaged record header the next intact one is
 * looked for, first where the damaged one points, then at every byte. Memory is bounded by one record. Rejects only when
 * the medium fails.
 */
export async function* walkBlobFile(source: ByteSource, options: WalkOptions): AsyncGenerator<BlobSpan> {
  const { end } = options;
  const window = new SourceWindow(source, end, CHUNK);
  let at: number = BLOB.headerLength;
  while (at < end) {
    // most records are in the window, and waiting for nothing costs more than their checksums
    const span = intactRecord(window, at, options) ?? (await spanAt(window, at, options));
    yield span;
    at += span.length;
  }
}

/** The record at `at` where all of it is in the window and its header is intact. */
function intactRecord(window: SourceWindow, at: number, options: WalkOptions): BlobSpan | undefined {
  if (!window.has(at, BLOB.recordHeaderLength)) return undefined;
  const start = window.position(at);
  const header = decodeBlobRecordHeader(window.bytes, start);
  if (!isHeaderIntact(header)) return undefined;
  const length = recordLength(header);
  if (length > options.end - at) return undefined;
  if (!options.contents) return { kind: 'record', offset: at, length, header };
  if (!window.has(at, length)) return undefined;
  const content = window.bytes.subarray(start + BLOB.recordHeaderLength, start + length);
  return {
    kind: 'record',
    offset: at,
    length,
    header,
    computedBlobCrc: crc32c(content),
    key: content.subarray(0, header.keyLength),
    value: content.subarray(header.keyLength),
  };
}

/** The record at `at`. Reads as many bytes as it needs. */
async function spanAt(window: SourceWindow, at: number, options: WalkOptions): Promise<BlobSpan> {
  const { end } = options;
  await window.ensure(at, Math.min(BLOB.recordHeaderLength, end - at));
  const bytes = window.view(at, BLOB.recordHeaderLength);
  if (bytes === undefined) return { kind: 'cut', offset: at, length: end - at };
  const header = decodeBlobRecordHeader(bytes);
  if (!isHeaderIntact(header))
    return damagedAt(window, at, { header, headerBytes: Uint8Array.from(bytes) }, options);
  const length = recordLength(header);
  const cut: BlobSpan = { kind: 'cut', offset: at, length: end - at, header };
  if (length > end - at) return cut;
  if (options.contents && length > LARGEST_IN_MEMORY) {
    const computedBlobCrc = await crcOf(window, at + BLOB.recordHeaderLength, at + length);
    return { kind: 'record', offset: at, length, header, computedBlobCrc };
  }
  if (options.contents) await window.ensure(at, length);
  // where it is not there now, the file was longer when it was opened
  return intactRecord(window, at, options) ?? cut;
}

/** CRC of `[from, to)`, read in pieces. */
async function crcOf(window: SourceWindow, from: number, to: number): Promise<number> {
  let crc = 0;
  for (let at = from; at < to; at += CHUNK) {
    const length = Math.min(CHUNK, to - at);
    await window.ensure(at, length);
    const piece = window.view(at, length);
    if (piece === undefined) break;
    crc = crc32c(piece, 0, length, crc);
  }
  return crc;
}

async function damagedAt(
  window: SourceWindow,
  at: number,
  damaged: { header: BlobRecordHeader; headerBytes: Uint8Array },
  options: WalkOptions,
): Promise<BlobSpan> {
  const { end } = options;
  const { header } = damaged;
  const length = recordLength(header);
  if (at + length === end || (at + length < end && (await isRecordAt(window, at + length, end)))) {
    const body = at + BLOB.recordHeaderLength;
    const headerOnly = options.contents && (await crcOf(window, body, at + length)) === header.blobCrc;
    return { kind: 'damaged', offset: at, length, ...damaged, headerOnly };
  }
  const next = await search(window, at + 1, options);
  return { kind: 'damaged', offset: at, length: next - at, ...damaged, headerOnly: false };
}

async function isRecordAt(window: SourceWindow, at: number, end: number): Promise<boolean> {
  if (end - at < BLOB.recordHeaderLength) return false;
  await window.ensure(at, BLOB.recordHeaderLength);
  const bytes = window.view(at, BLOB.recordHeaderLength);
  return bytes !== undefined && isHeaderIntact(decodeBlobRecordHeader(bytes));
}

/** Where the next intact record header stands, `end` where none does. */
async function search(window: SourceWindow, from: number, options: WalkOptions): Promise<number> {
  const { end, expiring } = options;
  const step = CHUNK - BLOB.recordHeaderLength;
  for (let at = from; at + BLOB.recordHeaderLength <= end; at += step) {
    const length = Math.min(CHUNK, end - at);
    await window.ensure(at, length);
    const bytes = window.view(at, length);
    if (bytes === undefined) break;
    const found = findRecordHeader(bytes, 0, step, expiring);
    if (found >= 0) return at + found;
  }
  return end;
}
