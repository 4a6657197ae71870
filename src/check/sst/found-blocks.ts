import { CHECKSUM } from '../../format/sst/checksum.js';
import { declaredCompression } from '../../format/sst/declared-compression.js';
import { BlockFinder, type BlockSigns, COMMON_TYPES, inferSigns } from '../../format/sst/find-blocks.js';
import { BLOCK_TRAILER } from '../../format/sst/handle.js';
import { BlockIndex } from '../../format/sst/index-block.js';
import type { Table } from '../../format/sst/table.js';
import type { TableReport } from './report.js';

/** Data blocks that were found without an index that can be believed. */
export interface ReachedBlocks {
  /** Handles in the order of the file; separators are empty. */
  index: BlockIndex;
  /** Where no block could be made out. */
  unreached: { offset: number; length: number }[];
  /** All data blocks are among them. */
  complete: boolean;
}

/**
 * Finds the data blocks of a table whose index is lost or damaged: they follow each other from the start of the file and show
 * by their checksums where they end. What the damaged index still says serves as a hint. Undefined without checksums, which
 * leaves nothing to go by. Rejects only when the medium fails.
 */
export async function reachBlocks(table: Table): Promise<ReachedBlocks | undefined> {
  const { space, source } = table;
  if (space === undefined || space.checksumType === CHECKSUM.none) return undefined;
  const end = endOfData(table, space.limit);
  const signs = { ...space, types: table.propertiesSound ? declaredCompression(table) : commonTypes() };
  const finder = new BlockFinder(source, signs, end);
  const hints = hintsOf(table, end);
  const index = new BlockIndex({ deltaEncoded: false, userKeys: false, firstKeys: false });
  const unreached: { offset: number; length: number }[] = [];
  const none = new Uint8Array(0);
  for (let at = 0; at < end; ) {
    const block = (await finder.find(at)) ?? agreed(hints, at, end);
    if (block !== undefined) {
      index.add(none, block.offset, block.size);
      at = block.offset + block.size + BLOCK_TRAILER;
      continue;
    }
    const next = await nextHint(finder, hints, at);
    unreached.push({ offset: at, length: (next ?? end) - at });
    at = next ?? end;
  }
  return { index, unreached, complete: unreached.length === 0 && table.propertiesSound };
}

/** Where the data blocks end: what the properties say, or the first block that is something else. */
function endOfData(table: Table, limit: number): number {
  const stated = table.propertiesSound ? table.properties?.number('data.size') : undefined;
  if (stated !== undefined && stated <= BigInt(limit)) return Number(stated);
  const others = [...table.blocks, ...table.meta].map(({ handle }) => handle.offset);
  return Math.min(limit, ...others.filter((offset) => offset >= 0));
}

function commonTypes(): Uint8Array {
  const types = new Uint8Array(256);
  for (const type of COMMON_TYPES) types[type] = 1;
  return types;
}

/** Offset to size of the blocks that the damaged index names. */
function hintsOf({ index }: Table, end: number): Map<number, number> {
  const hints = new Map<number, number>();
  for (let i = 0; index !== undefined && i < index.count; i++) {
    const [offset, size] = [index.offset(i), index.size(i)];
    if (offset >= 0 && size >= 0 && offset + size + BLOCK_TRAILER <= end) hints.set(offset, size);
  }
  return hints;
}

/** A block that is damaged itself, where the index gives it a size with which it ends at the next block. */
function agreed(hints: Map<number, number>, offset: number, end: number) {
  const size = hints.get(offset);
  if (size === undefined) return undefined;
  const next = offset + size + BLOCK_TRAILER;
  return next === end || hints.has(next) ? { offset, size } : undefined;
}

async function nextHint(
  finder: BlockFinder,
  hints: Map<number, number>,
  at: number,
): Promise<number | undefined> {
  const later = [...hints].filter(([offset]) => offset > at).sort(([a], [b]) => a - b);
  for (const [offset, size] of later) if (await finder.holds({ offset, size })) return offset;
  return undefined;
}

/**
 * Says of a table without footer how far its data blocks are whole, on the finding that tells of the loss. Rejects only when
 * the medium fails.
 */
export async function describeRemains(table: Table, report: TableReport): Promise<void> {
  const finding = report.findings.at(0);
  if (finding === undefined || table.size === 0) return;
  const signs: BlockSigns | undefined = await inferSigns(table.source);
  let blocks = 0;
  let end = 0;
  if (signs !== undefined) {
    const finder = new BlockFinder(table.source, signs, table.size);
    for (let block = await finder.find(0); block !== undefined; block = await finder.find(end)) {
      blocks++;
      end = block.offset + block.size + BLOCK_TRAILER;
    }
  }
  finding.evidence = { ...finding.evidence, wholeBlocks: blocks, wholeBlocksEnd: end };
  report.skip('without its index and footer nothing leads to the keys of the table', 0, table.size);
}
