import type { Anomaly } from '../../finding/finding.js';
import { BLOCK_TRAILER, type BlockHandle } from '../../format/sst/handle.js';
import { anomaliesInFile } from '../../format/sst/load.js';
import type { Table } from '../../format/sst/table.js';

/**
 * Entries of the metaindex that lead into the data blocks or into the metaindex itself: where blocks have no checksums, a
 * flipped bit in a handle shows only so. Such entries are taken out of the table, with what was wrong with the block that
 * they seemed to name, and one anomaly each is returned, at the entry.
 */
export function takeOutMisplaced(table: Table): Anomaly[] {
  const { metaindexBlock: metaindex, index } = table;
  if (metaindex === undefined || !table.metaindexSound || index === undefined || !table.indexSound) return [];
  const last = index.count - 1;
  const dataEnd = last < 0 ? 0 : index.offset(last) + index.size(last) + BLOCK_TRAILER;
  const inData = ({ offset }: BlockHandle) => offset < dataEnd;
  const inMetaindex = ({ offset, size }: BlockHandle) =>
    offset < metaindex.handle.offset + metaindex.handle.size && offset + size > metaindex.handle.offset;
  const misplaced = table.meta.filter(({ handle }) => inData(handle) || inMetaindex(handle));
  for (const { handle } of misplaced) {
    table.anomalies = table.anomalies.filter(({ offset, evidence }) => {
      return evidence?.block === undefined || offset !== handle.offset;
    });
    table.blocks = table.blocks.filter((block) => block.handle.offset !== handle.offset);
  }
  table.meta = table.meta.filter((meta) => !misplaced.includes(meta));
  const anomalies = misplaced.map(({ name, handle, entry }): Anomaly => {
    const where = inData(handle) ? 'among the data blocks' : 'inside the metaindex';
    return { rule: 'sst/bad-handle', ...entry, message: `the metaindex places ${name} ${where}` };
  });
  return anomaliesInFile(metaindex, anomalies);
}
