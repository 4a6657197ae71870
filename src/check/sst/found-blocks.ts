import type { Range } from '../../finding/finding.js';
import { CHECKSUM } from '../../format/sst/checksum.js';
import { BLOCK_TRAILER } from '../../format/sst/handle.js';
import { BlockIndex } from '../../format/sst/index-block.js';
import type { Table } from '../../format/sst/table.js';
import { foundBlocks } from '../../format/sst/table-blocks.js';
import type { TableReport } from './report.js';

/** Data blocks that were found without an index that can be believed. */
interface FoundIndex {
  /** Handles in the order of the file; separators are empty. */
  index: BlockIndex;
  /** Where no block could be made out. */
  gaps: Range[];
  /** All data blocks are among them. */
  complete: boolean;
}

/**
 * An index of the data blocks of a table whose own is lost or damaged. Undefined without checksums, which leaves nothing to go by.
 * Rejects only when the medium fails.
 */
export async function indexByBlocks(table: Table): Promise<FoundIndex | undefined> {
  if (table.space === undefined || table.space.checksumType === CHECKSUM.none) return undefined;
  const blocks = await foundBlocks(table);
  if (blocks === undefined) return undefined;
  const index = new BlockIndex({ deltaEncoded: false, userKeys: false, firstKeys: false });
  const none = new Uint8Array(0);
  for await (const { offset, size } of blocks.handles) index.add(none, offset, size);
  const { gaps } = blocks;
  return { index, gaps, complete: gaps.length === 0 && table.propertiesSound };
}

/**
 * Says of a table without footer how far its data blocks are whole, on the finding that tells of the loss. Rejects only when
 * the medium fails.
 */
export async function describeRemains(table: Table, report: TableReport): Promise<void> {
  const finding = report.findings.at(0);
  if (finding === undefined || table.size === 0) return;
  const found = await foundBlocks(table);
  let blocks = 0;
  let end = 0;
  for await (const { offset, size } of found?.handles ?? []) {
    blocks++;
    end = offset + size + BLOCK_TRAILER;
  }
  finding.evidence = { ...finding.evidence, wholeBlocks: blocks, wholeBlocksEnd: end };
  report.skip('without its index and footer nothing leads to the keys of the table', 0, table.size);
}
