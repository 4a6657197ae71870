import { redisWord } from '../redis/word.js';
import { decodeUserKey } from './key.js';

/*
 * Keys of column family `search` (kvrocks src/search/search_encoding.h), integers big-endian; texts after their length as u32:
 *
 *   u8 length | namespace | u8 type | index | [field | …]
 */
const types: Readonly<Record<number, string>> = {
  0: 'definition of index',
  1: 'prefixes of index',
  2: 'field of index',
  3: 'data of index',
  4: 'alias',
};

/** `undefined` for what is no key of an index. */
export function searchKeyText(bytes: Uint8Array): string | undefined {
  const rest = decodeUserKey(bytes, false)?.key;
  if (rest === undefined || rest.length === 0) return undefined;
  const title = types[rest[0]];
  const index = sized(rest, 1);
  if (title === undefined || index === undefined) return undefined;
  const field = sized(rest, 5 + index.length);
  const of = field === undefined ? '' : `, field ${redisWord(field, 100)}`;
  return `${title} ${redisWord(index, 100)}${of}`;
}

function sized(bytes: Uint8Array, at: number): Uint8Array | undefined {
  if (bytes.length < at + 4) return undefined;
  const length = new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0);
  return length > bytes.length - at - 4 ? undefined : bytes.subarray(at + 4, at + 4 + length);
}
