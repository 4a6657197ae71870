/*
 * Values that Pebble keeps apart (pebble sstable/valblk): from table format v3 on a put's value begins with a byte that says where
 * it is. Value blocks follow the data; `pebble.value_index` names them in rows of three fixed-width numbers, whose widths stand
 * after the handle in the metaindex:
 *
 *   prefix byte    bits 7–6: 00 the value follows, 10 a handle follows, 01 a handle of a blob file; 5: same prefix as the put before
 *   value handle   length varint | value block varint | offset in the decompressed block varint
 *   blob handle    blob file of the table's list varint | length varint | block varint | value in it varint      (columns only)
 *   row            value block | offset in the file | bytes without trailer
 */
import type { Anomaly } from '../../finding/finding.js';
import { BlockReader, PEBBLE_RESTART_MASK } from './block.js';
import type { Footer } from './footer.js';
import { type BlockHandle, NumberReader } from './handle.js';
import { KEY_TRAILER, VALUE_TYPE } from './internal-key.js';

/** From this format version of Pebble on puts say where their values are, and kinds whether a newer entry hides them. */
const FIRST_WITH_PREFIXES = 3;

/** Whether the entries of a table's data blocks have prefix bytes before the values of puts, and marks in their kinds. */
export function hasValuePrefixes(footer: Pick<Footer, 'format' | 'formatVersion'> | undefined): boolean {
  return footer?.format === 'pebble' && footer.formatVersion >= FIRST_WITH_PREFIXES;
}

/** How entries of a table say where their values are. */
export interface ValuePrefixes {
  /** Puts over older deletions have prefix bytes, too, and values may stand in blob files: in tables of columns. */
  columnar?: boolean;
}

/** Whether the value of an entry of that type begins with a prefix byte, in a table that has them. */
export function hasPrefix(type: number, { columnar }: ValuePrefixes): boolean {
  return type === VALUE_TYPE.put || (columnar === true && type === VALUE_TYPE.setWithDelete);
}

/** The bit of a kind that says that a newer entry of the same table hides this one; it is no part of the kind. */
export const OBSOLETE_BIT = 0x40;

/** Reads the entries of a data block. `prefixed`: as `hasValuePrefixes` says of its table. Keys come with their marks. */
export function dataBlockReader(contents: Uint8Array, prefixed: boolean): BlockReader {
  return prefixed ? new BlockReader(contents, undefined, PEBBLE_RESTART_MASK) : new BlockReader(contents);
}

/** An internal key without the mark of its kind: itself, or a copy. */
export function unmarkedKey(key: Uint8Array, prefixed: boolean): Uint8Array {
  const at = key.length - KEY_TRAILER;
  if (!prefixed || at < 0 || (key[at] & OBSOLETE_BIT) === 0) return key;
  const plain = key.slice();
  plain[at] &= ~OBSOLETE_BIT;
  return plain;
}

const PLACE = 0xc0;
const IN_VALUE_BLOCK = 0x80;
const IN_BLOB_FILE = 0x40;

/** The value blocks of a table: each handle under its number. */
export interface ValueBlocks {
  handles: BlockHandle[];
}

/** Decodes the index of value blocks. `widths`: of the three numbers of a row. Anomalies are in its own space. */
export function decodeValueIndex(
  bytes: Uint8Array,
  widths: Uint8Array,
): { blocks: ValueBlocks; anomalies: Anomaly[] } {
  const blocks: ValueBlocks = { handles: [] };
  const wrong = (offset: number, length: number, message: string) => ({
    blocks,
    anomalies: [{ rule: 'sst/bad-value-index' as const, offset, length, message }],
  });
  const width = widths.reduce((sum, each) => sum + each, 0);
  if (widths.length !== 3 || width === 0 || widths.some((each) => each > 8))
    return wrong(0, bytes.length, 'the widths of the rows of the value index do not make sense');
  if (bytes.length % width !== 0)
    return wrong(0, bytes.length, `the value index has ${bytes.length} bytes, its rows ${width} each`);
  let end = -1;
  for (let at = 0; at < bytes.length; at += width) {
    const number = fixed(bytes, at, widths[0]);
    const offset = fixed(bytes, at + widths[0], widths[1]);
    const size = fixed(bytes, at + widths[0] + widths[1], widths[2]);
    if (number !== blocks.handles.length || offset < end)
      return wrong(at, width, `row ${blocks.handles.length} of the value index is out of order`);
    blocks.handles.push({ offset, size });
    end = offset + size;
  }
  return { blocks, anomalies: [] };
}

function fixed(bytes: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let i = width - 1; i >= 0; i--) value = value * 256 + bytes[at + i];
  return value;
}

/** Lengths of a table's decompressed value blocks, by their numbers; −1 where one could not be read. */
export type ValueBlockLengths = Float64Array;

/**
 * Bytes of the value of a put in `bytes[start, end)`, which begins with a prefix byte; −1 where the bytes are no value that
 * the table can have.
 */
export function valueLength(
  bytes: Uint8Array,
  start: number,
  end: number,
  lengths: ValueBlockLengths | undefined,
  { columnar }: ValuePrefixes = {},
): number {
  if (start >= end) return -1;
  const place = bytes[start] & PLACE;
  if (place === 0) return end - start - 1;
  if (place === IN_BLOB_FILE && columnar) return blobHandle(bytes, start, end)?.length ?? -1;
  if (place !== IN_VALUE_BLOCK) return -1;
  const handle = valueHandle(bytes, start, end);
  if (handle === undefined) return -1;
  const { length, block, offset } = handle;
  if (lengths === undefined) return length;
  if (block >= lengths.length) return -1;
  return lengths[block] >= 0 && offset + length > lengths[block] ? -1 : length;
}

/** Hands on the file, one more than its place in the table's list, the block, and the value of a handle that `valueLength` has taken. */
export function noteBlobHandle(
  bytes: Uint8Array,
  start: number,
  end: number,
  take: (file: number, block: number, blocks: number) => void,
): void {
  const handle = blobHandle(bytes, start, end);
  if (handle !== undefined) take(handle.reference + 1, handle.block, handle.value);
}

interface ValueHandle {
  length: number;
  block: number;
  offset: number;
}

/** The handle after a prefix byte; `undefined` where it is none. */
export function valueHandle(bytes: Uint8Array, start: number, end: number): ValueHandle | undefined {
  const reader = new NumberReader(bytes, start + 1, end);
  const handle = { length: reader.varint(5), block: reader.varint(5), offset: reader.varint(5) };
  return reader.failed || reader.position !== end ? undefined : handle;
}

/** Where a value stands that lies in a blob file. */
interface BlobHandle {
  /** The file's place in the list that the MANIFEST has of the table. */
  reference: number;
  /** Bytes of the value. */
  length: number;
  block: number;
  /** The number of the value in its block. */
  value: number;
}

/** The handle of a blob file after a prefix byte; `undefined` where it is none. */
export function blobHandle(bytes: Uint8Array, start: number, end: number): BlobHandle | undefined {
  const reader = new NumberReader(bytes, start + 1, end);
  const reference = reader.varint(5);
  const length = reader.varint(5);
  const handle = { reference, length, block: reader.varint(5), value: reader.varint(5) };
  return reader.failed || reader.position !== end ? undefined : handle;
}

/** Whether a prefix byte says that the value follows. */
export function isInPlace(prefix: number): boolean {
  return (prefix & PLACE) === 0;
}

/** In a prefix byte: the put before has the same prefix of its key. */
const SAME_PREFIX = 0x20;

/** Whether the value of a put begins with a prefix byte as Pebble writes it in tables of rows: nearly no others do by chance. */
export function isPrefixOfRow(bytes: Uint8Array, start: number, end: number): boolean {
  if (start >= end) return false;
  if (isInPlace(bytes[start])) return (bytes[start] & ~SAME_PREFIX) === 0;
  return isInValueBlock(bytes[start]) && valueHandle(bytes, start, end) !== undefined;
}

/** Whether a prefix byte says that a handle to a blob file follows. */
export function isInBlobFile(prefix: number): boolean {
  return (prefix & PLACE) === IN_BLOB_FILE;
}

/** Whether a prefix byte says that a handle to a value block follows. */
export function isInValueBlock(prefix: number): boolean {
  return (prefix & PLACE) === IN_VALUE_BLOCK;
}
