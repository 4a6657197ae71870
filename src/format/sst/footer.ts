/*
 * The end of a table file (rocksdb table/format.cc, leveldb table/format.cc):
 *
 * LevelDB, format version 0, plain tables (48 bytes)
 *   | metaindex handle | index handle | zeros ... to 40 | magic u64 |
 *
 * format versions 1 to 5, cuckoo, Pebble v1 to v5 (53 bytes)
 *   | checksum type u8 | metaindex handle | index handle | zeros ... to 41 | format version u32 | magic u64 |
 *
 * Pebble v6 (57 bytes), v7 and v8 (61 bytes)
 *   | checksum type u8 | metaindex handle | index handle | zeros ... to 41 | attributes u32 (from v7 on) |
 *   | footer checksum u32 | format version u32 | magic u64 |
 *
 * format versions 6 and 7 (53 bytes)
 *   | checksum type u8 | 3e 00 7a 00 | footer checksum u32 | base context u32 | metaindex size u32 |
 *   | reserved 24 bytes, the last 8 must be 0 | format version u32 | magic u64 |
 *
 * The first two forms have no protection of their own: a flipped bit in a handle only shows when the block that it points
 * to fails. In the third the metaindex ends where the footer begins, and the index is an entry of the metaindex.
 */
import { crc32c, maskCrc } from '../../bytes/crc32c.js';
import { hex32 } from '../../bytes/hexdump.js';
import { u32At } from '../../bytes/u32.js';
import type { Anomaly, Range } from '../../finding/finding.js';
import { CHECKSUM, contextModifier, rawChecksum } from './checksum.js';
import { BLOCK_TRAILER, type BlockHandle, decodeHandle, handleBytes, handleFits } from './handle.js';

type TableFormat = 'block-based' | 'legacy' | 'plain' | 'cuckoo' | 'pebble';

/** Magic numbers as two u32 halves of the little-endian u64, and the footer's length with each. */
export const TABLE_MAGIC = [
  { format: 'block-based', low: 0x85f4cff7, high: 0x88e241b7, length: 53 },
  // written by LevelDB and by RocksDB with format version 0: only the metaindex tells them apart
  { format: 'legacy', low: 0x8b80fb57, high: 0xdb477524, length: 48 },
  { format: 'plain', low: 0x7a8f13b8, high: 0x4f3418eb, length: 48 },
  { format: 'plain', low: 0x63bf9564, high: 0x82422296, length: 53 },
  { format: 'cuckoo', low: 0xc5f17873, high: 0x926789d0, length: 53 },
  { format: 'pebble', low: 0xb3aa9ff0, high: 0xb3aa9ff0, length: 53 },
] as const satisfies readonly { format: TableFormat; low: number; high: number; length: number }[];

export type TableMagic = (typeof TABLE_MAGIC)[number];

const EXTENDED_MAGIC = 0x007a003e;
export const SHORTEST_FOOTER = 48;
/** Bytes from the end of the file that hold every footer known (Pebble v7 and v8 have 61). */
export const LONGEST_FOOTER = 61;
/** The newest format version of block-based tables that there is (RocksDB 10.4 and later). */
const NEWEST_FORMAT_VERSION = 7;

export interface Footer {
  format: TableFormat;
  /** File offset and bytes of the footer. */
  offset: number;
  length: number;
  /** 0 for the legacy form, which has no such field. */
  formatVersion: number;
  checksumType: number;
  /** `base_context_checksum`, 0 up to format version 5. */
  baseContext: number;
  metaindex?: BlockHandle;
  /** Bytes after the handles of the shorter form that are not zero. Nothing reads them. */
  padding?: Range;
  /** Absent from format version 6 on, where the metaindex names it. */
  index?: BlockHandle;
}

export interface FooterReading {
  /** Absent when nothing in the bytes can be used. */
  footer?: Footer;
  anomalies: Anomaly[];
  /** Why kvdoctor cannot go on although nothing is wrong. */
  unsupported?: string;
}

/** The magic number in the last 8 of `bytes[0, end)`, when it is one that a table can have. */
export function magicAt(bytes: Uint8Array, end: number): TableMagic | undefined {
  if (end < 8) return undefined;
  const low = u32At(bytes, end - 8);
  const high = u32At(bytes, end - 4);
  return TABLE_MAGIC.find((magic) => magic.low === low && magic.high === high);
}

/** The known magic number that differs in the fewest bits from the last 8 of `bytes[0, end)`, and in how many. */
export function nearestMagic(bytes: Uint8Array, end: number): { magic: TableMagic; bits: number } {
  const low = u32At(bytes, end - 8);
  const high = u32At(bytes, end - 4);
  let best: { magic: TableMagic; bits: number } = { magic: TABLE_MAGIC[0], bits: 65 };
  for (const magic of TABLE_MAGIC) {
    const bits = ones(low ^ magic.low) + ones(high ^ magic.high);
    if (bits < best.bits) best = { magic, bits };
  }
  return best;
}

/**
 * Decodes the footer that ends at `bytes[end]` as `magic` says. `base` is the file offset of `bytes[0]`. Damage becomes an
 * anomaly over the footer, and what can be used is returned all the same.
 */
export function decodeFooter(bytes: Uint8Array, end: number, base: number, magic: TableMagic): FooterReading {
  if (magic.format === 'pebble') return decodePebble(bytes, end, base);
  const start = end - magic.length;
  if (start < 0) {
    const short = { offset: base, length: end, message: 'the file is too short for the footer of a table' };
    return { anomalies: [{ rule: 'sst/bad-footer', ...short }] };
  }
  const offset = base + start;
  const { format, length } = magic;
  if (length === 48) {
    const checksumType = format === 'plain' ? CHECKSUM.none : CHECKSUM.crc32c;
    const footer: Footer = { format, offset, length, formatVersion: 0, checksumType, baseContext: 0 };
    return withHandles(footer, bytes, start, start + 40);
  }
  const checksumType = bytes[start];
  const formatVersion = u32At(bytes, end - 12);
  const footer: Footer = { format, offset, length, formatVersion, checksumType, baseContext: 0 };
  if (format === 'cuckoo') return withHandles(footer, bytes, start + 1, end - 12);
  const extended = u32At(bytes, start + 1) === EXTENDED_MAGIC;
  const reading =
    extended || formatVersion >= 6
      ? decodeProtected(footer, bytes, start)
      : withHandles(footer, bytes, start + 1, end - 12);
  if (checksumType > CHECKSUM.xxh3 && reading.anomalies.length === 0) {
    reading.anomalies.push(bad(footer, `checksum type ${checksumType} does not exist`));
  }
  if (formatVersion > NEWEST_FORMAT_VERSION && reading.anomalies.length === 0) {
    return extended
      ? { footer, anomalies: [], unsupported: `format version ${formatVersion}` }
      : { footer, anomalies: [bad(footer, `format version ${formatVersion} does not exist in this form`)] };
  }
  return reading;
}

/** The newest format version of Pebble's tables that there is. */
const NEWEST_PEBBLE_VERSION = 8;
/** Pebble's readers take no other checksums. */
const PEBBLE_CHECKSUMS: readonly number[] = [CHECKSUM.crc32c, CHECKSUM.xxh64];

function decodePebble(bytes: Uint8Array, end: number, base: number): FooterReading {
  const formatVersion = end < 12 ? 0 : u32At(bytes, end - 12);
  const known = formatVersion > 0 && formatVersion <= NEWEST_PEBBLE_VERSION;
  const length = !known || formatVersion < 6 ? 53 : formatVersion === 6 ? 57 : 61;
  const start = end - length;
  if (start < 0) {
    const message = 'the file is too short for the footer of a table';
    return { anomalies: [{ rule: 'sst/bad-footer', offset: base, length: end, message }] };
  }
  const footer: Footer = {
    format: 'pebble',
    offset: base + start,
    length,
    formatVersion,
    checksumType: bytes[start],
    baseContext: 0,
  };
  const reading = withHandles(footer, bytes, start + 1, start + 41);
  if (!known) {
    return {
      ...reading,
      anomalies: [bad(footer, `format version ${formatVersion} of Pebble's tables does not exist`)],
    };
  }
  if (formatVersion >= 6) {
    const stored = u32At(bytes, end - 16);
    const covered = crc32c(bytes, end - 12, end, crc32c(bytes, start, end - 16));
    const computed = maskCrc(covered);
    if (stored !== computed) {
      const anomaly = bad(footer, 'the footer does not match its own checksum');
      const evidence = { stored: hex32(stored), computed: hex32(computed) };
      return { ...reading, anomalies: [{ ...anomaly, rule: 'sst/footer-checksum', evidence }] };
    }
  }
  if (!PEBBLE_CHECKSUMS.includes(footer.checksumType) && reading.anomalies.length === 0)
    reading.anomalies.push(bad(footer, `Pebble does not read checksum type ${footer.checksumType}`));
  return reading;
}

function withHandles(footer: Footer, bytes: Uint8Array, start: number, end: number): FooterReading {
  const metaindex = decodeHandle(bytes, start, end);
  const index = metaindex && decodeHandle(bytes, start + handleBytes(bytes, start), end);
  const { format, offset } = footer;
  if (format === 'plain' || format === 'cuckoo') return { footer: { ...footer, metaindex }, anomalies: [] };
  if (metaindex === undefined || index === undefined) {
    return { footer, anomalies: [bad(footer, 'a block handle in the footer cannot be decoded')] };
  }
  const anomalies = [];
  for (const [name, handle] of [
    ['metaindex', metaindex],
    ['index', index],
  ] as const) {
    if (handleFits(handle, offset)) continue;
    anomalies.push(bad(footer, `the footer places the ${name} at ${handle.offset}, outside the file`));
  }
  const used = start + handleBytes(bytes, start);
  const padding = nonZero(bytes, used + handleBytes(bytes, used), end, offset - start);
  return { footer: { ...footer, metaindex, index, ...(padding && { padding }) }, anomalies };
}

/** From the first to the last byte of `[start, end)` that is not zero, `base` added. */
function nonZero(bytes: Uint8Array, start: number, end: number, base: number): Range | undefined {
  let from = start;
  let to = end;
  while (from < to && bytes[from] === 0) from++;
  while (to > from && bytes[to - 1] === 0) to--;
  return from === to ? undefined : { offset: base + from, length: to - from };
}

/** Format versions 6 and later: the footer carries its own checksum, and the metaindex touches it. */
function decodeProtected(footer: Footer, bytes: Uint8Array, start: number): FooterReading {
  const { checksumType, offset, length } = footer;
  const stored = u32At(bytes, start + 5);
  const baseContext = u32At(bytes, start + 9);
  const metaindexSize = u32At(bytes, start + 13);
  const covered = new Uint8Array(bytes.subarray(start, start + length));
  covered.fill(0, 5, 9);
  const computed =
    (rawChecksum(checksumType, covered, 0, length) + contextModifier(baseContext, offset)) >>> 0;
  const metaindex = { offset: offset - BLOCK_TRAILER - metaindexSize, size: metaindexSize };
  const reading: FooterReading = { footer: { ...footer, baseContext, metaindex }, anomalies: [] };
  const problem =
    stored !== computed
      ? 'the footer does not match its own checksum'
      : u32At(bytes, start + 1) !== EXTENDED_MAGIC
        ? 'the footer lacks the mark of its format version'
        : baseContext === 0
          ? 'the base of the context checksums is 0'
          : metaindex.offset < 0
            ? 'the metaindex would begin before the file'
            : undefined;
  if (problem !== undefined) {
    reading.anomalies.push({
      ...bad(footer, problem),
      rule: stored !== computed ? 'sst/footer-checksum' : 'sst/bad-footer',
      evidence: { stored: hex32(stored), computed: hex32(computed) },
    });
  } else if (u32At(bytes, start + 33) !== 0 || u32At(bytes, start + 37) !== 0) {
    reading.unsupported = 'the table needs a feature newer than RocksDB 11.9';
  }
  return reading;
}

function bad(footer: Footer, message: string): Anomaly {
  return { rule: 'sst/bad-footer', offset: footer.offset, length: footer.length, message };
}

function ones(word: number): number {
  let count = 0;
  for (let left = word >>> 0; left !== 0; left &= left - 1) count++;
  return count;
}
