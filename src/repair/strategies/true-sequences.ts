import type { ByteSource } from '../../bytes/source.js';
import { decodeBatch } from '../../format/batch/decode.js';
import { BATCH_HEADER } from '../../format/batch/tags.js';
import { LogParser } from '../../format/log/parser.js';
import { readLog } from '../../format/log/read.js';

interface Numbered {
  offset: number;
  sequence: bigint;
  operations: bigint;
}

/**
 * Batches of a LevelDB WAL whose sequence is wrong under a checksum that holds, by the offset of their records: LevelDB gives out
 * sequences without a gap, so one that does not follow the batch before it, and leaves exactly its own operations between that one
 * and the next, has one place to be. `expected`: the sequence that the WAL before leads to.
 */
export async function truedSequences(
  source: ByteSource,
  { number, expected }: { number: bigint; expected: bigint | undefined },
): Promise<Map<number, bigint>> {
  const parser = new LogParser(source, { number, dialect: 'leveldb' });
  const trued = new Map<number, bigint>();
  let next = expected;
  let last: Numbered | undefined;
  const take = (batch: Numbered) => {
    if (last !== undefined) {
      const fits = next !== undefined && last.sequence !== next;
      if (fits && batch.sequence === next! + last.operations) {
        trued.set(last.offset, next!);
        next = batch.sequence;
      } else next = last.sequence + last.operations;
    }
    last = batch;
  };
  await readLog(parser, {
    record: () => {
      const { record } = parser;
      const bytes = record.bytes.subarray(record.start, record.end);
      if (record.oversized || bytes.length < BATCH_HEADER) return;
      const { sequence, counted } = decodeBatch(bytes, { dialect: 'leveldb' });
      take({ offset: record.offset, sequence, operations: BigInt(counted) });
    },
    // what stands in damage is not known, nor what comes next
    damage: async () => {
      last = undefined;
      next = undefined;
    },
  });
  return trued;
}
