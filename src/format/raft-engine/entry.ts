/** An entry as TiKV has the engine store it: eraftpb.Entry { 1 type, 2 term, 3 index, 4 data, 6 context }. Only what the engine asks. */
import { Cursor } from '../../bytes/cursor.js';

const INDEX = 3n;

/** The index in an entry's bytes, 0 where it states none; `undefined` where they are no message. */
export function entryIndex(bytes: Uint8Array): bigint | undefined {
  const cursor = new Cursor(bytes);
  let index = 0n;
  while (cursor.remaining > 0) {
    const tag = cursor.varint64();
    if (tag === undefined || tag >> 3n === 0n) return undefined;
    const value = skip(cursor, Number(tag & 7n));
    if (value === undefined) return undefined;
    if (tag >> 3n === INDEX) index = value;
  }
  return index;
}

/** Passes a field by; gives its value where it is a number. */
function skip(cursor: Cursor, wireType: number): bigint | undefined {
  switch (wireType) {
    case 0:
      return cursor.varint64();
    case 1:
      return cursor.u64();
    case 2: {
      const length = cursor.varint64();
      if (length === undefined || length > BigInt(cursor.remaining)) return undefined;
      cursor.take(Number(length));
      return 0n;
    }
    case 5:
      return cursor.take(4) && 0n;
    default:
      return undefined;
  }
}
