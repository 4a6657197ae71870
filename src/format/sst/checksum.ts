/*
 * Every block of a block-based table, of any type:
 *
 *   offset                offset+size
 *   | payload (as stored) | compression type u8 | checksum u32 |
 *
 * The checksum covers payload and type. From format version 6 on it also depends on where the block stands
 * (rocksdb table/format.h, table/format.cc).
 */
import { crc32c, maskCrc } from '../../bytes/crc32c.js';
import { xxh3Low, xxh32, xxh64Low } from '../../bytes/xxhash.js';
import { BLOCK_TRAILER, type BlockHandle } from './handle.js';

export const CHECKSUM = { none: 0, crc32c: 1, xxh32: 2, xxh64: 3, xxh3: 4 } as const;

const NAMES = ['none', 'crc32c', 'xxh32', 'xxh64', 'xxh3'] as const;

/** The name of a checksum type, or its number where RocksDB does not know it either. */
export function checksumName(type: number): string {
  return NAMES[type] ?? String(type);
}

/** What XXH3 checksums fold the compression type in with, as the hash covers only the payload. */
const LAST_BYTE_FACTOR = 0x6b9083d9;

/**
 * Checksum of `bytes[start, end)`, the last byte of which is the compression type, before the context is added. Unsigned.
 * An unknown `type` gives 0.
 */
export function rawChecksum(type: number, bytes: Uint8Array, start: number, end: number): number {
  switch (type) {
    case CHECKSUM.crc32c:
      return maskCrc(crc32c(bytes, start, end));
    case CHECKSUM.xxh32:
      return xxh32(bytes, start, end) >>> 0;
    case CHECKSUM.xxh64:
      return xxh64Low(bytes, start, end) >>> 0;
    case CHECKSUM.xxh3:
      return (xxh3Low(bytes, start, end - 1) ^ Math.imul(bytes[end - 1], LAST_BYTE_FACTOR)) >>> 0;
    default:
      return 0;
  }
}

/** What a block at file offset `offset` adds to its checksum under `base` (0: nothing, format versions up to 5). */
export function contextModifier(base: number, offset: number): number {
  if (base === 0) return 0;
  const low = offset >>> 0;
  const high = Math.floor(offset / 0x1_0000_0000) >>> 0;
  return (base ^ (low + high)) >>> 0;
}

/** How blocks of one table are protected. */
export interface BlockProtection {
  checksumType: number;
  /** `base_context_checksum` of the footer, 0 up to format version 5. */
  baseContext: number;
}

/** The checksum that the block should carry, given its payload at `bytes[start, end)` and the type byte at `end`. */
export function blockChecksum(
  protection: BlockProtection,
  bytes: Uint8Array,
  start: number,
  end: number,
  fileOffset: number,
): number {
  const raw = rawChecksum(protection.checksumType, bytes, start, end + 1);
  return (raw + contextModifier(protection.baseContext, fileOffset)) >>> 0;
}

/** The checksum that the block does carry. */
export function storedChecksum(bytes: Uint8Array, end: number): number {
  return (bytes[end + 1] | (bytes[end + 2] << 8) | (bytes[end + 3] << 16) | (bytes[end + 4] << 24)) >>> 0;
}

/** A block as it was read: its payload still compressed, and whether its checksum holds. */
export interface StoredBlock {
  handle: BlockHandle;
  /** Payload and trailer, `handle.size + 5` bytes. A view that the next read may overwrite. */
  bytes: Uint8Array;
  compression: number;
  stored: number;
  computed: number;
  intact: boolean;
  /**
   * The compression type with which the payload can be believed: the stored one of an intact block, and of one whose
   * checksum field differs in a single bit; another one that differs in a single bit where the block matches with that.
   */
  soundAs?: number;
}

/** Verifies a block whose payload and trailer are all of `bytes`. */
export function verifyBlock(
  protection: BlockProtection,
  bytes: Uint8Array,
  handle: BlockHandle,
): StoredBlock {
  const end = bytes.length - BLOCK_TRAILER;
  const stored = storedChecksum(bytes, end);
  const computed = blockChecksum(protection, bytes, 0, end, handle.offset);
  const compression = bytes[end];
  const intact = stored === computed;
  const soundAs =
    intact || isPowerOfTwo(stored ^ computed) ? compression : otherType(protection, bytes, handle);
  return { handle, bytes, compression, stored, computed, intact, soundAs };
}

/** The compression type, one bit from the stored one, with which the block would match. */
function otherType(protection: BlockProtection, bytes: Uint8Array, handle: BlockHandle): number | undefined {
  if (protection.checksumType === CHECKSUM.none) return undefined;
  const end = bytes.length - BLOCK_TRAILER;
  const stored = storedChecksum(bytes, end);
  const changed = new Uint8Array(bytes.subarray(0, end + 1));
  for (let bit = 0; bit < 8; bit++) {
    changed[end] = bytes[end] ^ (1 << bit);
    if (blockChecksum(protection, changed, 0, end, handle.offset) === stored) return changed[end];
  }
  return undefined;
}

function isPowerOfTwo(word: number): boolean {
  return word !== 0 && (word & (word - 1)) === 0;
}
