import type { ByteSource } from '../bytes/source.js';
import type { Cause, Range } from '../finding/finding.js';
import { offsetText } from '../finding/quantity.js';

/*
 * What damaged bytes look like when no flipped bit explains them. File systems write pages of 4096 bytes, disks sectors of
 * 512: a run of zeros or of something else that begins and ends on such a boundary was lost or misdirected on its way;
 * one that does not was written by a program.
 */

/** What is left to say of bytes of which nothing tells more, and of which no single bit makes them right. */
export const NO_PATTERN: Cause = {
  kind: 'garbage',
  certainty: 'possible',
  detail: 'more than one bit is wrong, in no pattern that tells why',
};

/** As much of a damaged range is looked at. Bytes. */
const MOST_READ = 1 << 20;
/** Shorter runs of one byte are nothing special. */
const NOTABLE_RUN = 64;
/** So many zeros at the end of a range may be part of a longer run outside. */
const SHORTEST_EDGE = 4;
const SECTOR = 512;
const PAGE = 4096;
/** Bytes of data that chance makes part of a run at its ends. */
const STRAY = 24;
/** Part of printable characters from which a sector is text. */
const TEXT = 0.97;

/** Zeros or another fill in whole sectors of a damaged range: the surest of patterns. Undefined when there are none. */
export async function sectorsOf(source: ByteSource, range: Range): Promise<Cause | undefined> {
  const pattern = await patternOf(source, range);
  return pattern?.basis === undefined ? undefined : pattern;
}

/** What the damaged bytes themselves say: zeros, a fill, text over data. Undefined when they only look wrong. */
export async function patternOf(source: ByteSource, range: Range): Promise<Cause | undefined> {
  const length = Math.min(range.length, MOST_READ);
  const bytes = new Uint8Array(length);
  const got = await source.read(bytes, range.offset);
  const inside = bytes.subarray(0, got);
  return (await runCause(source, range, inside)) ?? textCause(range, inside);
}

interface Run extends Range {
  value: number;
}

async function runCause(source: ByteSource, range: Range, bytes: Uint8Array): Promise<Cause | undefined> {
  const inner = longestRun(bytes, range.offset);
  if (inner === undefined) return undefined;
  const run = await extended(source, inner);
  if (run.length < NOTABLE_RUN) return undefined;
  const aligned = alignedPart(run, source.size);
  const what = run.value === 0 ? 'zeros' : `bytes ${hex(run.value)}`;
  const kind = run.value === 0 ? 'zeroed' : 'garbage';
  if (aligned !== undefined) {
    const unit = (aligned.offset | aligned.length) % PAGE === 0 ? PAGE : SECTOR;
    const toEnd = aligned.offset + aligned.length >= source.size;
    const how = toEnd
      ? 'to the end of the file: its size was recorded, its data never written'
      : `in whole units of ${unit} bytes: lost between the file system and the disk, or left out by a sparse copy`;
    const detail = `${aligned.length} ${what} at ${offsetText(aligned.offset)}, ${how}`;
    return { kind, certainty: 'likely', detail, basis: `the run begins and ends at multiples of ${unit}` };
  }
  const most = inner.length * 2 >= bytes.length || run.length >= PAGE;
  const detail = `${run.length} ${what} at ${offsetText(run.offset)}, not aligned to sectors: more likely written by a program than lost by a disk`;
  return { kind, certainty: most ? 'likely' : 'possible', detail };
}

const hex = (byte: number) => `0x${byte.toString(16).padStart(2, '0')}`;

/** The longest run; one at an end of the range may be the end of a longer one outside. */
function longestRun(bytes: Uint8Array, base: number): Run | undefined {
  let best: Run | undefined;
  for (let at = 0; at < bytes.length; ) {
    let end = at + 1;
    while (end < bytes.length && bytes[end] === bytes[at]) end++;
    // a value may well be a thousand times one letter
    const filler = bytes[at] === 0 || bytes[at] === 0xff || end - at >= SECTOR;
    if (filler && end - at > (best?.length ?? 0))
      best = { offset: base + at, length: end - at, value: bytes[at] };
    at = end;
  }
  return best === undefined || best.length >= NOTABLE_RUN ? best : edgeRun(bytes, base);
}

/** A few zeros where the range begins or ends. */
function edgeRun(bytes: Uint8Array, base: number): Run | undefined {
  let first = 0;
  while (first < bytes.length && bytes[first] === 0) first++;
  if (first >= SHORTEST_EDGE) return { offset: base, length: first, value: 0 };
  let last = 0;
  while (last < bytes.length && bytes[bytes.length - 1 - last] === 0) last++;
  return last < SHORTEST_EDGE ? undefined : { offset: base + bytes.length - last, length: last, value: 0 };
}

/** The whole of a run that may reach out of the damaged range, as far as `MOST_READ`. */
async function extended(source: ByteSource, run: Run): Promise<Run> {
  const from = Math.max(0, run.offset - MOST_READ);
  const before = new Uint8Array(run.offset - from);
  let start = await source.read(before, from);
  while (start > 0 && before[start - 1] === run.value) start--;
  const end = run.offset + run.length;
  const behind = new Uint8Array(Math.min(MOST_READ, Math.max(0, source.size - end)));
  const got = await source.read(behind, end);
  let more = 0;
  while (more < got && behind[more] === run.value) more++;
  return { value: run.value, offset: from + start, length: end + more - from - start };
}

/** The part of a run between sector boundaries, when what sticks out at the ends is so little that chance put it there. */
function alignedPart(run: Run, size: number): Range | undefined {
  const end = run.offset + run.length;
  const first = Math.ceil(run.offset / SECTOR) * SECTOR;
  const last = end === size ? end : Math.floor(end / SECTOR) * SECTOR;
  if (first - run.offset > STRAY || end - last > STRAY || last - first < SECTOR) return undefined;
  return { offset: first, length: last - first };
}

/** Text where data was: sectors of printable characters among others that are not, or nothing but text. */
function textCause(range: Range, bytes: Uint8Array): Cause | undefined {
  if (bytes.length < NOTABLE_RUN) return undefined;
  if (printableShare(bytes, 0, bytes.length) >= TEXT) {
    const detail = `the ${bytes.length} bytes are printable text, which no record or block is`;
    return { kind: 'garbage', certainty: 'likely', detail };
  }
  const shares: number[] = [];
  const base = Math.ceil(range.offset / SECTOR) * SECTOR - range.offset;
  for (let at = base; at + SECTOR <= bytes.length; at += SECTOR)
    shares.push(printableShare(bytes, at, at + SECTOR));
  const first = shares.indexOf(1);
  // where values are text, sectors of text are everywhere
  const texts = shares.filter((share) => share >= TEXT).length;
  if (first < 0 || texts * 2 > shares.length || !hasLines(bytes, base + first * SECTOR)) return undefined;
  const detail = `a sector of lines of text at ${offsetText(range.offset + base + first * SECTOR)} among binary data`;
  return { kind: 'garbage', certainty: 'possible', detail };
}

function printableShare(bytes: Uint8Array, from: number, to: number): number {
  let count = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at];
    if ((byte >= 0x20 && byte < 0x7f) || byte === 0x0a || byte === 0x09 || byte === 0x0d) count++;
  }
  return count / (to - from);
}

function hasLines(bytes: Uint8Array, at: number): boolean {
  return bytes.subarray(at, at + SECTOR).includes(0x0a);
}

/** Bytes that writers leave zero and that are not: one bit of them, or more. */
export async function paddingCause(source: ByteSource, range: Range): Promise<Cause | undefined> {
  const bytes = new Uint8Array(Math.min(range.length, MOST_READ));
  const got = await source.read(bytes, range.offset);
  const wrong = [...bytes.subarray(0, got).entries()].filter(([, byte]) => byte !== 0);
  if (wrong.length === 0) return undefined;
  const [[at, byte]] = wrong;
  if (wrong.length === 1 && (byte & (byte - 1)) === 0) {
    const change = { offset: range.offset + at, bit: 31 - Math.clz32(byte) };
    return {
      kind: 'bit-flip',
      certainty: 'likely',
      detail: `one flipped bit, ${offsetText(change.offset)} bit ${change.bit}, where writers leave zeros`,
      changes: [change],
    };
  }
  const detail = `${wrong.length} bytes are not zero where writers leave zeros: something else wrote into the file`;
  return { kind: 'garbage', certainty: 'likely', detail };
}
