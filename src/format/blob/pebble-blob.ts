/*
 * A blob file of Pebble (pebble sstable/blob), format 1 and, from format version 26 on, 2. Blocks as in a table: payload, compression
 * type, checksum.
 *
 *   value blocks, from offset 0 on, each where the one before ends     one column of bytes: the values
 *   index block      virtual u32 | columns: virtual × u64 (low half: block, ffffffff none; high half: what to add to a value's number),
 *                    offsets of the value blocks and of what follows them
 *   properties block                                                   format 2
 *   footer           masked CRC-32C of the rest u32 | index offset u64, length u64 | checksum type u8 | format u8 | file number u64 |
 *                    format 2: properties offset u64, length u64, zero u64, zero u64 | magic 8 bytes
 *
 * A table names a value by a file of its list, its length, a block and its place in it; blocks of a file that was rewritten keep their
 * numbers through the virtual ones.
 */
import { crc32c, maskCrc } from '../../bytes/crc32c.js';
import { hex32 } from '../../bytes/hexdump.js';
import type { Anomaly } from '../../finding/finding.js';
import { decodeFrame, readColumns } from '../sst/columns.js';
import { BLOCK_TRAILER, type BlockHandle } from '../sst/handle.js';

const LENGTHS = { 1: 38, 2: 70 } as const;
const MAGICS = { 1: 'f09faab3f09fa680', 2: 'f09faab3f09fa682' } as const;

/** Bytes of the longest footer. */
export const PEBBLE_BLOB_FOOTER = LENGTHS[2];

export interface PebbleBlobFooter {
  format: 1 | 2;
  /** Bytes of it. */
  length: number;
  checksumType: number;
  index: BlockHandle;
  properties?: BlockHandle;
  /** Of the file itself, also where it is a rewrite of another one. */
  number: bigint;
}

/** The format of a blob file of Pebble whose last bytes are `tail`; `undefined` where it is none. */
export function pebbleBlobFormat(tail: Uint8Array): 1 | 2 | undefined {
  const magic = Buffer.from(tail.subarray(Math.max(0, tail.length - 8))).toString('hex');
  return magic === MAGICS[1] ? 1 : magic === MAGICS[2] ? 2 : undefined;
}

/** Decodes the footer at the end of `tail`, the last bytes of a file of `size`. Anomalies are in file offsets. */
export function decodePebbleBlobFooter(
  tail: Uint8Array,
  size: number,
): { footer?: PebbleBlobFooter; anomalies: Anomaly[] } {
  const format = pebbleBlobFormat(tail);
  const length = format === undefined ? LENGTHS[1] : LENGTHS[format];
  const offset = Math.max(0, size - length);
  const wrong = (message: string, evidence?: Anomaly['evidence']): { anomalies: Anomaly[] } => ({
    anomalies: [
      {
        rule: 'blob/values-footer',
        offset,
        length: size - offset,
        message,
        ...(evidence && { evidence }),
      },
    ],
  });
  if (tail.length < length) return wrong(`the file has ${size} bytes, a footer ${length}`);
  if (format === undefined)
    return wrong('the file does not end with the magic number of a blob file', {
      magic: Buffer.from(tail.subarray(-8)).toString('hex'),
    });
  const bytes = tail.subarray(tail.length - length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const stored = view.getUint32(0, true);
  const computed = maskCrc(crc32c(bytes, 4, length));
  if (stored !== computed)
    return wrong('the footer does not match its checksum', {
      stored: hex32(stored),
      computed: hex32(computed),
    });
  const handle = (at: number): BlockHandle => ({
    offset: Number(view.getBigUint64(at, true)),
    size: Number(view.getBigUint64(at + 8, true)),
  });
  if (bytes[21] !== format)
    return wrong(`the footer states format ${bytes[21]}, and its magic number ${format}`);
  const footer: PebbleBlobFooter = {
    format,
    length,
    checksumType: bytes[20],
    index: handle(4),
    number: view.getBigUint64(22, true),
    ...(format === 2 && { properties: handle(30) }),
  };
  const last = footer.properties ?? footer.index;
  if (last.offset + last.size + BLOCK_TRAILER !== offset)
    return wrong(
      `the last block would end at ${last.offset + last.size + BLOCK_TRAILER}, the footer begins at ${offset}`,
    );
  return { footer, anomalies: [] };
}

export interface ValuesIndex {
  /** Value blocks in the file's order. */
  blocks: BlockHandle[];
  /** Blocks by the numbers that tables use: of a file that was rewritten, more than there are. */
  named: number;
  /** Where the value stands that tables know as number `value` of block `block`; `undefined` where the file has no such block. */
  locate(block: number, value: number): ValuePlace | undefined;
}

/** A value block of `blocks`, and a row of it. */
interface ValuePlace {
  block: number;
  row: number;
}

/** Of a file that was rewritten: this number names no block any more. */
const NONE = 0xffffffff;

/** Decodes the index block of a file whose index begins at `end`. A sentence where it does not hold together. */
export function decodePebbleBlobIndex(bytes: Uint8Array, end: number): ValuesIndex | string {
  if (bytes.length < 4) return `an index of ${bytes.length} bytes has no room for its header`;
  const named = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const frame = decodeFrame(bytes, 4);
  if (typeof frame === 'string') return frame;
  if (frame.columns.length !== 2) return `an index has 2 columns, not ${frame.columns.length}`;
  const columns = readColumns(bytes, frame, (i) => (i === 0 ? named : frame.rows + 1));
  if (typeof columns === 'string') return columns;
  const [virtual, offsets] = columns;
  if (offsets.type !== 'uint') return 'the offsets are no numbers';
  const blocks: BlockHandle[] = [];
  for (let i = 0; i < frame.rows; i++) {
    const [offset, next] = [offsets.number(i), offsets.number(i + 1)];
    if (
      offset !== (blocks.at(-1)?.offset ?? 0) + (i > 0 ? blocks[i - 1].size + BLOCK_TRAILER : 0) ||
      next < offset + BLOCK_TRAILER
    )
      return `block ${i} would stand from ${offset} to ${next}`;
    blocks.push({ offset, size: next - offset - BLOCK_TRAILER });
  }
  const last = offsets.number(frame.rows);
  if (last !== end) return `the value blocks would end at ${last}, the index begins at ${end}`;
  if (named > 0 && virtual.type !== 'uint') return 'the numbers of blocks are none';
  if (virtual.type === 'uint')
    for (let i = 0; i < named; i++)
      if (virtual.low(i) !== NONE && virtual.low(i) >= frame.rows)
        return `number ${i} names block ${virtual.low(i)} of ${frame.rows}`;
  const locate = (block: number, value: number): ValuePlace | undefined => {
    if (block >= (named > 0 ? named : frame.rows)) return undefined;
    if (virtual.type !== 'uint') return { block, row: value };
    if (virtual.low(block) === NONE) return undefined;
    return { block: virtual.low(block), row: value + virtual.high(block) };
  };
  return { blocks, named: named > 0 ? named : frame.rows, locate };
}

/** The values of a block. */
export interface Values {
  count: number;
  /** Of all of them. */
  bytes: number;
  /** A view of the block. */
  value(row: number): Uint8Array;
}

/** Values of a block. A sentence where it is none. */
export function decodeValues(bytes: Uint8Array): Values | string {
  const frame = decodeFrame(bytes, 0);
  if (typeof frame === 'string') return frame;
  if (frame.columns.length !== 1) return `a value block has 1 column, not ${frame.columns.length}`;
  const columns = readColumns(bytes, frame);
  if (typeof columns === 'string') return columns;
  const [column] = columns;
  const value = (row: number) =>
    column.type === 'bytes' && row < frame.rows
      ? bytes.subarray(column.from(row), column.to(row))
      : bytes.subarray(0, 0);
  if (frame.rows === 0) return { count: 0, bytes: 0, value };
  if (column.type !== 'bytes') return `the values are of the type ${column.type}`;
  return { count: frame.rows, bytes: column.to(frame.rows - 1) - column.from(0), value };
}
