import { u32At } from '../../bytes/u32.js';
import { codecOf, decompressBlock } from '../../codec/block.js';
import { snappyLength } from '../../codec/snappy.js';
import { BlockReader, decodeBlockTail, restartOffset } from '../../format/sst/block.js';
import { type Comparator, compareInternalKeys } from '../../format/sst/comparator.js';
import { type BlockHandle, NumberReader } from '../../format/sst/handle.js';
import { KEY_TRAILER, sequenceOf } from '../../format/sst/internal-key.js';
import { BLOCK_LIMIT, type BlockSpace, loadBlock } from '../../format/sst/load.js';

/** What entries of a table may be. */
export interface EntryRules {
  comparator: Comparator;
  largestSequence: bigint;
  /** Types that entries may have. */
  pointTypes: Uint8Array;
  /** As of the table: see `OpenedTable`. */
  prefixed: boolean;
  /** Of a block whose checksum does not hold nothing is kept. */
  provenOnly: boolean;
}

/** Between which keys a block stands, internal keys: from `from`, above `after`, and at most `upTo`. */
export interface BlockBounds {
  from: Uint8Array;
  after?: Uint8Array;
  upTo: Uint8Array;
}

export interface MendedEntry {
  key: Uint8Array;
  value: Uint8Array;
}

/** What is left of a data block that cannot be copied as it stands. */
export interface MendedBlock {
  /** In order. */
  entries: MendedEntry[];
  /** Nothing of it is missing. */
  whole: boolean;
  /** Its checksum holds: what was written is what is read. */
  proven: boolean;
}

/**
 * Reads a damaged data block of LevelDB, or of Pebble without marks in its entries, entry by entry. Under a checksum that holds, whatever makes sense is kept, read with the
 * codec that fits where the one that is named does not. Under one that does not, only a block that is not compressed can be
 * read, and only where the damage shows its place, as zeroed sectors or as entries that break off: what stands clear of it is
 * kept. Undefined where nothing is.
 */
export async function mendBlock(
  space: BlockSpace,
  handle: BlockHandle,
  bounds: BlockBounds,
  rules: EntryRules,
): Promise<MendedBlock | undefined> {
  const { stored, contents } = await loadBlock(space, handle, 'data');
  if (stored === undefined) return undefined;
  const payload = stored.bytes.subarray(0, handle.size);
  const reading = { bounds, rules };
  if (!stored.intact) {
    if (rules.provenOnly || stored.compression !== 0) return undefined;
    const zeroed = zeroedSectors(payload, handle.offset);
    const found = entriesOf(payload, reading, zeroed);
    if (found.breaks === 0 && zeroed.length === 0) return undefined;
    return found.entries.length === 0 ? undefined : { entries: found.entries, whole: false, proven: false };
  }
  const own = contents && entriesOf(contents, reading, []);
  if (own?.whole) return { ...own, proven: true };
  for (const other of otherContents(payload, stored.compression, space)) {
    const found = entriesOf(other, reading, []);
    if (found.whole) return { ...found, proven: true };
  }
  return own === undefined || own.entries.length === 0 ? undefined : { ...own, proven: true };
}

/** What a payload comes to under other types than its own, and with a length of its own in front of Snappy's elements. */
function* otherContents(payload: Uint8Array, stated: number, space: BlockSpace): Generator<Uint8Array> {
  const { compression } = space;
  for (let type = 0; type < KNOWN_TYPES; type++) {
    const codec = codecOf(type, compression.dialect);
    if (codec === undefined || (type === stated && codec !== 'snappy')) continue;
    const input = codec === 'snappy' ? snappyLength(payload, BLOCK_LIMIT) : payload;
    const { bytes } =
      input === undefined ? {} : decompressBlock(type, input, { limit: BLOCK_LIMIT, ...compression });
    if (bytes !== undefined) yield bytes;
  }
}

/** Compression types of LevelDB and its forks lie below. */
const KNOWN_TYPES = 5;

interface Found {
  entries: MendedEntry[];
  whole: boolean;
  /** Places where entries break off. */
  breaks: number;
}

type Range = readonly [from: number, to: number];

/** Walks the stretches from restart point to restart point: one that breaks off does not hide the next. */
function entriesOf(
  contents: Uint8Array,
  { bounds, rules }: { bounds: BlockBounds; rules: EntryRules },
  zeroed: readonly Range[],
): Found {
  const stretches = stretchesOf(contents);
  const found: Found = { entries: [], whole: stretches !== undefined, breaks: 0 };
  const checksumHolds = zeroed.length === 0;
  for (const [from, to] of stretches ?? [[0, contents.length - 4] as const]) {
    const { entries, end } = readStretch(contents, from, to);
    const broken = end < to;
    for (const { key, value, range } of entries) {
      if (zeroed.some((each) => overlap(each, range)) || !isPossible(key, bounds, rules)) found.whole = false;
      else found.entries.push({ key, value });
    }
    if (!broken) continue;
    // the last stretch of a block whose restart points are not known ends at them
    if (stretches === undefined && isRestarts(contents, end)) {
      found.whole = entries.length === found.entries.length;
      continue;
    }
    found.breaks++;
    found.whole = false;
    if (!endsWell(contents, entries.at(-1)?.key, end, to, { bounds, rules }) || !checksumHolds)
      found.entries.length = Math.max(0, found.entries.length - (checksumHolds ? 1 : 2));
  }
  const ordered = inOrder(found.entries, rules.comparator);
  return { ...found, entries: ordered, whole: found.whole && ordered.length === found.entries.length };
}

const overlap = ([a, b]: Range, [c, d]: Range) => a < d && c < b;

/** From restart point to restart point; undefined where these are not what they should be. */
function stretchesOf(contents: Uint8Array): Range[] | undefined {
  const tail = decodeBlockTail(contents);
  if (typeof tail === 'string' || tail.separated || tail.buckets !== undefined) return undefined;
  const { restartCount, entriesEnd } = tail;
  const starts: number[] = [];
  for (let i = 0; i < restartCount; i++) starts.push(restartOffset(contents, tail, i));
  const ascend = starts.every((at, i) => (i === 0 ? at === 0 : at > starts[i - 1]) && at <= entriesEnd);
  if (!ascend) return restartCount * 4 + 4 < contents.length ? [[0, entriesEnd]] : undefined;
  return starts.map((at, i) => [at, starts[i + 1] ?? entriesEnd]);
}

/** Whether nothing but restart points stands from there to the last word of the block. */
function isRestarts(contents: Uint8Array, from: number): boolean {
  const count = (contents.length - 4 - from) / 4;
  if (!Number.isInteger(count) || count < 1) return false;
  for (let i = 0, before = -1; i < count; i++) {
    const at = u32At(contents, from + 4 * i);
    if (at <= before || at >= from) return false;
    before = at;
  }
  return true;
}

interface PlacedEntry extends MendedEntry {
  range: Range;
}

/** The entries of one stretch, and where they end: before `to` where one cannot be read. */
function readStretch(
  contents: Uint8Array,
  from: number,
  to: number,
): { entries: PlacedEntry[]; end: number } {
  const block = new Uint8Array(to - from + ONE_RESTART.length);
  block.set(contents.subarray(from, to));
  block.set(ONE_RESTART, to - from);
  const reader = new BlockReader(block);
  const entries: PlacedEntry[] = [];
  let end = from;
  for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
    const { key, offset, length, valueOffset, valueLength } = entry;
    if (key.length < KEY_TRAILER) break;
    const value = block.subarray(valueOffset, valueOffset + valueLength);
    entries.push({ key: key.slice(), value, range: [from + offset, from + offset + length] });
    end = from + offset + length;
  }
  return { entries, end };
}

/** The tail of a block with one restart point, at 0. */
const ONE_RESTART = Uint8Array.of(0, 0, 0, 0, 1, 0, 0, 0);

/**
 * Whether the entry before a break ends where it says. It does where what follows has a key that makes sense there, or lengths
 * that lead exactly to the end of the stretch.
 */
function endsWell(
  contents: Uint8Array,
  before: Uint8Array | undefined,
  end: number,
  to: number,
  { bounds, rules }: { bounds: BlockBounds; rules: EntryRules },
): boolean {
  if (before === undefined) return true;
  const reader = new NumberReader(contents, end, to);
  const [shared, nonShared] = [reader.varint(5), reader.varint(5)];
  const keyAt = reader.position + 1;
  // the length of the value may be what is wrong, its bytes too
  for (let from = keyAt; !reader.failed && shared <= before.length && from < keyAt + 5; from++) {
    const key = Buffer.concat([before.subarray(0, shared), contents.subarray(from, from + nonShared)]);
    if (key.length < KEY_TRAILER || from + nonShared > to) break;
    if (isPossible(key, { ...bounds, after: before }, rules)) return true;
  }
  let at = end;
  while (at < to) {
    const next = new NumberReader(contents, at, to);
    next.varint(5);
    const [rest, value] = [next.varint(5), next.varint(5)];
    if (next.failed) return false;
    at = next.position + rest + value;
  }
  return at === to;
}

function isPossible(
  key: Uint8Array,
  { from, after, upTo }: BlockBounds,
  { comparator, largestSequence, pointTypes }: EntryRules,
): boolean {
  if (pointTypes[key[key.length - KEY_TRAILER]] === 0 || sequenceOf(key) > largestSequence) return false;
  const order = (a: Uint8Array, b: Uint8Array) => compareInternalKeys(comparator, a, b) ?? -1;
  return order(from, key) <= 0 && (after === undefined || order(after, key) < 0) && order(key, upTo) <= 0;
}

/** Without the entries that stand out of order: of two neighbours the one that fits its other neighbour stays. */
function inOrder(entries: readonly MendedEntry[], comparator: Comparator): MendedEntry[] {
  const follows = (a: MendedEntry | undefined, b: MendedEntry | undefined) =>
    a === undefined || b === undefined || (compareInternalKeys(comparator, a.key, b.key) ?? -1) < 0;
  const kept: MendedEntry[] = [];
  for (const [i, entry] of entries.entries()) {
    if (follows(kept.at(-1), entry)) {
      kept.push(entry);
      continue;
    }
    const last = kept.at(-1);
    if (!follows(last, entries[i + 1]) && follows(kept.at(-2), entry)) kept[kept.length - 1] = entry;
  }
  return kept;
}

const SECTOR = 512;

/** Runs of zeros that fill a sector of the file, or all that the block has of it and half of one at least. */
function zeroedSectors(payload: Uint8Array, offset: number): Range[] {
  const runs: Range[] = [];
  for (let at = 0; at < payload.length; at++) {
    if (payload[at] !== 0) continue;
    let end = at;
    while (end < payload.length && payload[end] === 0) end++;
    const first = Math.ceil((offset + at) / SECTOR) * SECTOR;
    const fills = first + SECTOR <= offset + end;
    const reachesEdge = (at === 0 || end === payload.length) && end - at >= SECTOR / 2;
    if (fills || reachesEdge) runs.push([at, end]);
    at = end;
  }
  return runs;
}
