/*
 * Data blocks follow each other from the start of the file, each ends in its compression type and checksum, and a checksum
 * that matches by chance is one in four thousand million: so the blocks of a table can be found without its index, and
 * without its footer too, where as many guesses as there are checksum types cost nothing.
 */
import type { ByteSource } from '../../bytes/source.js';
import { decodeBlockTail } from './block.js';
import { type BlockProtection, blockChecksum, CHECKSUM, rawChecksum, storedChecksum } from './checksum.js';
import { BLOCK_TRAILER, type BlockHandle } from './handle.js';
import { SourceWindow } from './window.js';

/** Larger blocks are not looked for: the search would read them again for each byte that could be their type. */
const LARGEST_FOUND = 1024 * 1024;
/** Bytes that the search for one block, or for the protection of a table, may hash. */
const MOST_HASHED = 64 * 1024 * 1024;
/** What is read to find out how a table is protected. */
const HEAD = 256 * 1024;
/** Aligned blocks begin at multiples of it, with zeros before them. */
const ALIGNMENT = 4096;
/** Compression types that blocks can have when the table does not tell. */
export const COMMON_TYPES = [0, 1, 2, 3, 4, 5, 7];

/** How to recognise blocks. */
export interface BlockSigns extends BlockProtection {
  /** 1 for each compression type that data blocks may have. */
  types: Uint8Array;
}

/** What a search may still cost. */
interface Budget {
  bytes: number;
}

/** Finds the data blocks of a table one after the other. */
export class BlockFinder {
  private readonly window: SourceWindow;

  constructor(
    source: ByteSource,
    private readonly signs: BlockSigns,
    /** No block reaches past it. */
    private readonly limit: number,
  ) {
    this.window = new SourceWindow(source, limit, 2 * LARGEST_FOUND);
  }

  /**
   * The block that begins at file offset `at`, or after the zeros that align it; undefined when none does. Rejects only when
   * the medium fails.
   */
  async find(at: number): Promise<BlockHandle | undefined> {
    const room = Math.min(this.limit - at, LARGEST_FOUND + BLOCK_TRAILER);
    if (room < BLOCK_TRAILER || this.signs.checksumType === CHECKSUM.none) return undefined;
    await this.window.ensure(at, room);
    const bytes = this.window.view(at, room);
    if (bytes === undefined) return undefined;
    const size = search(bytes, 0, at, this.signs, { bytes: MOST_HASHED });
    if (size !== undefined) return { offset: at, size };
    const padding = ALIGNMENT - (at % ALIGNMENT);
    if (padding === ALIGNMENT || padding >= room || !isZero(bytes, padding)) return undefined;
    return this.find(at + padding);
  }

  /** True when an intact block stands at the handle. */
  async holds({ offset, size }: BlockHandle): Promise<boolean> {
    const length = size + BLOCK_TRAILER;
    if (offset < 0 || size < 0 || length > LARGEST_FOUND || offset + length > this.limit) return false;
    await this.window.ensure(offset, length);
    const bytes = this.window.view(offset, length);
    if (bytes === undefined) return false;
    return blockChecksum(this.signs, bytes, 0, size, offset) === storedChecksum(bytes, size);
  }
}

/** Payload size of the block that begins at `bytes[start]`, file offset `offset`; undefined when none of any size does. */
function search(
  bytes: Uint8Array,
  start: number,
  offset: number,
  signs: BlockSigns,
  budget: Budget,
): number | undefined {
  for (let end = start + SHORTEST; end + BLOCK_TRAILER <= bytes.length && budget.bytes > 0; end++) {
    if (!mayEnd(bytes, start, end, signs.types)) continue;
    budget.bytes -= end - start;
    if (blockChecksum(signs, bytes, start, end, offset) === storedChecksum(bytes, end)) return end - start;
  }
  return undefined;
}

/** Bytes of a block with one restart point and nothing else. */
const SHORTEST = 8;

/** Whether a payload may end before `bytes[end]`: a compression type stands there and, without one, a block's tail before it. */
function mayEnd(bytes: Uint8Array, start: number, end: number, types: Uint8Array): boolean {
  const type = bytes[end];
  if (types[type] === 0) return false;
  // a whole tail is looked at only where the count of restart points is small enough to be one
  if (type !== 0) return true;
  if (bytes[end - 2] > 0x03) return false;
  return typeof decodeBlockTail(bytes.subarray(start, end)) !== 'string';
}

/**
 * How the blocks of a table without footer are protected, from its first two blocks: from format version 6 on the context of
 * the first checksum gives itself away, as the block stands at offset 0. Undefined where nothing fits.
 */
export async function inferSigns(source: ByteSource): Promise<BlockSigns | undefined> {
  const types = new Uint8Array(256);
  for (const type of COMMON_TYPES) types[type] = 1;
  const buffer = new Uint8Array(Math.min(source.size, HEAD));
  const bytes = buffer.subarray(0, await source.read(buffer, 0));
  const checksumTypes = [CHECKSUM.xxh3, CHECKSUM.crc32c, CHECKSUM.xxh64, CHECKSUM.xxh32];
  for (const checksumType of checksumTypes) {
    const plain = { checksumType, baseContext: 0, types };
    if (search(bytes, 0, 0, plain, { bytes: MOST_HASHED }) !== undefined) return plain;
  }
  for (const checksumType of checksumTypes) {
    const budget = { bytes: 4 * MOST_HASHED };
    for (let end = SHORTEST; end + BLOCK_TRAILER <= bytes.length && budget.bytes > 0; end++) {
      if (!mayEnd(bytes, 0, end, types)) continue;
      budget.bytes -= end;
      const raw = rawChecksum(checksumType, bytes, 0, end + 1);
      const signs = { checksumType, types, baseContext: (storedChecksum(bytes, end) - raw) >>> 0 };
      const next = end + BLOCK_TRAILER;
      // blocks of one table are of about one size
      const near = bytes.subarray(0, next + 2 * end + ALIGNMENT);
      if (signs.baseContext !== 0 && search(near, next, next, signs, budget) !== undefined) return signs;
    }
  }
  return undefined;
}

function isZero(bytes: Uint8Array, end: number): boolean {
  for (let i = 0; i < end; i++) if (bytes[i] !== 0) return false;
  return true;
}
