import { decodeCompression, WAL_ZSTD } from '../format/log/metadata.js';
import { decodePhysicalHeader } from '../format/log/physical.js';
import { BLOCK_SIZE, LEGACY_HEADER, RecordKind } from '../format/log/types.js';
import type { RangeReader } from './read-at.js';

/** Blocks that are looked at for the beginning of a record: no record put together has more. */
const LOOK_BACK = 2048;

/**
 * Where to begin reading a log for what stands at `offset`: at a block in which a logical record begins, since physical
 * records do not cross the ends of blocks. And whether the log is compressed, as its first record says.
 */
export async function logBegin(
  ranges: RangeReader,
  offset: number,
): Promise<{ from: number; compressed: boolean }> {
  const compressed = await isCompressed(ranges);
  let block = Math.floor(Math.min(offset, Math.max(0, ranges.source.size - 1)) / BLOCK_SIZE);
  // the first record of the block may continue one from before
  let stop = offset;
  for (let steps = 0; block > 0 && steps < LOOK_BACK; steps++, block--) {
    if (await beginsRecord(ranges, block * BLOCK_SIZE, stop)) break;
    stop = block * BLOCK_SIZE;
  }
  return { from: block * BLOCK_SIZE, compressed };
}

/** Whether a record begins in the block at or before `stop`. */
async function beginsRecord(ranges: RangeReader, block: number, stop: number): Promise<boolean> {
  const bytes = await ranges.bytes(block, BLOCK_SIZE);
  for (let at = 0; at + LEGACY_HEADER <= bytes.length && block + at <= stop; ) {
    const header = decodePhysicalHeader(bytes, at, bytes.length, ranges.framing);
    if (header === undefined) return false;
    const kind = RecordKind[header.kind as keyof typeof RecordKind];
    if (kind !== RecordKind.middle && kind !== RecordKind.last) return true;
    at += header.headerSize + header.length;
  }
  return false;
}

async function isCompressed(ranges: RangeReader): Promise<boolean> {
  const bytes = await ranges.bytes(0, LEGACY_HEADER + 4);
  const header = decodePhysicalHeader(bytes, 0, bytes.length, ranges.framing);
  return (
    header?.kind === 'compression' && decodeCompression(bytes.subarray(header.headerSize)).value === WAL_ZSTD
  );
}
