import type { ByteSource } from '../../bytes/source.js';
import { codecOf } from '../../codec/block.js';
import type { Range } from '../../finding/finding.js';
import { declaredCompression } from './declared-compression.js';
import { BlockFinder, type BlockSigns, COMMON_TYPES, inferSigns } from './find-blocks.js';
import { BLOCK_TRAILER, type BlockHandle, handleFits } from './handle.js';
import type { BlockSpace } from './load.js';
import { dataCompression, type Table } from './table.js';

/** The data blocks of a table: how they are read, and where they are. */
export interface TableBlocks {
  space: BlockSpace;
  /** By a sound index these are in key order, otherwise in the order of the file. */
  handles: AsyncIterable<BlockHandle> | Iterable<BlockHandle>;
  /** Where no block can be made out. Complete when all handles have been taken; empty for a sound index. */
  gaps: Range[];
  /** By a sound index: all of them are there. */
  sound: boolean;
}

/**
 * The data blocks of a table: by its index where that is sound, otherwise by what they show themselves, with the damaged index as
 * a hint. One policy for everybody who reads tables that may be damaged. `undefined` where nothing tells how blocks are read.
 */
export async function tableBlocks(table: Table): Promise<TableBlocks | undefined> {
  const { space, index, indexSound, indexFormKnown } = table;
  if (space !== undefined && index !== undefined && indexSound && indexFormKnown) {
    const blocks = { ...space, compression: dataCompression(table) };
    return { space: blocks, handles: inIndexOrder(table, index.count), gaps: [], sound: true };
  }
  return foundBlocks(table);
}

/** The same without believing the index. `space`: how blocks are read, where that is known. */
export async function foundBlocks(
  table: Table,
  space: BlockSpace | undefined = table.space,
): Promise<TableBlocks | undefined> {
  const found =
    space === undefined ? await guessedSpace(table.source) : { space, signs: signsOf(table, space) };
  if (found === undefined) return undefined;
  const blocks = { ...found.space, compression: { ...found.space.compression, ...dataCompression(table) } };
  const gaps: Range[] = [];
  const end = endOfData(table, found.space.limit);
  return { space: blocks, handles: search(table, found.signs, end, gaps), gaps, sound: false };
}

/** One by one: a large table has millions. */
function* inIndexOrder(table: Table, count: number): Generator<BlockHandle> {
  for (let i = 0; i < count; i++) yield handleAt(table, i);
}

function handleAt({ index }: Table, i: number): BlockHandle {
  return { offset: index!.offset(i), size: index!.size(i) };
}

function signsOf(table: Table, space: BlockSpace): BlockSigns {
  const { checksumType, baseContext, compression, uncompressed } = space;
  const declared = uncompressed ? undefined : declaredCompression(table);
  if (declared !== undefined) return { checksumType, baseContext, types: declared };
  const types = new Uint8Array(256);
  for (const type of uncompressed ? [0] : COMMON_TYPES) {
    if (codecOf(type, compression.dialect) !== undefined) types[type] = 1;
  }
  return { checksumType, baseContext, types };
}

/** How the blocks of a table without footer are protected, as they show it. */
export async function guessedSpace(
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

/** Where the data blocks end: what the properties say, or the first block that is something else. */
function endOfData(
  { blocks, meta, metaindexSound, footer, properties, propertiesSound }: Table,
  size: number,
) {
  const limit = Math.min(size, footer?.offset ?? size);
  const stated = propertiesSound ? properties?.number('data.size') : undefined;
  if (stated !== undefined && stated <= BigInt(limit)) return Number(stated);
  const offsets = (named: readonly { handle: BlockHandle }[]) => named.map(({ handle }) => handle.offset);
  // a damaged handle may say 0; in a table of range tombstones alone a block of them stands there
  const others = [...offsets(blocks), ...offsets(meta)].filter(
    (at) => at > 0 || (at === 0 && metaindexSound),
  );
  return Math.min(limit, ...others);
}

/**
 * Blocks one after the other by their checksums. A damaged one counts where the index gives it a size with which it ends at the
 * next; otherwise the search goes on at the next that the index names and that is whole.
 */
async function* search(
  table: Table,
  signs: BlockSigns,
  end: number,
  gaps: Range[],
): AsyncGenerator<BlockHandle> {
  const finder = new BlockFinder(table.source, signs, end);
  const hints = Array.from({ length: table.index?.count ?? 0 }, (_, i) => handleAt(table, i))
    .filter((handle) => handleFits(handle, end))
    .sort((a, b) => a.offset - b.offset);
  const begins = new Set(hints.map(({ offset }) => offset)).add(end);
  let next = 0;
  for (let at = 0; at < end; ) {
    while (next < hints.length && hints[next].offset < at) next++;
    const hint = hints.at(next)?.offset === at ? hints[next] : undefined;
    const handle =
      hint !== undefined && (await finder.holds(hint))
        ? hint
        : ((await finder.find(at)) ?? (hint && begins.has(blockEnd(hint)) ? hint : undefined));
    if (handle !== undefined) {
      yield handle;
      at = blockEnd(handle);
      continue;
    }
    while (next < hints.length && (hints[next].offset === at || !(await finder.holds(hints[next])))) next++;
    const resume = next < hints.length ? hints[next].offset : end;
    gaps.push({ offset: at, length: resume - at });
    at = resume;
  }
}

function blockEnd({ offset, size }: BlockHandle): number {
  return offset + size + BLOCK_TRAILER;
}
