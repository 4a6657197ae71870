/*
 * A blob file of Titan, TiKV's way of keeping large values beside the tables (tikv/titan src/blob_format.h, blob_file_builder.cc):
 *
 *   header    | magic 0x2be0a614 u32 | version u32 | flags u32 (from 2 on) | block size u64 (3) |
 *   record    | crc u32 | size u32 | compression u8 | payload[size] |           crc: from `size` on, not masked
 *   payload   | key length varint32 | key | value length varint32 | value |    decompressed
 *   footer    | meta index handle, zeros: 20 bytes | magic 0x2be0a6148e39edc6 u64 | crc u32 |
 *
 * With a block size other than 0 each record begins at a multiple of it, with zeros before; garbage collection punches holes there.
 * With flag 1 a dictionary and an index of meta blocks, as in tables, stand before the footer.
 */

import { crc32c, unmaskCrc } from '../../bytes/crc32c.js';
import { Cursor } from '../../bytes/cursor.js';
import type { ByteSource } from '../../bytes/source.js';
import { u32At } from '../../bytes/u32.js';
import type { Range } from '../../finding/finding.js';
import { BlockReader } from '../sst/block.js';
import { BLOCK_TRAILER, type BlockHandle, decodeHandle, handleFits } from '../sst/handle.js';

export const TITAN_MAGIC = 0x2be0a614;
const FOOTER_MAGIC = 0x2be0a6148e39edc6n;
const HEADER_LENGTHS = [0, 8, 12, 20];
const SMALLEST_HEADER = 8;
const LARGEST_HEADER = 20;
const FOOTER = 32;
const HAS_DICTIONARY = 1;
export const TITAN_RECORD_HEADER = 9;
/** Larger dictionaries are not read: 64 MiB. */
const LARGEST_DICTIONARY = 64 << 20;

/** TiKV leaves it at 4 KiB. */
const LARGEST_BLOCK = 1n << 24n;

/** Something wrong around the records. */
interface TitanFlaw extends Range {
  part: 'header' | 'footer' | 'dictionary';
  message: string;
}

/** What stands around the records. */
export interface TitanBlobFile {
  /** Bytes before the first record; 0 where the header says nothing. */
  start: number;
  /** Where records end. */
  end: number;
  blockSize: number;
  dictionary?: Uint8Array;
  flaws: TitanFlaw[];
}

/** Reads header, footer and dictionary. Rejects only when the medium fails. */
export async function openTitanBlobFile(source: ByteSource): Promise<TitanBlobFile> {
  const file: TitanBlobFile = { start: 0, end: source.size, blockSize: 0, flaws: [] };
  const flaw = (part: TitanFlaw['part'], offset: number, length: number, message: string) =>
    file.flaws.push({ part, offset, length, message });
  const cursor = new Cursor(await bytesAt(source, 0, LARGEST_HEADER));
  const magic = cursor.u32();
  const version = cursor.u32() ?? 0;
  const flags = version >= 2 ? cursor.u32() : 0;
  const blockSize = version >= 3 ? cursor.u64() : 0n;
  const length = HEADER_LENGTHS[version];
  if (source.size < SMALLEST_HEADER) flaw('header', 0, source.size, 'the file ends in its header');
  else if (magic !== TITAN_MAGIC)
    flaw('header', 0, 4, 'the magic number is not that of a blob file of Titan');
  else if (version === 0 || length === undefined) flaw('header', 4, 4, `version ${version} does not exist`);
  else if (flags === undefined || blockSize === undefined)
    flaw('header', 0, source.size, 'the file ends in its header');
  else if (flags > HAS_DICTIONARY) flaw('header', 8, 4, `flags ${flags} do not exist`);
  else if (blockSize > LARGEST_BLOCK) flaw('header', 12, 8, `the block size is ${blockSize}`);
  else {
    file.blockSize = Number(blockSize);
    file.start = file.blockSize > 0 ? Math.ceil(length / file.blockSize) * file.blockSize : length;
  }
  const footerAt = source.size - FOOTER;
  const footer = await bytesAt(source, Math.max(0, footerAt), FOOTER);
  const problem = footerProblem(footer);
  if (problem !== undefined) {
    flaw('footer', Math.max(0, footerAt), footer.length, problem);
    return file;
  }
  file.end = footerAt;
  if (((flags ?? 0) & HAS_DICTIONARY) === 0 || file.start === 0) return file;
  const meta = decodeHandle(footer)!;
  const found = await dictionaryOf(source, meta, footerAt);
  if (typeof found === 'string') flaw('dictionary', footerAt, 20, found);
  else [file.dictionary, file.end] = [found.bytes, found.offset];
  return file;
}

async function bytesAt(source: ByteSource, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  return bytes.subarray(0, await source.read(bytes, offset));
}

function footerProblem(footer: Uint8Array): string | undefined {
  if (footer.length < FOOTER) return 'the file is shorter than a footer';
  const cursor = new Cursor(footer, FOOTER - 12);
  if (cursor.u64() !== FOOTER_MAGIC) return 'the file does not end in a footer';
  if (cursor.u32() !== crc32c(footer, 0, FOOTER - 4)) return 'the footer does not match its checksum';
  return decodeHandle(footer) === undefined ? 'the footer has no handle' : undefined;
}

async function dictionaryOf(source: ByteSource, meta: BlockHandle, limit: number) {
  const index = await blockOf(source, meta, limit);
  if (typeof index === 'string') return index;
  const reader = new BlockReader(index);
  for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
    if (Buffer.from(entry.key).toString() !== 'rocksdb.compression_dict') continue;
    const handle = decodeHandle(index, entry.valueOffset, entry.valueOffset + entry.valueLength);
    const bytes = handle && (await blockOf(source, handle, meta.offset));
    if (bytes === undefined || typeof bytes === 'string')
      return bytes ?? 'the handle of the dictionary is damaged';
    return { bytes, offset: handle!.offset };
  }
  return 'the meta blocks have no dictionary';
}

async function blockOf(source: ByteSource, handle: BlockHandle, limit: number): Promise<Uint8Array | string> {
  const { offset, size } = handle;
  if (!handleFits(handle, limit) || size > LARGEST_DICTIONARY) return 'a meta block lies outside the file';
  const bytes = await bytesAt(source, offset, size + BLOCK_TRAILER);
  if (bytes.length < size + BLOCK_TRAILER) return 'the file ends inside a meta block';
  return unmaskCrc(u32At(bytes, size + 1)) === crc32c(bytes, 0, size + 1)
    ? bytes.subarray(0, size)
    : 'a meta block does not match its checksum';
}

/** Bytes of the record whose header is at `start`, all of which must be there. */
export function titanRecordLength(bytes: Uint8Array, start = 0): number {
  return TITAN_RECORD_HEADER + u32At(bytes, start + 4);
}

/** Whether a whole record at `bytes[start, end)` matches its checksum. */
export function titanRecordHolds(bytes: Uint8Array, start: number, end: number): boolean {
  return u32At(bytes, start) === crc32c(bytes, start + 4, end);
}

/** Key and value of a decompressed payload, views; `undefined` where it is none. */
export function titanPayload(bytes: Uint8Array): { key: Uint8Array; value: Uint8Array } | undefined {
  const cursor = new Cursor(bytes);
  const key = cursor.lengthPrefixed();
  const value = cursor.lengthPrefixed();
  return key === undefined || value === undefined || cursor.remaining > 0 ? undefined : { key, value };
}
