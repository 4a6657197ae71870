/*
 * The block of range tombstones: key = internal key (start, sequence, 0f), value = end key, exclusive. Fragments may overlap,
 * and files of SstFileWriter or from before fragmentation are not even sorted (rocksdb db/range_tombstone_fragmenter.cc).
 */
import { type EvidenceValue, keyBytes } from '../../finding/evidence.js';
import type { Anomaly } from '../../finding/finding.js';
import { BlockReader } from './block.js';
import { type Comparator, compareUserKeys } from './comparator.js';
import { parseInternalKey, VALUE_TYPE, valueTypeName } from './internal-key.js';

export interface RangeTombstone {
  /** User keys: the first one deleted, and the first one that is not. */
  start: Uint8Array;
  end: Uint8Array;
  sequence: bigint;
  /** Offset of the entry in the block. */
  offset: number;
}

/**
 * Decodes a block of range tombstones; `fragmented`: ranges are equal or do not touch each other, as in Pebble's own tables. Anomalies are in its own space; entries that cannot be read are left out. Ranges that hold
 * no key are kept, since bounds and counts of the table include them, and reported once: an application may write thousands.
 */
export function decodeRangeTombstones(
  bytes: Uint8Array,
  comparator: Comparator,
  fragmented = false,
): { tombstones: RangeTombstone[]; anomalies: Anomaly[] } {
  const reader = new BlockReader(bytes);
  const tombstones: RangeTombstone[] = [];
  let empty = 0;
  let firstEmpty: Anomaly | undefined;
  for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
    const { offset, length, valueOffset, valueLength } = entry;
    const complain = (message: string, evidence?: Record<string, EvidenceValue>) =>
      reader.anomalies.push({ rule: 'sst/bad-range-tombstone', offset, length, message, evidence });
    const parsed = parseInternalKey(entry.key);
    if (parsed === undefined) {
      complain('the key of a range tombstone is shorter than its sequence and type');
      continue;
    }
    if (parsed.type !== VALUE_TYPE.rangeDelete) {
      complain(`an entry of type ${valueTypeName(parsed.type)} stands among the range tombstones`);
      continue;
    }
    const start = parsed.userKey.slice();
    const end = bytes.slice(valueOffset, valueOffset + valueLength);
    const order = compareUserKeys(comparator, start, end);
    if (order !== undefined && order >= 0) {
      empty++;
      firstEmpty ??= {
        rule: 'sst/empty-range-tombstone',
        offset,
        length,
        message: `a range tombstone ends ${order > 0 ? 'before' : 'where'} it begins`,
        evidence: { start: keyBytes(start), end: keyBytes(end) },
      };
    }
    if (fragmented && !follows(tombstones.at(-1), start, end, comparator))
      complain('a range tombstone begins inside the one before it, where fragments do not');
    tombstones.push({ start, end, sequence: parsed.sequence, offset });
  }
  if (firstEmpty !== undefined)
    reader.anomalies.push({ ...firstEmpty, evidence: { ...firstEmpty.evidence, emptyTombstones: empty } });
  return { tombstones, anomalies: reader.anomalies };
}

/** Whether a fragment is the same range as the one before it, or lies after it. */
function follows(
  before: RangeTombstone | undefined,
  start: Uint8Array,
  end: Uint8Array,
  comparator: Comparator,
): boolean {
  if (before === undefined) return true;
  const sameStart = compareUserKeys(comparator, before.start, start) === 0;
  if (sameStart) return compareUserKeys(comparator, before.end, end) === 0;
  return (compareUserKeys(comparator, before.end, start) ?? -1) <= 0;
}
