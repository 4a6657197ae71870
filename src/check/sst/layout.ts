import { append } from '../../bytes/append.js';
import type { Anomaly } from '../../finding/finding.js';
import { BLOCK_TRAILER, handleFits } from '../../format/sst/handle.js';
import type { NamedBlock, Table } from '../../format/sst/table.js';

/** Padding after the last data block fills a page at most, or a super block. */
const LARGEST_GAP = 16 * 1024 * 1024;

/**
 * Holds the blocks after the data against each other: each begins where another ends, and what lies between is zero. To be
 * asked only where all metadata is intact. Rejects only when the medium fails.
 */
export async function checkLayout(
  table: Table,
  named: readonly NamedBlock[],
  dataEnd: number,
): Promise<Anomaly[]> {
  const anomalies: Anomaly[] = [];
  const limit = table.footer?.offset ?? table.size;
  // blocks outside the file: that has been said
  if (dataEnd > limit) return anomalies;
  const blocks = named
    .filter(({ handle }) => handleFits(handle, limit))
    .sort((a, b) => a.handle.offset - b.handle.offset);
  let end = dataEnd;
  let before = 'the last data block';
  for (const { kind, handle } of blocks) {
    const { offset } = handle;
    if (offset < end) {
      const message = `the ${kind} block at ${offset} begins inside ${before}`;
      anomalies.push({ rule: 'sst/bad-handle', offset, length: end - offset, message });
    } else if (offset > end) {
      append(anomalies, await checkGap(table, end, offset, before));
    }
    end = Math.max(end, offset + handle.size + BLOCK_TRAILER);
    before = `the ${kind} block`;
  }
  if (table.footer !== undefined && table.footer.offset > end) {
    append(anomalies, await checkGap(table, end, table.footer.offset, before));
  }
  return anomalies;
}

async function checkGap(table: Table, start: number, end: number, before: string): Promise<Anomaly[]> {
  const length = end - start;
  if (length <= LARGEST_GAP) {
    const bytes = new Uint8Array(length);
    const got = await table.source.read(bytes, start);
    if (got === length && bytes.every((byte) => byte === 0)) return [];
  }
  const message = `${length} bytes after ${before} belong to no block and are not zero`;
  return [{ rule: 'sst/gap', offset: start, length, message }];
}
