import { bloomHash } from './bloom-hash';
import { FIRST_KEY, HASHES, KEY, LONGEST_KEY, MOST_HASHES, SUMS } from './memory';
import { xxph3 } from './xxph3';

export const TRAILER: u32 = 8;
/** Sequences from here on are not counted in JavaScript's numbers. */
const SEQUENCE_LIMIT: u64 = 1 << 53;

/**
 * Value types by what is done with them: 0 not here, 1 nothing, 2 counted as deletion, 3 as merge operand, 4 as a deletion that has no
 * value.
 */
const TYPES: usize = memory.data(256);

export function setType(type: u32, use: u32): void {
  store<u8>(TYPES + type, use);
}

/** Hashes of keys; what is none of these is `bloomHash` without signs. */
const NO_HASH: u32 = 0;
const XXPH3: u32 = 1;
const BLOOM_SIGNED: u32 = 2;

/** Position after the varint read last; 0 where there was none. */
let after: usize = 0;

/** A varint32 of at most 5 bytes, not cut to 32 bits, so that what is too long stays too long. */
function varint(from: usize): u64 {
  let value: u64 = 0;
  for (let i: usize = 0; i < 5; i++) {
    const byte = load<u8>(from + i) as u64;
    value |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      after = from + i + 1;
      return value;
    }
  }
  after = 0;
  return 0;
}

/** Copies in words of eight; both sides have room after their end. */
export function copy(to: usize, from: usize, length: u32): void {
  for (let i: u32 = 0; i < length; i += 8) store<u64>(to + i, load<u64>(from + i));
}

/**
 * Whether every entry of a plain data block is as it should be: restart points, lengths, types, and internal keys in
 * bytewise order after the one of `previous` bytes at KEY (0: none). False also for what only JavaScript decides:
 * separated values, a hash index, values with a structure, huge keys, an empty block. With `hash`, a hash of every user key that
 * differs from the one before goes to HASHES.
 *
 * SUMS: u32 points, deletions, merges, key bytes, value bytes, hashes, length of the last key (which is at KEY), of the
 * first (at FIRST_KEY); f64 smallest and largest sequence.
 */
export function verifyDataBlock(
  block: usize,
  length: u32,
  previous: u32,
  zeroSequences: bool,
  hash: u32,
): bool {
  if (length < 8) return false;
  const end = block + length - 4;
  // the high bits are flags of what is not for here
  const restartCount = load<u32>(end);
  if (restartCount === 0 || restartCount > (length - 4) >> 2) return false;
  const restarts = end - 4 * restartCount;
  if (restarts === block || load<u32>(restarts) !== 0) return false;

  let points: u32 = 0;
  let deletions: u32 = 0;
  let merges: u32 = 0;
  let keyBytes: u32 = 0;
  let valueBytes: u32 = 0;
  let hashes: u32 = 0;
  let smallest: u64 = SEQUENCE_LIMIT;
  let largest: u64 = 0;
  let trailer: u64 = previous > 0 ? load<u64>(KEY + previous - TRAILER) : 0;
  let keyLength = previous;
  let inBlock: u32 = 0;
  let firstLength: u32 = 0;
  let restart: u32 = 0;
  let restartAt: u64 = block;

  let at = block;
  while (at < restarts) {
    const entryAt = at;
    let shared: u64 = load<u8>(at);
    let nonShared: u64 = load<u8>(at, 1);
    let valueLength: u64 = load<u8>(at, 2);
    if ((shared | nonShared | valueLength) < 0x80) at += 3;
    else {
      shared = varint(at);
      if (after === 0) return false;
      nonShared = varint(after);
      if (after === 0) return false;
      valueLength = varint(after);
      if (after === 0) return false;
      at = after;
    }
    if ((entryAt as u64) >= restartAt) {
      if ((entryAt as u64) !== restartAt || shared !== 0) return false;
      restart++;
      restartAt = restart < restartCount ? (block as u64) + load<u32>(restarts + 4 * restart) : u64.MAX_VALUE;
    }
    if (at > restarts || shared > inBlock || nonShared + valueLength > restarts - at) return false;
    const common = shared as u32;
    const delta = nonShared as u32;
    const whole = common + delta;
    if (whole < TRAILER || whole > LONGEST_KEY) return false;

    const body = whole - TRAILER;
    let order: i32 = 1;
    if (keyLength > 0) {
      const previousBody = keyLength - TRAILER;
      const compared = min(body, previousBody);
      order = 0;
      for (let i = min(common, compared); i < compared; i++) {
        order = (load<u8>(at + i - common) as i32) - (load<u8>(KEY + i) as i32);
        if (order !== 0) break;
      }
      if (order === 0) order = (body as i32) - (previousBody as i32);
      if (order < 0) return false;
    }
    copy(KEY + common, at, delta);
    at += delta + (valueLength as u32);

    const previousTrailer = trailer;
    trailer = load<u64>(KEY + body);
    if (order === 0) {
      // the same user key: sequence and type must fall
      if (trailer >= previousTrailer) return false;
    } else if (hash !== NO_HASH) {
      if (hashes === MOST_HASHES) return false;
      store<u64>(
        HASHES + 8 * hashes++,
        hash === XXPH3 ? xxph3(KEY, body) : (bloomHash(KEY, body, hash === BLOOM_SIGNED) as u64),
      );
    }

    const use = load<u8>((TYPES + (trailer & 0xff)) as usize);
    if (use === 0) return false;
    if (use === 4 && valueLength !== 0) return false;
    if (use === 2 || use === 4) deletions++;
    else if (use === 3) merges++;
    const sequence = trailer >> 8;
    if (sequence >= SEQUENCE_LIMIT || (zeroSequences && sequence !== 0)) return false;
    smallest = min(smallest, sequence);
    largest = max(largest, sequence);
    if (points === 0) {
      firstLength = whole;
      copy(FIRST_KEY, KEY, whole);
    }
    points++;
    keyBytes += whole;
    valueBytes += valueLength as u32;
    keyLength = whole;
    inBlock = whole;
  }
  if (restart !== restartCount) return false;

  store<u32>(SUMS, points);
  store<u32>(SUMS, deletions, 4);
  store<u32>(SUMS, merges, 8);
  store<u32>(SUMS, keyBytes, 12);
  store<u32>(SUMS, valueBytes, 16);
  store<u32>(SUMS, hashes, 20);
  store<u32>(SUMS, keyLength, 24);
  store<u32>(SUMS, firstLength, 28);
  store<f64>(SUMS, smallest as f64, 32);
  store<f64>(SUMS, largest as f64, 40);
  return true;
}
