/*
 * The block of range keys of Pebble (pebble internal/rangekey): key = internal key of the start; the value of
 *
 *   set     end length-prefixed | n × (suffix length-prefixed | value length-prefixed)
 *   unset   end length-prefixed | n × suffix length-prefixed
 *   delete  end
 *
 * Fragments: their ranges are equal or do not touch each other.
 */
import { Cursor } from '../../bytes/cursor.js';
import type { Anomaly } from '../../finding/finding.js';
import { BlockReader } from './block.js';
import { type Comparator, compareUserKeys } from './comparator.js';
import { parseInternalKey, VALUE_TYPE, valueTypeName } from './internal-key.js';

export interface RangeKey {
  start: Uint8Array;
  end: Uint8Array;
  sequence: bigint;
  type: number;
}

/** Decodes a block of range keys. Anomalies are in its own space; entries that cannot be read are left out. */
export function decodeRangeKeys(
  bytes: Uint8Array,
  comparator: Comparator,
): { keys: RangeKey[]; anomalies: Anomaly[] } {
  const reader = new BlockReader(bytes);
  const keys: RangeKey[] = [];
  for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
    const { offset, length, valueOffset, valueLength } = entry;
    const complain = (message: string) =>
      reader.anomalies.push({ rule: 'sst/bad-range-key', offset, length, message });
    const parsed = parseInternalKey(entry.key);
    if (parsed === undefined) {
      complain('the key of a range key is shorter than its sequence and type');
      continue;
    }
    const { type, sequence } = parsed;
    const end = rangeKeyEnd(type, bytes.subarray(valueOffset, valueOffset + valueLength));
    if (end === undefined) {
      complain(`an entry of type ${valueTypeName(type, 'pebble')} among the range keys does not decode`);
      continue;
    }
    const start = parsed.userKey.slice();
    if ((compareUserKeys(comparator, start, end) ?? -1) >= 0)
      complain('a range key ends where it begins, or before');
    const before = keys.at(-1);
    const sameStart = before !== undefined && compareUserKeys(comparator, before.start, start) === 0;
    const isBehind = before === undefined || (compareUserKeys(comparator, before.end, start) ?? -1) <= 0;
    if (before !== undefined && (sameStart ? before.sequence < sequence : !isBehind))
      complain('a range key stands before the one that it should follow');
    keys.push({ start, end: end.slice(), sequence, type });
  }
  return { keys, anomalies: reader.anomalies };
}

/** The end of a range key, first key that it does not cover; `undefined` where the value does not decode. */
function rangeKeyEnd(type: number, value: Uint8Array): Uint8Array | undefined {
  if (type === VALUE_TYPE.rangeKeyDelete) return value;
  if (type !== VALUE_TYPE.rangeKeySet && type !== VALUE_TYPE.rangeKeyUnset) return undefined;
  const cursor = new Cursor(value);
  const end = cursor.lengthPrefixed();
  while (end !== undefined && cursor.remaining > 0) {
    if (cursor.lengthPrefixed() === undefined) return undefined;
    if (type === VALUE_TYPE.rangeKeySet && cursor.lengthPrefixed() === undefined) return undefined;
  }
  return end;
}
