import type { ByteSource } from '../bytes/source.js';
import type { LiveTable } from '../format/manifest/version.js';
import {
  type BlockProtection,
  blockChecksum,
  CHECKSUM,
  rawChecksum,
  storedChecksum,
} from '../format/sst/checksum.js';
import { decodeFooter, type Footer, LONGEST_FOOTER, magicAt } from '../format/sst/footer.js';
import { BLOCK_TRAILER, type BlockHandle } from '../format/sst/handle.js';
import { openTable } from '../format/sst/table.js';
import { type OpenPiece, PiecedSource } from '../io/pieces.js';

/*
 * A footer says where the metaindex stands, and so where it stands itself: one that ends the file and says another place shows
 * that bytes were put in before it, or taken out, and how many. Blocks before that place hold where the index has them,
 * blocks after it hold by so many bytes further on, and the block that was torn apart holds at the one place where the
 * inserted run is taken out.
 */

/** A table of which a part stands further back, or further on, than its index says. */
export interface Shift {
  /** Bytes that are too many; negative: that are missing. */
  by: number;
  /** File offset where they begin, or where the missing ones would. */
  at: number;
  /** That is the very place; otherwise the damage lies somewhere in the `length` bytes from there. */
  exact: boolean;
  length: number;
  /** Ranges of the file that make up the table as its index has it. */
  pieces: OpenPiece[];
}

/** Where a byte of the table stands in the file; for one that is missing, where it would. */
export function offsetInFile(offset: number, pieces: readonly OpenPiece[], file: ByteSource): number {
  let [at, before] = [0, 0];
  for (const { source, offset: from, length } of pieces) {
    if (source === file) before = from + Math.min(length, offset - at);
    if (offset < at + length) return before;
    at += length;
  }
  return before;
}

/** Longer blocks are not held against their checksums. Bytes. */
const LONGEST_BLOCK = 64 << 20;
/** Bytes that may be hashed to find the place in a block at which a run was put in. */
const MOST_HASHED = 2 ** 33;

/** How far the parts of a table stand from where they should; undefined when that is not what is wrong with it. */
export async function findShift(source: ByteSource, live?: LiveTable): Promise<Shift | undefined> {
  const found = await statedFooter(source);
  if (found === undefined || found.by === 0) return undefined;
  const { by, footer } = found;
  const size = footer.offset + footer.length;
  if (live !== undefined && live.size !== BigInt(size)) return undefined;
  const blocks = new ShiftedBlocks(source, footer);
  const metaindex = footer.metaindex!;
  if (!(await blocks.holds(metaindex, by))) {
    const before = by > 0 ? await blocks.split(metaindex, by) : undefined;
    return before === undefined ? undefined : exactly(source, metaindex.offset + before, by, size);
  }
  const handles = await handlesOf(source, footer, by, size);
  let left = 0;
  let right = handles.length - 1;
  for (const [i, handle] of handles.entries()) {
    if (await blocks.holds(handle, 0)) left = blockEnd(handle);
    else if (await blocks.holds(handle, by)) {
      right = i;
      break;
    }
  }
  const between = { from: left, to: handles[right].offset };
  if (between.to < between.from || between.to - between.from + by < 0) return undefined;
  const at = by > 0 ? await placeOfRun(blocks, handles, between, by) : undefined;
  return at === undefined ? approximate(source, between, by, size) : exactly(source, at, by, size);
}

function exactly(source: ByteSource, at: number, by: number, size: number): Shift {
  return { by, at, exact: true, length: by, pieces: around(source, at, by, size) };
}

/** The footer that ends the file, placed where it says that it stands, and how far from there it is. */
async function statedFooter(source: ByteSource): Promise<{ footer: Footer; by: number } | undefined> {
  const length = Math.min(source.size, LONGEST_FOOTER);
  const tail = new Uint8Array(length);
  if ((await source.read(tail, source.size - length)) < length) return undefined;
  const footer = selfPlaced(tail);
  return footer && { footer, by: source.size - footer.length - footer.offset };
}

/**
 * The footer of a block-based table that ends `bytes`, with the offsets that it gives itself: the metaindex ends where the
 * footer begins. Undefined without checksums, which are to show whether that is so.
 */
export function selfPlaced(bytes: Uint8Array): Footer | undefined {
  const magic = magicAt(bytes, bytes.length);
  if (magic === undefined || (magic.format !== 'block-based' && magic.format !== 'legacy')) return undefined;
  if (magic.length > bytes.length) return undefined;
  const alone = bytes.subarray(bytes.length - magic.length);
  const { footer } = decodeFooter(alone, alone.length, 0, magic);
  if (footer?.metaindex === undefined || footer.checksumType === CHECKSUM.none) return undefined;
  const { size, offset: at } = footer.metaindex;
  const offset = footer.baseContext === 0 ? at + size + BLOCK_TRAILER : offsetInChecksum(alone, footer);
  const metaindex = { offset: offset - BLOCK_TRAILER - size, size };
  return metaindex.offset < 0 ? undefined : { ...footer, offset, metaindex };
}

/** From format version 6 on, the checksum of a footer holds for one place alone. */
function offsetInChecksum(bytes: Uint8Array, { checksumType, baseContext }: Footer): number {
  const covered = bytes.slice();
  const stored = storedChecksum(bytes, 4);
  covered.fill(0, 5, 9);
  return (((stored - rawChecksum(checksumType, covered, 0, covered.length)) >>> 0) ^ baseContext) >>> 0;
}

const blockEnd = ({ offset, size }: BlockHandle) => offset + size + BLOCK_TRAILER;

/** Reads blocks where they should stand, or by some bytes further on. */
class ShiftedBlocks {
  constructor(
    private readonly source: ByteSource,
    private readonly protection: BlockProtection,
  ) {}

  async holds(handle: BlockHandle, by: number): Promise<boolean> {
    const { offset, size } = handle;
    if (offset + by < 0 || size > LONGEST_BLOCK) return false;
    const bytes = new Uint8Array(size + BLOCK_TRAILER);
    if ((await this.source.read(bytes, offset + by)) < bytes.length) return false;
    return this.matches(bytes, handle);
  }

  /** How many bytes of the block stand before a run of `by` bytes without which it holds; undefined when there is no such place. */
  async split(handle: BlockHandle, by: number): Promise<number | undefined> {
    const length = handle.size + BLOCK_TRAILER;
    if (length ** 2 > MOST_HASHED) return undefined;
    const file = new Uint8Array(length + by);
    if ((await this.source.read(file, handle.offset)) < file.length) return undefined;
    const bytes = file.slice(by);
    for (let before = 1; before < length; before++) {
      bytes[before - 1] = file[before - 1];
      if (this.matches(bytes, handle)) return before;
    }
    return undefined;
  }

  private matches(bytes: Uint8Array, { offset, size }: BlockHandle): boolean {
    return blockChecksum(this.protection, bytes, 0, size, offset) === storedChecksum(bytes, size);
  }
}

/** Every block that the table names, in the order of the file. The metaindex is the last one. */
async function handlesOf(
  source: ByteSource,
  footer: Footer,
  by: number,
  size: number,
): Promise<BlockHandle[]> {
  let table = await openTable(new PiecedSource(source.descriptor, around(source, 0, by, size)));
  // where the run stands after the index, that is still where it belongs
  for (const { handle } of table.indexSound
    ? []
    : [...table.meta].sort((a, b) => b.handle.offset - a.handle.offset)) {
    const other = await openTable(
      new PiecedSource(source.descriptor, around(source, handle.offset, by, size)),
    );
    if (other.indexSound) table = other;
  }
  const handles = new Map<number, BlockHandle>();
  // a footer that leads beside the index has been put right for that: what it says itself counts
  const others = table.blocks.filter(({ kind }) => kind !== 'index' || footer.index === undefined);
  const named = [...others, ...table.meta].map(({ handle }) => handle);
  const index = footer.index === undefined ? [] : [footer.index];
  for (const handle of [...named, ...index, footer.metaindex!]) handles.set(handle.offset, handle);
  for (let i = 0; i < (table.index?.count ?? 0); i++) {
    const handle = { offset: table.index!.offset(i), size: table.index!.size(i) };
    handles.set(handle.offset, handle);
  }
  const { offset: last } = footer.metaindex!;
  return [...handles.values()].filter(({ offset }) => offset <= last).sort((a, b) => a.offset - b.offset);
}

/** Where the run was put in: between two blocks that hold, or inside the one block between them. */
async function placeOfRun(
  blocks: ShiftedBlocks,
  handles: readonly BlockHandle[],
  { from, to }: { from: number; to: number },
  by: number,
): Promise<number | undefined> {
  if (from === to) return from;
  const torn = handles.filter(({ offset }) => offset >= from && offset < to);
  if (torn.length !== 1 || blockEnd(torn[0]) !== to || torn[0].offset !== from) return undefined;
  const before = await blocks.split(torn[0], by);
  return before === undefined ? undefined : from + before;
}

/** The file without a run of `by` bytes at `at`, or with as many zeros there where they are missing. */
function around(source: ByteSource, at: number, by: number, size: number): OpenPiece[] {
  const left = { source, offset: 0, length: at };
  if (by > 0) return [left, { source, offset: at + by, length: size - at }];
  const hole = { offset: 0, length: -by };
  return [left, hole, { source, offset: at, length: size + by - at }];
}

function approximate(
  source: ByteSource,
  { from, to }: { from: number; to: number },
  by: number,
  size: number,
): Shift {
  const there = Math.min(to - from, to - from + by);
  const pieces: OpenPiece[] = [
    { source, offset: 0, length: from + there },
    { offset: 0, length: to - from - there },
    { source, offset: to + by, length: size - to },
  ];
  return { by, at: from, exact: false, length: to - from + by, pieces };
}
