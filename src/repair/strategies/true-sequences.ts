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
 * Batches of a WAL of LevelDB or Pebble whose sequence is wrong under a checksum that holds, by the offset of their records: these give
 * out sequences without a gap, so one that does not follow the batch before it, and leaves exactly its own operations between that
 * one and the next, has one place to be. Tables that Pebble ingests take sequences, too: there the wrong one must be none that may
 * stand between the two. `expected`: the sequence that the WAL before leads to.
 */
export async function truedSequences(
  source: ByteSource,
  {
    dialect,
    number,
    expected,
  }: { dialect: 'leveldb' | 'pebble'; number: bigint; expected: bigint | undefined },
): Promise<Map<number, bigint>> {
  const parser = new LogParser(source, { number, dialect });
  const trued = new Map<number, bigint>();
  const stated = new Map<bigint, number>();
  const replaced = new Map<number, bigint>();
  let next = expected;
  let last: Numbered | undefined;
  const take = (batch: Numbered) => {
    if (last !== undefined) {
      const fits = next !== undefined && last.sequence !== next;
      const isBeyond = last.sequence < (next ?? 0n) || last.sequence >= batch.sequence + batch.operations;
      if (fits && (isBeyond || dialect === 'leveldb') && batch.sequence === next! + last.operations) {
        trued.set(last.offset, next!);
        replaced.set(last.offset, last.sequence);
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
      const { sequence, counted } = decodeBatch(bytes, { dialect });
      // a batch that only notes something in Pebble's log takes none
      if (counted === 0) return;
      stated.set(sequence, (stated.get(sequence) ?? 0) + 1);
      take({ offset: record.offset, sequence, operations: BigInt(counted) });
    },
    // what stands in damage is not known, nor what comes next
    damage: async () => {
      last = undefined;
      next = undefined;
    },
  });
  // a batch that stands here twice was written over another one
  for (const [offset, sequence] of replaced) if (stated.get(sequence)! > 1) trued.delete(offset);
  return trued;
}
