import type { ByteSource } from '../bytes/source.js';
import type { EngineVersion } from '../engine/version.js';
import { BatchWalker, marker } from './batch-walker.js';
import { replayBehaviour } from './behaviour.js';
import { LogReader } from './log-reader.js';
import type { WalFile } from './replay.js';
import type { WritePolicy } from './transactions.js';

const OPERATIONS_MAY_FOLLOW = 1;
const SUB_BATCH_ENDED = 2;

/**
 * The write policy of a TransactionDB, which OPTIONS does not tell, from what its WALs hold. WriteCommitted writes batches
 * that end in an operation or prepared sections that begin with 0x09; the other two end each batch in a marker, and
 * only WriteUnprepared writes 0x13. WALs without a batch that could tell: WriteCommitted.
 */
export async function writePolicyOf(wals: readonly WalFile[], version: EngineVersion): Promise<WritePolicy> {
  let perBatch = false;
  for (const wal of wals) {
    let source: ByteSource;
    try {
      source = await wal.open();
    } catch {
      continue;
    }
    try {
      const reader = new LogReader(source, {
        mode: 'skip-any-corrupted',
        behaviour: replayBehaviour(version),
        number: wal.number,
        onReport: () => {},
      });
      for (;;) {
        const record = await reader.read();
        if (typeof record === 'string') break;
        const policy = record.bytes.length < 12 ? undefined : evidence(record.bytes);
        if (policy === 'write-committed' || policy === 'write-unprepared') return policy;
        perBatch ||= policy === 'write-prepared';
      }
    } finally {
      await source.close();
    }
  }
  return perBatch ? 'write-prepared' : 'write-committed';
}

/** What one batch tells. Damaged ones tell nothing. */
function evidence(bytes: Uint8Array): WritePolicy | undefined {
  const walker = new BatchWalker(bytes);
  let state = 0;
  let policy: WritePolicy | undefined;
  while (walker.next()) {
    const { tag } = walker;
    if (tag === marker.beginPrepare) policy ??= 'write-committed';
    else if (tag === marker.beginUnprepare) policy = 'write-unprepared';
    else if (tag === marker.beginPersistedPrepare) policy ??= 'write-prepared';
    else if (walker.counts) state = OPERATIONS_MAY_FOLLOW;
    else if (tag !== marker.logData && state !== 0) state = SUB_BATCH_ENDED;
  }
  if (walker.error() !== undefined || policy !== undefined || state === 0)
    return walker.error() ? undefined : policy;
  return state === SUB_BATCH_ENDED ? 'write-prepared' : 'write-committed';
}
