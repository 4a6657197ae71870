import { marker } from './batch-walker.js';
import type { EngineError } from './status.js';
import type { WritePolicy } from './transactions.js';

/** What stands between a marker and a database opened with another policy, in the engine's words. */
const texts = {
  plain: 'WAL contains prepared transactions. Open with TransactionDB::Open().',
  committedUnderPrepared:
    'WriteCommitted txn tag when write_after_commit_ is disabled (in WritePrepared/WriteUnprepared mode).',
  committedUnderUnprepared:
    'WriteCommitted txn tag when write_before_prepare_ is enabled (in WriteUnprepared mode).',
  preparedUnderCommitted:
    'WritePrepared/WriteUnprepared txn tag when write_after_commit_ is enabled (in default WriteCommitted mode).',
  unpreparedUnderPrepared:
    'WriteUnprepared txn tag when write_before_prepare_ is disabled (in WriteCommitted/WritePrepared mode).',
};

/**
 * Why a prepared section that begins with that marker cannot be replayed under a policy. Where several reasons hold, the
 * engine gives the last one that it comes to (rocksdb db/write_batch.cc, WriteBatchInternal::Iterate).
 */
export function prepareError(tag: number, policy: WritePolicy): EngineError | undefined {
  const perBatch = policy === 'write-prepared' || policy === 'write-unprepared';
  let text: string | undefined;
  if (tag === marker.beginPrepare) {
    if (policy === 'none') text = texts.plain;
    if (perBatch) text = texts.committedUnderPrepared;
    if (policy === 'write-unprepared') text = texts.committedUnderUnprepared;
  } else if (tag === marker.beginPersistedPrepare) {
    if (!perBatch) text = texts.preparedUnderCommitted;
  } else if (policy !== 'write-unprepared') {
    text = texts.unpreparedUnderPrepared;
  }
  if (text === undefined) return undefined;
  const advice = ' If it is not due to corruption, the WAL must be emptied before changing the WritePolicy.';
  return {
    code: 'not-supported',
    kind: 'transactions',
    message: text === texts.plain ? text : text + advice,
  };
}
