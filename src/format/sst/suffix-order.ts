/*
 * Orders of keys that are a prefix, in which keys ascend, and a suffix, in which they descend; keys without suffix come first.
 *
 *   cockroach_comparator       prefix ending in 00 | version | length of version and itself u8    (0: no version, the 00 of the prefix)
 *   pebble.internal.testkeys   prefix | '@' | decimal number                                      (pebble internal/testkeys)
 *
 * A version of CockroachDB is a u64 wall time, big-endian, a u32 logical time, and a byte that does not count; a logical time of
 * zero may be left out.
 */

const AT = 0x40;
const WALL_TIME = 8;
const WITH_LOGICAL_TIME = 12;

/** Where the suffix of the key `bytes[start, end)` begins; `end` where it has none. */
export type SuffixStart = (bytes: Uint8Array, start: number, end: number) => number;

export const testkeysSuffix: SuffixStart = (bytes, start, end) => {
  for (let i = end - 1; i >= start; i--) if (bytes[i] === AT) return i;
  return end;
};

export const cockroachSuffix: SuffixStart = (bytes, start, end) => {
  const length = end > start ? bytes[end - 1] : 0;
  return length > end - start ? end : end - length;
};

export function compareTestkeys(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  const aSuffix = testkeysSuffix(a, aStart, aEnd);
  const bSuffix = testkeysSuffix(b, bStart, bEnd);
  const order =
    compareRanges(a, aStart, aSuffix, b, bStart, bSuffix) || absentFirst(aSuffix, aEnd, bSuffix, bEnd);
  if (order !== 0) return order;
  // without leading zeros the longer number is the larger one
  const byLength = bEnd - bSuffix - (aEnd - aSuffix);
  return byLength !== 0 ? byLength : compareRanges(b, bSuffix, bEnd, a, aSuffix, aEnd);
}

export function compareCockroach(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  const aSuffix = cockroachSuffix(a, aStart, aEnd);
  const bSuffix = cockroachSuffix(b, bStart, bEnd);
  return (
    compareRanges(a, aStart, aSuffix, b, bStart, bSuffix) ||
    absentFirst(aSuffix, aEnd, bSuffix, bEnd) ||
    compareRanges(b, bSuffix, versionEnd(b, bSuffix, bEnd), a, aSuffix, versionEnd(a, aSuffix, aEnd))
  );
}

/** Where the part of a version ends that counts. */
function versionEnd(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) return end;
  let length = end - 1 - start;
  if (length === WITH_LOGICAL_TIME + 1) length = WITH_LOGICAL_TIME;
  if (length !== WITH_LOGICAL_TIME) return start + length;
  for (let i = WALL_TIME; i < WITH_LOGICAL_TIME; i++) if (bytes[start + i] !== 0) return start + length;
  return start + WALL_TIME;
}

/** Negative or positive where only one of two suffixes is there. */
function absentFirst(aSuffix: number, aEnd: number, bSuffix: number, bEnd: number): number {
  return Number(aSuffix !== aEnd) - Number(bSuffix !== bEnd);
}

function compareRanges(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  const shorter = Math.min(aEnd - aStart, bEnd - bStart);
  for (let i = 0; i < shorter; i++) {
    const difference = a[aStart + i] - b[bStart + i];
    if (difference !== 0) return difference;
  }
  return aEnd - aStart - (bEnd - bStart);
}
