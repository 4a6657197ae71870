import type { ByteSource } from '../bytes/source.js';
import type { WalFacts } from '../check/unit.js';
import type { Assembly } from '../format/log/assembly.js';
import { fileOffsetIn } from '../format/log/fragments.js';
import { LogParser } from '../format/log/parser.js';
import { readLog } from '../format/log/read.js';
import { BLOCK_SIZE } from '../format/log/types.js';

/** A logical record and where its bytes come from. */
export interface LogicalRecord {
  /** Decompressed where the log is compressed. */
  bytes: Uint8Array;
  /** File offset of a byte of it; of a compressed one, of the record. */
  fileOffset(at: number): number;
}

/** As far after its beginning as the end of a record is looked for. Bytes. */
const FURTHEST = 64 << 20;

/** The whole logical record that begins at file offset `offset`; undefined when it is absent. */
export async function logicalRecordAt(
  source: ByteSource,
  facts: WalFacts,
  offset: number,
): Promise<LogicalRecord | undefined> {
  const from = Math.floor(offset / BLOCK_SIZE) * BLOCK_SIZE;
  const { dialect, number, compressed } = facts;
  const parser = new LogParser(source, { dialect, number, compressed, from });
  let found: LogicalRecord | undefined;
  const take = (record: Assembly) => {
    if (record.offset < offset) return undefined;
    const isWhole = !record.oversized && record.decompressionError === undefined;
    if (record.offset === offset && isWhole) found = keep(record);
    return 'stop' as const;
  };
  await readLog(parser, {
    record: take,
    metadata: (_, record) => take(record),
    damage: () => (parser.record.offset > offset + FURTHEST ? 'stop' : undefined),
  });
  return found;
}

function keep(record: Assembly): LogicalRecord {
  const bytes = record.bytes.slice(record.start, record.end);
  const { compressed, offset } = record;
  const fragments = record.places();
  return { bytes, fileOffset: (at) => (compressed ? offset : fileOffsetIn(fragments, at)) };
}
