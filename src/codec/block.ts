import { Cursor } from '../bytes/cursor.js';
import { decompressBzip2 } from './bzip2.js';
import type { Decompressed } from './decompressed.js';
import { compressLz4, decompressLz4 } from './lz4.js';
import { decompressMinLz } from './minlz.js';
import { compressSnappy, decompressSnappy } from './snappy.js';
import { compressZlib, decompressZlib } from './zlib.js';
import { compressZstd, decompressZstd } from './zstd.js';

/*
 * What the compression type byte after a block means (rocksdb include/rocksdb/compression_type.h, util/compression.cc;
 * leveldb include/leveldb/options.h; pebble sstable/block/compression.go), and what stands before the compressed bytes:
 *
 *   type        codec    size prefix, version 2     size prefix, version 1 (table formats 0 and 1)
 *   00          none     -                          -
 *   01          snappy   - (its own)                - (its own)
 *   02          zlib     varint32                   -             LevelDB: zstd, Mojang's: zlib with its header; no prefix
 *   03          bzip2    varint32                   -
 *   04 05       lz4      varint32                   8 bytes LE, low four count;  Mojang's LevelDB, 04: raw deflate, no prefix
 *   07 40       zstd     varint32                   varint32
 *   08          minlz    - (its own)                -             Pebble alone
 */
type Codec =
  | 'none'
  | 'snappy'
  | 'zlib'
  | 'deflate'
  | 'bzip2'
  | 'lz4'
  | 'zstd'
  | 'xpress'
  | 'minlz'
  | 'custom';

type CompressionDialect = 'rocksdb' | 'leveldb' | 'pebble';

const ROCKSDB: Record<number, Codec> = {
  0: 'none',
  1: 'snappy',
  2: 'zlib',
  3: 'bzip2',
  4: 'lz4',
  5: 'lz4',
  6: 'xpress',
  7: 'zstd',
  64: 'zstd',
};
/** Mojang's fork (Minecraft) has zlib under 2 and raw deflate under 4, and both in one database: the bytes tell it from zstd. */
const LEVELDB: Record<number, Codec> = { 0: 'none', 1: 'snappy', 2: 'zstd', 4: 'deflate' };
const PEBBLE: Record<number, Codec> = { 0: 'none', 1: 'snappy', 7: 'zstd', 8: 'minlz' };
const CODECS = { rocksdb: ROCKSDB, leveldb: LEVELDB, pebble: PEBBLE };

/** The codec that a type byte stands for, `undefined` where no writer writes it. */
export function codecOf(type: number, dialect: CompressionDialect = 'rocksdb'): Codec | undefined {
  if (dialect === 'rocksdb' && type >= 0x80 && type < 0xff) return 'custom';
  return CODECS[dialect][type];
}

/** The same, told by the bytes too where one type stands for two codecs. */
export function codecOfBlock(
  type: number,
  payload: Uint8Array,
  dialect?: CompressionDialect,
): Codec | undefined {
  const codec = codecOf(type, dialect);
  return dialect === 'leveldb' && codec === 'zstd' && hasZlibHeader(payload) ? 'zlib' : codec;
}

/** True for codecs that the formats know and kvdoctor cannot decode: not damage, but not checked either. */
export function isUnsupported(codec: Codec): boolean {
  return codec === 'xpress' || codec === 'custom';
}

/** How the blocks of one file are compressed. */
export interface BlockCompression {
  /** 2 from table format 2 on and in blob files, 1 before. Default 2. */
  version?: 1 | 2;
  dialect?: CompressionDialect;
  /** Content of the dictionary block. Data blocks only. Snappy and bzip2 ignore it. */
  dictionary?: Uint8Array;
  /** Most bytes that a block may decompress to. Default `DEFAULT_LIMIT`. */
  limit?: number;
}

/** Larger blocks are called damaged: 256 MiB. The engines' own bound is 4 GiB less one byte. */
const DEFAULT_LIMIT = 256 * 1024 * 1024;

/**
 * The content of a block. `payload` is what stands before the type byte. The result may be a view of `payload` (type 0) or
 * of `into`, which is used where it is large enough; it is valid until either changes. Output is bounded by
 * `compression.limit` and by what so many bytes can at all expand to, before anything is allocated. Never throws on input.
 */
export function decompressBlock(
  type: number,
  payload: Uint8Array,
  compression: BlockCompression = {},
  into?: Uint8Array,
): Decompressed {
  const { version = 2, dialect = 'rocksdb', dictionary, limit = DEFAULT_LIMIT } = compression;
  const codec = codecOf(type, dialect);
  if (codec === undefined) return { error: `no codec has the compression type ${type}` };
  if (codec === 'none') return { bytes: payload };
  if (codec === 'snappy') return decompressSnappy(payload, limit);
  if (codec === 'minlz') return decompressMinLz(payload, limit);
  if (isUnsupported(codec)) return { error: `${codec} compression cannot be decoded` };

  if (dialect === 'leveldb') return decompressLevelDb(codec, payload, limit, into);
  const prefix = sizePrefix(codec, payload, version);
  if (prefix === undefined) return { error: 'the size before the compressed bytes is cut off' };
  const { length, size } = prefix;
  if (size !== undefined && size > limit)
    return { error: `a block size of ${size} is above the limit of ${limit}` };
  const compressed = payload.subarray(length);
  const result = decompressPrefixed(codec, compressed, size, limit, dictionary, into);
  if (result.bytes === undefined || size === undefined || result.bytes.length === size) return result;
  return { error: `${result.bytes.length} bytes came out, ${size} were promised` };
}

/** No size stands before the bytes, and a dictionary is never used. */
function decompressLevelDb(
  codec: Codec,
  payload: Uint8Array,
  limit: number,
  into: Uint8Array | undefined,
): Decompressed {
  if (codec === 'deflate') return decompressZlib(payload, undefined, limit);
  return hasZlibHeader(payload)
    ? decompressZlib(payload.subarray(ZLIB_HEADER), undefined, limit)
    : decompressZstd(payload, undefined, limit, undefined, into);
}

const ZLIB_HEADER = 2;

/** RFC 1950: method 8 with a window of 32 KiB, no dictionary, and a multiple of 31. No frame of zstd begins so. */
function hasZlibHeader(payload: Uint8Array): boolean {
  const header = ((payload[0] ?? 0) << 8) | (payload[1] ?? 0);
  return payload[0] === 0x78 && header % 31 === 0 && (header & 0x20) === 0;
}

function decompressPrefixed(
  codec: Codec,
  compressed: Uint8Array,
  size: number | undefined,
  limit: number,
  dictionary: Uint8Array | undefined,
  into: Uint8Array | undefined,
): Decompressed {
  switch (codec) {
    case 'zlib':
      return decompressZlib(compressed, size, limit, dictionary);
    case 'bzip2':
      return decompressBzip2(compressed, size, limit);
    case 'lz4':
      return decompressLz4(compressed, size ?? 0, dictionary, into);
    default:
      return decompressZstd(compressed, size, limit, dictionary, into);
  }
}

/** Bytes of the size prefix and what it says; no size where the format has none. */
function sizePrefix(
  codec: Codec,
  payload: Uint8Array,
  version: 1 | 2,
): { length: number; size?: number } | undefined {
  const cursor = new Cursor(payload);
  if (version === 1 && (codec === 'zlib' || codec === 'bzip2')) return { length: 0 };
  if (version === 1 && codec === 'lz4') {
    const size = cursor.u32();
    return size === undefined || cursor.u32() === undefined ? undefined : { length: 8, size };
  }
  const size = cursor.varint32();
  return size === undefined ? undefined : { length: cursor.position, size };
}

/**
 * Compresses a block as a writer of compression version 2 does, size prefix included; `undefined` for codecs that cannot
 * write here (bzip2, XPRESS, custom). LZ4 comes out as literals only.
 */
export function compressBlock(
  type: number,
  bytes: Uint8Array,
  dictionary?: Uint8Array,
): Uint8Array | undefined {
  switch (codecOf(type)) {
    case 'none':
      return bytes;
    case 'snappy':
      return compressSnappy(bytes);
    case 'zlib':
      return withSize(bytes.length, compressZlib(bytes, dictionary));
    case 'lz4':
      return withSize(bytes.length, compressLz4(bytes));
    case 'zstd':
      return withSize(bytes.length, compressZstd(bytes, dictionary));
    default:
      return undefined;
  }
}

function withSize(size: number, compressed: Uint8Array): Uint8Array {
  const prefix: number[] = [];
  for (let rest = size; ; rest >>>= 7) {
    if (rest < 0x80) {
      prefix.push(rest);
      break;
    }
    prefix.push((rest & 0x7f) | 0x80);
  }
  const block = new Uint8Array(prefix.length + compressed.length);
  block.set(prefix);
  block.set(compressed, prefix.length);
  return block;
}
