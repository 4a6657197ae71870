import type { ByteSource } from '../../bytes/source.js';
import { codecOf } from '../../codec/block.js';
import { BlockFinder, type BlockSigns, COMMON_TYPES, inferSigns } from './find-blocks.js';
import { BLOCK_TRAILER, type BlockHandle, handleFits } from './handle.js';
import type { BlockSpace } from './load.js';
import { dataCompression, type Table } from './table.js';

/** How the data blocks of a table can be read, and where they are. */
export interface ReachableBlocks {
  space: BlockSpace;
  /** In the order of the index where it is sound, else in file order. */
  handles: AsyncIterable<BlockHandle> | Iterable<BlockHandle>;
  /** They are all of them, in key order, as a sound index says. */
  sound: boolean;
}

/** The data blocks of a table: by its index where that is sound, else what of it leads to blocks and what can be found. */
export async function reachableBlocks(table: Table): Promise<ReachableBlocks | undefined> {
  const { space, index, indexSound, indexFormKnown } = table;
  if (space !== undefined && index !== undefined && indexSound && indexFormKnown) {
    const blocks = { ...space, compression: dataCompression(table) };
    return { space: blocks, handles: inIndexOrder(table, index.count), sound: true };
  }
  const found = space === undefined ? await guessedSpace(table.source) : { space, signs: signsOf(space) };
  if (found === undefined) return undefined;
  const { signs } = found;
  const blocks = { ...found.space, compression: { ...found.space.compression, ...dataCompression(table) } };
  return { space: blocks, handles: search(table, signs, endOfData(table)), sound: false };
}

/** One by one: a large table has millions. */
function* inIndexOrder(table: Table, count: number): Generator<BlockHandle> {
  for (let i = 0; i < count; i++) yield handleAt(table, i);
}

function handleAt({ index }: Table, i: number): BlockHandle {
  return { offset: index!.offset(i), size: index!.size(i) };
}

function signsOf({ checksumType, baseContext, compression, uncompressed }: BlockSpace): BlockSigns {
  const types = new Uint8Array(256);
  for (const type of uncompressed ? [0] : COMMON_TYPES) {
    if (codecOf(type, compression.dialect) !== undefined) types[type] = 1;
  }
  return { checksumType, baseContext, types };
}

async function guessedSpace(
  source: ByteSource,
): Promise<{ space: BlockSpace; signs: BlockSigns } | undefined> {
  const signs = await inferSigns(source);
  if (signs === undefined) return undefined;
  const { checksumType, baseContext } = signs;
  return {
    space: { source, limit: source.size, checksumType, baseContext, compression: { version: 2 } },
    signs,
  };
}

/** Where other blocks begin, as far as they are known. */
function endOfData({ blocks, meta, footer, size }: Table): number {
  const others = [...blocks, ...meta].map(({ handle }) => handle.offset).filter((offset) => offset > 0);
  return Math.min(footer?.offset ?? size, ...others);
}

/** Blocks one behind the other by their checksums; where none follows, on with the next that the index names. */
async function* search(table: Table, signs: BlockSigns, end: number): AsyncGenerator<BlockHandle> {
  const finder = new BlockFinder(table.source, signs, end);
  const known = Array.from({ length: table.index?.count ?? 0 }, (_, i) => handleAt(table, i))
    .filter((handle) => handleFits(handle, end))
    .sort((a, b) => a.offset - b.offset);
  let next = 0;
  for (let at = 0; at < end; ) {
    while (next < known.length && known[next].offset < at) next++;
    const stated = known[next];
    const isStated = stated !== undefined && stated.offset === at && (await finder.holds(stated));
    const handle = isStated ? stated : await finder.find(at);
    if (handle !== undefined) {
      yield handle;
      at = handle.offset + handle.size + BLOCK_TRAILER;
      continue;
    }
    // a damaged block: its place and size are the index's word alone
    if (stated === undefined) return;
    yield stated;
    at = stated.offset + stated.size + BLOCK_TRAILER;
  }
}
