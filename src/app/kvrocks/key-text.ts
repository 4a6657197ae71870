import { redisWord } from '../redis/word.js';
import type { KvrocksFamily } from './families.js';
import { DEFAULT_NAMESPACE, decodeSubkey, decodeUserKey, type Subkey, slotOf, type UserKey } from './key.js';
import type { KvrocksLayout } from './layout.js';
import { decodeScore } from './metadata.js';
import { propagateKeyText } from './propagate.js';
import { searchKeyText } from './search.js';
import { streamKeyText } from './stream.js';

/** Bytes of a key, field or member that are shown. */
const SHOWN = 100;

const word = (bytes: Uint8Array) => redisWord(bytes, SHOWN);

/** A key of a column family in words. `undefined` for what no Kvrocks writes there. */
export function kvrocksKeyText(
  { families, slots }: KvrocksLayout,
  columnFamily: number,
  key: Uint8Array,
): string | undefined {
  const family = families.get(columnFamily);
  switch (family) {
    case 'metadata': {
      const decoded = decodeUserKey(key, slots);
      return decoded && `key ${userKeyText(decoded)}`;
    }
    case 'default':
    case 'zset_score':
    case 'stream': {
      const decoded = decodeSubkey(key, slots);
      return decoded && `key ${userKeyText(decoded)}, ${subkeyText(family, decoded)}`;
    }
    case 'pubsub':
      return `channel ${word(key)}`;
    case 'propagate':
      return propagateKeyText(key);
    case 'search':
      return searchKeyText(key);
    case 'index':
      return indexKeyText(key);
    default:
      return undefined;
  }
}

/** `user:1`, with what is not as usual: another namespace, a slot that is not the key's. */
function userKeyText({ namespace, slot, key }: UserKey): string {
  const name = Buffer.from(namespace).toString('utf8');
  const place = name === DEFAULT_NAMESPACE ? '' : ` in namespace ${word(namespace)}`;
  const own = slot === undefined ? slot : slotOf(key);
  const wrong = slot === own ? '' : `, not of slot ${own}`;
  return `${word(key)}${place}${slot === undefined ? '' : ` (slot ${slot}${wrong})`}`;
}

/** The middle of the indexes: a list begins there and grows either way. */
const MIDDLE = 0x7fff_ffff_ffff_ffffn;
/** As far from the middle as an index is told from eight bytes of text. */
const LIST_REACH = 1n << 40n;

function subkeyText(family: KvrocksFamily, { subkey }: Subkey): string {
  if (family === 'stream') return streamKeyText(subkey);
  if (family === 'zset_score') {
    const score = decodeScore(subkey);
    return score === undefined
      ? `score ${word(subkey)}`
      : `score ${score}, member ${word(subkey.subarray(8))}`;
  }
  if (subkey.length !== 8) return `element ${word(subkey)}`;
  const index = new DataView(subkey.buffer, subkey.byteOffset, 8).getBigUint64(0) - MIDDLE;
  const isIndex = index < LIST_REACH && index > -LIST_REACH;
  return isIndex ? `list position ${index < 0n ? '' : '+'}${index}` : `element ${word(subkey)}`;
}

/** Labels of time series: namespace, a zero, label and value with their lengths, key. */
function indexKeyText(key: Uint8Array): string | undefined {
  const decoded = decodeUserKey(key, false);
  return decoded && `label index ${word(decoded.key)}`;
}

/** The user keys at both ends of a range, when they are not the same. */
export function kvrocksRangeText(
  layout: KvrocksLayout,
  columnFamily: number,
  smallest: Uint8Array,
  largest: Uint8Array,
): string[] {
  const [from, to] = [
    kvrocksKeyText(layout, columnFamily, smallest),
    kvrocksKeyText(layout, columnFamily, largest),
  ];
  if (from === undefined || to === undefined) return [];
  return from === to ? [from] : [`${from} to ${to}`];
}
