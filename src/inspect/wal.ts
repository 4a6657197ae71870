import type { ByteSource } from '../bytes/source.js';
import { decodeCompression, WAL_ZSTD } from '../format/log/metadata.js';
import { LogEvent, LogParser } from '../format/log/parser.js';
import { decodePhysicalHeader } from '../format/log/physical.js';
import { BLOCK_SIZE, LEGACY_HEADER, RecordKind } from '../format/log/types.js';
import { type Detail, fileSpace, more, type Node } from './node.js';
import { RangeReader } from './read-at.js';
import { between, damageNode, endOfLog } from './wal-damage.js';
import { fragmentsOf, type KnownOfLog, metadataNode, recordNode } from './wal-records.js';

/** Blocks that are looked at for the beginning of a record: no record put together has more. */
const LOOK_BACK = 2048;

/**
 * Where to begin reading a log for what stands at `offset`: at a block in which a logical record begins, since physical
 * records do not cross the ends of blocks. And whether the log is compressed, as its first record says.
 */
async function logBegin(ranges: RangeReader, offset: number): Promise<{ from: number; compressed: boolean }> {
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

interface WalInspection {
  source: ByteSource;
  /** From the file's name; recyclable records carry it. */
  number?: bigint;
  detail: Detail;
}

/**
 * A write-ahead log: its records front to back, gaps and damage between them. Each is made when it is asked for; nothing of
 * the rest of the file has been read then.
 */
export async function* walNodes({ source, number, detail }: WalInspection): AsyncGenerator<Node> {
  const { dialect = 'rocksdb' } = detail;
  const ranges = new RangeReader(source, dialect);
  const space = fileSpace(source.size);
  const begin =
    detail.near === undefined ? { from: 0, compressed: false } : await logBegin(ranges, detail.near);
  const parser = new LogParser(source, { dialect, number, ...begin });
  const state: KnownOfLog = {};
  let position = begin.from;
  let taken = 0;
  for (;;) {
    const event = await parser.next();
    if (event === LogEvent.end) {
      const log = { dialect, style: parser.style, compressed: parser.compressed, ...state };
      const logNumber = Number(BigInt.asUintN(32, number ?? 0n));
      yield* endOfLog(ranges, space, position, parser.tail!, { ...log, logNumber });
      return;
    }
    if (taken++ === detail.limit) {
      yield more(detail.limit);
      return;
    }
    if (event === LogEvent.damage) {
      const damage = parser.damage!;
      yield* between(ranges, space, position, damage.offset);
      yield await damageNode(ranges, space, damage);
      position = Math.max(position, damage.offset + damage.length);
      continue;
    }
    const { record } = parser;
    const fragments = await fragmentsOf(ranges, record, parser.style === 'recyclable');
    yield* between(ranges, space, position, record.offset);
    const about = { space, ranges, fragments, detail, state };
    if (event === LogEvent.record) yield await recordNode(record, about);
    else yield await metadataNode(parser.metadata!, record, about);
    position = record.endOffset;
  }
}
