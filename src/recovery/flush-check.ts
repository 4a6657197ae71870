import { verifyEntity } from '../format/batch/entity.js';
import { decodeBlobIndex } from '../format/blob/blob-index.js';
import { VALUE_TYPE } from '../format/sst/internal-key.js';
import type { UnflushableValue } from './outcome.js';

/** A value that a flush would not write, before it is known where its batch lies. */
export type RefusedValue = Omit<UnflushableValue, 'wal' | 'offset'>;

/**
 * Why a flush would fail on a blob index or an entity that replay has let through (rocksdb db/version_edit.cc,
 * FileMetaData::UpdateBoundaries); `undefined`: it would not.
 */
export function refusedByFlush(
  columnFamily: number,
  sequence: bigint,
  type: number,
  value: Uint8Array,
): RefusedValue | undefined {
  if (type === VALUE_TYPE.entity) {
    const flaw = verifyEntity(value);
    return flaw && { columnFamily, sequence, kind: 'entity', reason: flaw.message };
  }
  const index = decodeBlobIndex(value);
  if (index.kind === 'malformed') return { columnFamily, sequence, kind: 'blob-index', reason: index.error };
  if (index.kind !== 'blob' || index.expiration !== undefined || index.fileNumber !== 0n) return undefined;
  return { columnFamily, sequence, kind: 'blob-index', reason: 'Invalid blob file number' };
}
