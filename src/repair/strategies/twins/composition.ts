import type { ByteSource, SourceDescriptor } from '../../../bytes/source.js';
import type { Range } from '../../../finding/finding.js';
import { openSource } from '../../../io/source.js';
import type { Segment } from '../../plan.js';
import { cut } from '../join-plans.js';

/** Bytes compared at a time. */
const CHUNK = 1 << 20;
/** Equal bytes between two differences that make them one range: shorter than what lies between a value and a block's checksum. */
const NEAR = 4;
/** So many ranges and no more: files with more differences are one range from the first to the last. */
const MOST_RANGES = 10_000;

/** Ranges in which two sources differ, as far as both reach, in order. */
export async function differences(a: ByteSource, b: ByteSource): Promise<Range[]> {
  const ranges: Range[] = [];
  const end = Math.min(a.size, b.size);
  const [left, right] = [new Uint8Array(Math.min(CHUNK, end)), new Uint8Array(Math.min(CHUNK, end))];
  for (let at = 0; at < end; at += CHUNK) {
    const length = Math.min(CHUNK, end - at);
    const [one, other] = [left.subarray(0, length), right.subarray(0, length)];
    await a.read(one, at);
    await b.read(other, at);
    if (Buffer.compare(one, other) === 0) continue;
    for (let i = 0; i < length; i++) if (one[i] !== other[i]) extend(ranges, at + i);
  }
  return ranges;
}

function extend(ranges: Range[], offset: number): void {
  const last = ranges.at(-1);
  const near = last !== undefined && offset - (last.offset + last.length) <= NEAR;
  if (last !== undefined && (near || ranges.length >= MOST_RANGES)) last.length = offset + 1 - last.offset;
  else ranges.push({ offset, length: 1 });
}

/** Whether two sources hold the same bytes in a range that lies in both. */
export async function isEqual(a: ByteSource, b: ByteSource, { offset, length }: Range): Promise<boolean> {
  if (offset + length > a.size || offset + length > b.size) return false;
  const [left, right] = [new Uint8Array(Math.min(CHUNK, length)), new Uint8Array(Math.min(CHUNK, length))];
  for (let done = 0; done < length; done += CHUNK) {
    const size = Math.min(CHUNK, length - done);
    await a.read(left.subarray(0, size), offset + done);
    await b.read(right.subarray(0, size), offset + done);
    if (Buffer.compare(left.subarray(0, size), right.subarray(0, size)) !== 0) return false;
  }
  return true;
}

/** Opens two files, and closes them when `use` is done. */
export async function withBoth<T>(
  one: SourceDescriptor,
  other: SourceDescriptor,
  use: (a: ByteSource, b: ByteSource) => Promise<T>,
): Promise<T> {
  const a = await openSource(one);
  try {
    const b = await openSource(other);
    try {
      return await use(a, b);
    } finally {
      await b.close();
    }
  } finally {
    await a.close();
  }
}

/** Whether two files begin with the same bytes. */
export const beginTheSame = (a: SourceDescriptor, b: SourceDescriptor, length: number): Promise<boolean> =>
  withBoth(a, b, (one, other) => isEqual(one, other, { offset: 0, length }));

/** The content with a range of it replaced. */
export function withRange(
  content: readonly Segment[],
  size: number,
  { offset, length }: Range,
  becomes: readonly Segment[],
): Segment[] {
  const end = offset + length;
  return [...cut(content, 0, offset), ...becomes, ...cut(content, end, Math.max(0, size - end))];
}

export function overlaps(a: Range, b: Range): boolean {
  return a.offset < b.offset + Math.max(b.length, 1) && b.offset < a.offset + Math.max(a.length, 1);
}
