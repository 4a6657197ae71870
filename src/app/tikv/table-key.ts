/**
 * Keys that TiDB writes (tidb pkg/tablecodec; user keys, before TiKV encodes them):
 *
 *   74 't'  table i64  5f 72 "_r"  handle i64, or values       a row
 *   74 't'  table i64  5f 69 "_i"  index i64  values           an entry of an index
 *   6d 'm'  …                                                  TiDB's own: schemas, versions
 *
 * An i64 is big-endian with its sign bit flipped. A value is a byte that says its type, and what that asks for.
 */
import { decodeMemcomparable } from './memcomparable.js';
import { plainBytes } from './plain.js';

interface TableKey {
  table: bigint;
  /** Of an index entry. */
  index?: bigint;
  /** Of a row with an integer as its key. */
  handle?: bigint;
  /** Of an index entry, or of a row with another primary key: values, encoded. A view. */
  values?: Uint8Array;
}

const TABLE = 0x74;
const UNDERSCORE = 0x5f;
const ROW = 0x72;
const INDEX = 0x69;
/** Up to where the table's id ends, and with `_r` or `_i`. */
const TABLE_PREFIX = 9;
const KIND_PREFIX = 11;
const SIGN = 1n << 63n;

/** `undefined` for keys of another kind. Cut keys (a region's bounds) have what is there of them. */
export function decodeTableKey(key: Uint8Array): TableKey | undefined {
  if (key[0] !== TABLE || key.length < TABLE_PREFIX) return undefined;
  const table = i64At(key, 1);
  if (key.length < KIND_PREFIX || key[9] !== UNDERSCORE) return { table };
  if (key[10] === ROW) {
    if (key.length === KIND_PREFIX + 8) return { table, handle: i64At(key, KIND_PREFIX) };
    return key.length === KIND_PREFIX ? { table } : { table, values: key.subarray(KIND_PREFIX) };
  }
  if (key[10] !== INDEX || key.length < KIND_PREFIX + 8) return { table };
  return { table, index: i64At(key, KIND_PREFIX), values: key.subarray(KIND_PREFIX + 8) };
}

/** `table 45, row 7`; `table 45, index 1 (ada, 7)`; other keys as text or in hex. */
export function userKeyText(key: Uint8Array): string {
  const decoded = decodeTableKey(key);
  if (decoded === undefined) return key[0] === 0x6d ? `schema ${plainBytes(key)}` : plainBytes(key);
  const { table, index, handle, values } = decoded;
  if (handle !== undefined) return `table ${table}, row ${handle}`;
  if (index === undefined && values === undefined) return `table ${table}`;
  const place = index === undefined ? 'row' : `index ${index}`;
  const text = values === undefined || values.length === 0 ? '' : ` (${valuesText(values)})`;
  return `table ${table}, ${place}${text}`;
}

/** What the type bytes of tidb pkg/util/codec are followed by: those whose values a person can read. */
const NIL = 0;
const BYTES = 1;
const SIGNED = 3;
const UNSIGNED = 4;

function valuesText(bytes: Uint8Array): string {
  const parts: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const type = bytes[at];
    if (type === NIL) {
      parts.push('NULL');
      at++;
    } else if ((type === SIGNED || type === UNSIGNED) && bytes.length - at > 8) {
      parts.push(String(type === SIGNED ? i64At(bytes, at + 1) : u64At(bytes, at + 1)));
      at += 9;
    } else {
      const text = type === BYTES ? decodeMemcomparable(bytes, at + 1) : undefined;
      if (text === undefined) {
        parts.push(plainBytes(bytes.subarray(at)));
        break;
      }
      parts.push(plainBytes(text.bytes));
      at = text.end;
    }
  }
  return parts.join(', ');
}

function u64At(bytes: Uint8Array, at: number): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getBigUint64(at);
}

function i64At(bytes: Uint8Array, at: number): bigint {
  return BigInt.asIntN(64, u64At(bytes, at) ^ SIGN);
}
