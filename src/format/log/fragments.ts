import type { Range } from '../../finding/finding.js';

/** A piece of a logical record: the place of its payload in the record and in the file. */
export interface Fragment {
  /** Of the payload in the reassembled record. */
  recordOffset: number;
  /** Of the payload in the file. */
  fileOffset: number;
  length: number;
}

/** The file offset of a byte of the record; the end of the last fragment for any after it. */
export function fileOffsetIn(fragments: readonly Fragment[], at: number): number {
  let low = 0;
  let high = fragments.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (at < fragments[middle].recordOffset + fragments[middle].length) high = middle;
    else low = middle + 1;
  }
  const found = fragments[low];
  if (found !== undefined) return found.fileOffset + at - found.recordOffset;
  const last = fragments.at(-1);
  return last === undefined ? 0 : last.fileOffset + last.length;
}

/** The range of a file that `length` bytes at `offset` of a record came from, headers between fragments included. */
export function fileRange(fragments: readonly Fragment[], offset: number, length: number): Range {
  const start = fileOffsetIn(fragments, offset);
  if (length === 0) return { offset: start, length: 0 };
  const end = fileOffsetIn(fragments, offset + length - 1) + 1;
  return { offset: start, length: Math.min(end, fileOffsetIn(fragments, Number.POSITIVE_INFINITY)) - start };
}
