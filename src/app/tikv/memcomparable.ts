/**
 * Bytes in a form that sorts as they do and that something may follow (tikv components/codec/src/byte.rs):
 *
 *   group*   8 bytes, then a marker: ff where all eight count and another group follows,
 *            else ff less the zeros that fill the group up
 *
 *   "abc"       61 62 63 00 00 00 00 00 fa
 *   8 bytes     .. .. .. .. .. .. .. .. ff   00 00 00 00 00 00 00 00 f7
 */

const GROUP = 8;
const FULL = 0xff;

/** The bytes, and where what follows begins. `undefined` where they are not in this form. */
export function decodeMemcomparable(
  bytes: Uint8Array,
  from = 0,
): { bytes: Uint8Array; end: number } | undefined {
  const end = memcomparableEnd(bytes, from);
  if (end === undefined) return undefined;
  const groups = (end - from) / (GROUP + 1);
  const padding = FULL - bytes[end - 1];
  const out = new Uint8Array(groups * GROUP - padding);
  for (let group = 0; group < groups; group++) {
    const at = from + group * (GROUP + 1);
    const length = Math.min(GROUP, out.length - group * GROUP);
    out.set(bytes.subarray(at, at + length), group * GROUP);
  }
  return { bytes: out, end };
}

/** Where bytes in this form end, without copying them. */
export function memcomparableEnd(bytes: Uint8Array, from = 0, to = bytes.length): number | undefined {
  for (let at = from; at + GROUP < to; at += GROUP + 1) {
    const marker = bytes[at + GROUP];
    if (marker === FULL) continue;
    const padding = FULL - marker;
    if (padding > GROUP) return undefined;
    for (let i = GROUP - padding; i < GROUP; i++) if (bytes[at + i] !== 0) return undefined;
    return at + GROUP + 1;
  }
  return undefined;
}

/** What is there of bytes in this form that were cut somewhere, as separators in the index of a table are. */
export function partOfMemcomparable(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; at += GROUP + 1) {
    const group = bytes.subarray(at, at + GROUP);
    out.set(group, length);
    length += group.length;
    if (at + GROUP < bytes.length && bytes[at + GROUP] !== FULL) break;
  }
  return out.subarray(0, length);
}
