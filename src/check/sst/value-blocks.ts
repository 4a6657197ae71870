import { loadBlock } from '../../format/sst/load.js';
import type { NamedBlock, Table } from '../../format/sst/table.js';
import type { ValueBlockLengths } from '../../format/sst/value-blocks.js';
import type { TableReport } from './report.js';

/** Verifies the blocks of Pebble's values that stand apart, and says how long each is. Rejects only when the medium fails. */
export async function checkValueBlocks(
  { space, valueBlocks }: Table,
  report: TableReport,
): Promise<{ blocks: NamedBlock[]; lengths?: ValueBlockLengths }> {
  if (space === undefined || valueBlocks === undefined) return { blocks: [] };
  const blocks: NamedBlock[] = [];
  const lengths = new Float64Array(valueBlocks.handles.length).fill(-1);
  for (const [i, handle] of valueBlocks.handles.entries()) {
    const block = await loadBlock(space, handle, 'value');
    report.addAll(block.anomalies);
    if (block.unsupported !== undefined) report.skip(block.unsupported, handle.offset, handle.size);
    if (block.contents !== undefined) lengths[i] = block.contents.length;
    blocks.push({ kind: 'value', handle });
  }
  return { blocks, lengths };
}
