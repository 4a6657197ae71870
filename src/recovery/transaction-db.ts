import type { HiddenSequences, ReplayOutcome } from './outcome.js';
import type { EngineError } from './status.js';

interface AfterOpen {
  error?: EngineError;
  lastSequence: bigint;
  /** Sequences of data that no reader sees: prepared or unprepared, not committed. */
  hidden: HiddenSequences[];
}

/**
 * What a TransactionDB does on top of the replay (rocksdb utilities/transactions, Initialize of the three policies).
 * WritePrepared and WriteUnprepared leave a gap of one sequence after the last; prepared data stays out of sight until
 * it is decided, and what a WriteUnprepared transaction wrote before it was prepared is rolled back, one sequence for
 * each of its batches. A reader sees the same through the data's absence, but for merge operands, which the rollback
 * leaves where they are.
 */
export function afterOpen(replayed: ReplayOutcome): AfterOpen {
  const { policy, transactions } = replayed;
  let { lastSequence } = replayed;
  if (policy === 'none') return { lastSequence, hidden: [] };
  for (const { name, unprepared } of transactions) {
    if (!unprepared && (name.length === 0 || name.length > 512)) {
      const message = 'Transaction name length must be between 1 and 512 chars.';
      return { error: { code: 'invalid-argument', kind: 'transactions', message }, lastSequence, hidden: [] };
    }
  }
  if (policy === 'write-committed') return { lastSequence, hidden: [] };
  if (lastSequence !== 0n) lastSequence++;
  const hidden: HiddenSequences[] = [];
  for (const { unprepared, batches } of transactions) {
    for (const { sequence, subBatches } of batches) {
      hidden.push({
        from: sequence,
        to: sequence + (subBatches > 0n ? subBatches : 1n),
        keepsMerges: unprepared,
      });
      if (unprepared) lastSequence++;
    }
  }
  return { lastSequence, hidden: hidden.sort((a, b) => (a.from < b.from ? -1 : 1)) };
}
