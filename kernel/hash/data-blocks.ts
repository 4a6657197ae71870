import { lz4 } from '../codec/lz4';
import { snappy } from '../codec/snappy';
import { probeBloom, probeFilterBlock } from './bloom';
import { copy, TRAILER, verifyDataBlock } from './data-block';
import {
  DECLARED,
  ENDS,
  FIRST_KEY,
  KEY,
  LONGEST_PLAIN,
  PLACES,
  PLAIN,
  SEPARATORS,
  SOUND_KEY,
  SUMS,
  TOTALS,
} from './memory';
import { xxh3 } from './xxh3';

/** Compression type and checksum after a block. */
const BLOCK_TRAILER: u32 = 5;
/** What XXH3 checksums fold the compression type in with. */
const TYPE_FACTOR: u32 = 0x6b9083d9;

/** What is asked of the blocks of a run. */
const ENTRIES: u32 = 1;
const ZERO_SEQUENCES: u32 = 2;
/** Separators are internal keys. */
const INTERNAL: u32 = 4;
const LZ4: u32 = 8;
/** The checksums have been looked at. */
const SUMMED: u32 = 16;
/** The filter is one for each 2^`probes` bytes of the file, `parts` in all, and their offsets begin at `lines`. */
const FILTER_BLOCK: u32 = 32;

const SNAPPY_TYPE: u32 = 1;
const LZ4_TYPE: u32 = 4;
const LZ4HC_TYPE: u32 = 5;

/** What a block at a file offset adds to its checksum (rocksdb table/format.h, ChecksumModifierForContext). */
function context(base: u32, offset: u64): u32 {
  return base === 0 ? 0 : base ^ ((offset as u32) + ((offset >> 32) as u32));
}

/** Orders an internal key and a separator of `length` bytes, internal or a user key. */
function order(key: usize, keyLength: u32, separator: usize, length: u32, internal: bool): i32 {
  const body = keyLength - TRAILER;
  const other = internal ? length - TRAILER : length;
  const common = min(body, other);
  let i: u32 = 0;
  while (i + 8 <= common && load<u64>(key + i) === load<u64>(separator + i)) i += 8;
  for (; i < common; i++) {
    const difference = (load<u8>(key + i) as i32) - (load<u8>(separator + i) as i32);
    if (difference !== 0) return difference;
  }
  if (body !== other) return body < other ? -1 : 1;
  if (!internal) return 0;
  const mine = load<u64>(key + body);
  const its = load<u64>(separator + other);
  if (mine === its) return 0;
  // of one user key the larger sequence comes first
  return mine > its ? -1 : 1;
}

/** Bytes that a block expands to, at PLAIN. */
let plainLength: u32 = 0;

/**
 * Expands a block of a compression type that has its length in front. False where it is damaged, larger than there is room for, or of
 * another type.
 */
function expand(type: u32, block: usize, length: u32, lz4Known: bool): bool {
  if (type !== SNAPPY_TYPE && (!lz4Known || (type !== LZ4_TYPE && type !== LZ4HC_TYPE))) return false;
  let size: u32 = 0;
  let at: u32 = 0;
  for (let shift: u32 = 0; ; shift += 7) {
    // longer numbers are larger than there is room for
    if (at === length || shift > 14) return false;
    const byte = load<u8>(block + at++) as u32;
    size |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  if (size > LONGEST_PLAIN) return false;
  plainLength = size;
  return type === SNAPPY_TYPE
    ? snappy(block + at, length - at, PLAIN, size)
    : lz4(block + at, length - at, PLAIN, size, 0) === 0;
}

/**
 * How many of `count` data blocks are sound, from the first one on. It stops at the first block of which it cannot say so, and says nothing
 * of that one. Their index entries are at PLACES, ENDS (which count from `keysFrom`) and SEPARATORS; the blocks lie in the window at
 * `window`, which holds `filled` bytes of the file from `start` on.
 *
 * A block is sound where it begins at the end of the one before, its type is declared, and its checksum is XXH3 with the context `base`.
 * With ENTRIES also: it is plain, Snappy, or LZ4 without a dictionary; `verifyDataBlock` takes it, `previous` bytes of the key before it
 * being at KEY; the filter has all of its keys (FastLocalBloom of `lines` lines, 0 for none); it lies between its separators.
 *
 * SOUND_KEY: the last key of the last sound block. TOTALS, all f64: points, deletions, merges, key bytes, value bytes, smallest sequence;
 * largest sequence, and the largest of the blocks that do not hold that one (both in and out, -1 for none); which of these blocks holds the
 * largest (-1: none); length of the last key.
 */
export function verifyBlocks(
  window: usize,
  start: f64,
  filled: u32,
  count: u32,
  previous: u32,
  asked: u32,
  base: u32,
  hash: u32,
  lines: u32,
  probes: u32,
  parts: u32,
  keysFrom: f64,
): u32 {
  let points: f64 = 0;
  let deletions: f64 = 0;
  let merges: f64 = 0;
  let keyBytes: f64 = 0;
  let valueBytes: f64 = 0;
  let smallest: f64 = Infinity;
  let largest = load<f64>(TOTALS, 48);
  let others = load<f64>(TOTALS, 56);
  let highest: f64 = -1;
  let length = previous;
  copy(SOUND_KEY, KEY, length);

  let expected = load<f64>(PLACES);
  let done: u32 = 0;
  for (; done < count; done++) {
    const offset = load<f64>(PLACES + 16 * done);
    const size = load<f64>(PLACES + 16 * done, 8);
    const end = offset + size + (BLOCK_TRAILER as f64);
    if (offset !== expected || !(size >= 0) || end > start + (filled as f64)) break;
    const at = window + ((offset - start) as usize);
    const stored = size as u32;
    const type = load<u8>(at + stored) as u32;
    if (load<u8>(DECLARED + type) === 0) break;
    if ((asked & SUMMED) === 0) {
      const sum = ((xxh3(at, stored) as u32) ^ (type * TYPE_FACTOR)) + context(base, offset as u64);
      if (sum !== load<u32>(at + stored + 1)) break;
    }
    if ((asked & ENTRIES) !== 0) {
      let block = at;
      let plain = stored;
      if (type !== 0) {
        if (!expand(type, at, stored, (asked & LZ4) !== 0)) break;
        block = PLAIN;
        plain = plainLength;
      }
      if (!verifyDataBlock(block, plain, length, (asked & ZERO_SEQUENCES) !== 0, hash)) break;
      const keys = load<u32>(SUMS, 20);
      if ((asked & FILTER_BLOCK) !== 0) {
        if (!probeFilterBlock(offset as u64, lines, probes, parts, keys)) break;
      } else if (lines !== 0 && !probeBloom(lines, probes, keys)) break;
      const whole = load<u32>(SUMS, 24);
      const before = (load<f64>(ENDS + 8 * done) - keysFrom) as u32;
      const after = (load<f64>(ENDS + 8 * done, 8) - keysFrom) as u32;
      const internal = (asked & INTERNAL) !== 0;
      if (internal && (before < TRAILER || after - before < TRAILER)) break;
      if (order(KEY, whole, SEPARATORS + before, after - before, internal) > 0) break;
      const previousFrom = done === 0 ? 0 : ((load<f64>(ENDS + 8 * (done - 1)) - keysFrom) as u32);
      const first = load<u32>(SUMS, 28);
      if (order(FIRST_KEY, first, SEPARATORS + previousFrom, before - previousFrom, internal) <= 0) break;

      length = whole;
      copy(SOUND_KEY, KEY, length);
      points += load<u32>(SUMS) as f64;
      deletions += load<u32>(SUMS, 4) as f64;
      merges += load<u32>(SUMS, 8) as f64;
      keyBytes += load<u32>(SUMS, 12) as f64;
      valueBytes += load<u32>(SUMS, 16) as f64;
      smallest = min(smallest, load<f64>(SUMS, 32));
      const own = load<f64>(SUMS, 40);
      if (own > largest) {
        others = largest;
        largest = own;
        highest = done as f64;
      } else if (own > others) others = own;
    }
    expected = end;
  }
  store<f64>(TOTALS, points);
  store<f64>(TOTALS, deletions, 8);
  store<f64>(TOTALS, merges, 16);
  store<f64>(TOTALS, keyBytes, 24);
  store<f64>(TOTALS, valueBytes, 32);
  store<f64>(TOTALS, smallest, 40);
  store<f64>(TOTALS, largest, 48);
  store<f64>(TOTALS, others, 56);
  store<f64>(TOTALS, highest, 64);
  store<f64>(TOTALS, length as f64, 72);
  return done;
}
