import { HASH_KERNEL } from './kernel-module.js';
import { retire } from './reused-buffer.js';
import { instantiate, type KernelMemory } from './webassembly.js';
import { xxph3 } from './xxph3.js';

/*
 * XXH32, XXH64, XXH3, XXPH3 and the entries of data blocks in WebAssembly (kernel/hash/*.ts): what runs once per block or per key.
 * Compiled at once and not when it is waited for: hash-wasm, which has these hashes too, takes 18 ms of a start to compile.
 * Measured on Node 20, x86-64, two busy cores:
 *
 *   XXH3 of a block of 4 KiB     250 ns, and 150 ns to copy it in      hash-wasm 930 ns
 *   XXPH3 of a key of 16 bytes   9 ns in `keyScratch`, 28 ns elsewhere      with bigints 2,500 ns
 */
interface Exports {
  memory: KernelMemory;
  RESULT: { value: number };
  SUMS: { value: number };
  KEY: { value: number };
  FIRST_KEY: { value: number };
  LONGEST_KEY: { value: number };
  INPUT: { value: number };
  LANES: { value: number };
  HASHES: { value: number };
  MOST_HASHES: { value: number };
  FILTER: { value: number };
  hashXxh3(input: number, length: number): void;
  startXxh3(): void;
  takeXxh3(input: number, stripes: number): void;
  endXxh3(last: number, total: number): void;
  hashXxh3Wide(input: number, length: number, seedLow: number, seedHigh: number): void;
  startXxh64(): void;
  takeXxh64(input: number, length: number): void;
  endXxh64(input: number, length: number, total: number): void;
  startXxh32(): void;
  takeXxh32(input: number, length: number): void;
  endXxh32(input: number, length: number, total: number): number;
  hashXxph3(input: number, length: number): void;
  rowOfHash(rawSeed: number, starts: number): void;
  probeBloom(lines: number, probes: number, count: number): number;
  probeBlockBloom(from: number, to: number, count: number): number;
  PLACES: { value: number };
  MOST_BLOCKS: { value: number };
  ENDS: { value: number };
  SEPARATORS: { value: number };
  SOUND_KEY: { value: number };
  TOTALS: { value: number };
  DECLARED: { value: number };
  setType(type: number, use: number): void;
  verifyDataBlock(
    block: number,
    length: number,
    previous: number,
    zeroSequences: boolean,
    hash: number,
  ): number;
  verifyBlocks(
    window: number,
    start: number,
    filled: number,
    count: number,
    previous: number,
    asked: number,
    base: number,
    hash: number,
    lines: number,
    probes: number,
    parts: number,
    keysFrom: number,
  ): number;
}

const kernel = instantiate<Exports>(HASH_KERNEL);

/** It never grows, so views of it stay valid. */
const { buffer } = kernel.memory;
const memory = new Uint8Array(buffer);
const KEY = kernel.KEY.value;
const FIRST_KEY = kernel.FIRST_KEY.value;
const INPUT = kernel.INPUT.value;
const HASHES = kernel.HASHES.value;

/** Longer inputs do not fit, bytes. */
export const KERNEL_INPUT = HASHES - INPUT;

/**
 * Keys that lie in here are hashed where they are. For code that runs from start to end without waiting: whatever runs
 * next may use it, too.
 */
export const keyScratch = memory.subarray(KEY, FIRST_KEY);

/** Result of the last call, 32 bits each; for the 64-bit hashes the low half first. */
export const hashResult: Uint32Array = new Uint32Array(buffer, kernel.RESULT.value, 10);

const XXH3_STRIPE = 64;
const XXH64_STRIPE = 32;
const XXH32_STRIPE = 16;

/** XXH3 (64 bits, seed 0) of `bytes[start, end)` into `hashResult`. */
export function hashXxh3(bytes: Uint8Array, start: number, end: number): void {
  if (end - start <= KERNEL_INPUT) {
    kernel.hashXxh3(placeBlock(bytes, start, end), end - start);
    return;
  }
  kernel.startXxh3();
  // the last stripe is the last 64 bytes, which overlap the one before
  const tail = start + Math.floor((end - start - 1) / XXH3_STRIPE) * XXH3_STRIPE;
  for (let at = start; at < tail; at += KERNEL_INPUT) {
    const to = Math.min(at + KERNEL_INPUT, tail);
    kernel.takeXxh3(placeBlock(bytes, at, to), (to - at) / XXH3_STRIPE);
  }
  kernel.endXxh3(placeBlock(bytes, end - XXH3_STRIPE, end), end - start);
}

/** XXH3 (128 bits, seeded) of 17 to 128 bytes into `hashResult`, the low half first. */
export function hashXxh3Wide(bytes: Uint8Array, seed: bigint): void {
  const input = placeBlock(bytes, 0, bytes.length);
  kernel.hashXxh3Wide(input, bytes.length, Number(seed & 0xffffffffn), Number((seed >> 32n) & 0xffffffffn));
}

/** XXH64 (seed 0) of `bytes[start, end)` into `hashResult`. */
export function hashXxh64(bytes: Uint8Array, start: number, end: number): void {
  kernel.startXxh64();
  const tail = end - ((end - start) % XXH64_STRIPE);
  takeXxh64(bytes, start, tail);
  kernel.endXxh64(placeBlock(bytes, tail, end), end - tail, end - start);
}

/** Whole stripes. */
function takeXxh64(bytes: Uint8Array, start: number, end: number): void {
  for (let at = start; at < end; at += KERNEL_INPUT) {
    const to = Math.min(at + KERNEL_INPUT, end);
    kernel.takeXxh64(placeBlock(bytes, at, to), to - at);
  }
}

/** XXH32 (seed 0) of `bytes[start, end)`, signed. */
export function hashXxh32(bytes: Uint8Array, start: number, end: number): number {
  kernel.startXxh32();
  const tail = end - ((end - start) % XXH32_STRIPE);
  for (let at = start; at < tail; at += KERNEL_INPUT) {
    const to = Math.min(at + KERNEL_INPUT, tail);
    kernel.takeXxh32(placeBlock(bytes, at, to), to - at);
  }
  return kernel.endXxh32(placeBlock(bytes, tail, end), end - tail, end - start);
}

const lanes = memory.subarray(kernel.LANES.value, kernel.LANES.value + XXH64_STRIPE);

/** XXH64 (seed 0) of bytes that come in pieces. */
export class Xxh64Stream {
  private readonly lanes = new Uint8Array(XXH64_STRIPE);
  /** The bytes of a stripe that is not whole. */
  private readonly pending = new Uint8Array(XXH64_STRIPE);
  private total = 0;

  constructor() {
    kernel.startXxh64();
    this.lanes.set(lanes);
  }

  update(bytes: Uint8Array): void {
    let at = 0;
    const held = this.total % XXH64_STRIPE;
    this.total += bytes.length;
    lanes.set(this.lanes);
    if (held > 0) {
      at = Math.min(XXH64_STRIPE - held, bytes.length);
      this.pending.set(bytes.subarray(0, at), held);
      if (held + at < XXH64_STRIPE) return;
      takeXxh64(this.pending, 0, XXH64_STRIPE);
    }
    const tail = bytes.length - ((bytes.length - at) % XXH64_STRIPE);
    takeXxh64(bytes, at, tail);
    this.pending.set(bytes.subarray(tail));
    this.lanes.set(lanes);
  }

  /** Low 32 bits. */
  low(): number {
    lanes.set(this.lanes);
    const held = this.total % XXH64_STRIPE;
    kernel.endXxh64(placeBlock(this.pending, 0, held), held, this.total);
    return hashResult[0];
  }
}

/** Where the kernel finds a block: in place in a leased window, or copied in. */
function placeBlock(bytes: Uint8Array, start: number, end: number): number {
  if (bytes.buffer === buffer) return bytes.byteOffset + start;
  memory.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), INPUT);
  return INPUT;
}

/** XXPH3 of `bytes[start, end)` into `hashResult`. */
export function hashXxph3(bytes: Uint8Array, start: number, end: number): void {
  if (end - start > KERNEL_INPUT) {
    const hash = xxph3(bytes, start, end);
    hashResult[0] = Number(hash & 0xffffffffn);
    hashResult[1] = Number(hash >> 32n);
  } else kernel.hashXxph3(place(bytes, start, end), end - start);
}

/** Replaces the 64-bit hash in `hashResult` by its Ribbon row; kernel/hash/ribbon.ts says what that is made of. */
export function rowOfHash(rawSeed: number, starts: number): void {
  kernel.rowOfHash(rawSeed, starts);
}

/** Below it, words put together here are faster than the fixed cost of `set`. */
const SHORT = 64;
const words = new Int32Array(buffer);

/** Where the kernel finds the bytes: in place, or copied in. */
function place(bytes: Uint8Array, start: number, end: number): number {
  if (bytes === keyScratch) return KEY + start;
  if (end - start > SHORT) {
    memory.set(bytes.subarray(start, end), INPUT);
    return INPUT;
  }
  let to = INPUT >> 2;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    words[to++] = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
  }
  let rest = 0;
  for (let shift = 0; at < end; at++, shift += 8) rest |= bytes[at] << shift;
  words[to] = rest;
  return INPUT;
}

/** What `verifyDataBlock` does with a value type. */
export const TYPE_USE = { foreign: 0, plain: 1, deletion: 2, merge: 3, emptyDeletion: 4 } as const;

/** Longest internal key that `verifyDataBlock` takes, bytes. */
export const LONGEST_KERNEL_KEY = kernel.LONGEST_KEY.value;

/** The keys at both ends of the block that `verifyDataBlock` saw last; before the call, `lastKey` holds the key before it. */
export const lastKey = keyScratch;
export const firstKey = memory.subarray(FIRST_KEY, INPUT);

/** What `verifyDataBlock` hashes user keys with: nothing, XXPH3, or the hash of older Bloom filters (`rocksdbHash`). */
export const KEY_HASH = { none: 0, xxph3: 1, signed: 2, unsigned: 3 } as const;
export type KeyHash = keyof typeof KEY_HASH;

/** Hashes of the user keys of the block, two words each, low half first; those of 32 bits have no high half. */
export const keyHashes: Uint32Array = new Uint32Array(buffer, HASHES, 2 * kernel.MOST_HASHES.value);

/** Sums of the block that `verifyDataBlock` saw last; kernel/hash/data-block.ts names the places. */
export const blockSums: Uint32Array = new Uint32Array(buffer, kernel.SUMS.value, 8);
/** Its smallest and largest sequence. */
export const blockSequences: Float64Array = new Float64Array(buffer, kernel.SUMS.value + 32, 2);

/** Says which value types a data block may hold, by `TYPE_USE`, for the calls of `verifyDataBlock` to come. */
export function setValueTypes(uses: Uint8Array): void {
  for (let type = 0; type < 256; type++) kernel.setType(type, uses[type]);
}

/**
 * Whether the data block `bytes[start, end)` of at most `KERNEL_INPUT` bytes is as it should be, and its sums; false also
 * where only JavaScript can tell (kernel/hash/data-block.ts).
 */
export function verifyDataBlock(
  bytes: Uint8Array,
  start: number,
  end: number,
  previousLength: number,
  zeroSequences: boolean,
  hash: (typeof KEY_HASH)[KeyHash],
): boolean {
  const block = placeBlock(bytes, start, end);
  return kernel.verifyDataBlock(block, end - start, previousLength, zeroSequences, hash) !== 0;
}

const FILTER = kernel.FILTER.value;

/** What files are read into, at the end of the memory but for what is read past it in words of eight. */
const BEHIND_WINDOW = 64;
const WINDOW = memory.length - BEHIND_WINDOW - 1024 * 1024;

/** Largest Bloom filter that fits the kernel, bytes. */
export const KERNEL_FILTER = WINDOW - FILTER;

let isLeased = false;

/**
 * A megabyte of the kernel's own memory, for one reader at a time: blocks that are read into it are hashed and verified
 * where they lie. Undefined while another reader has it. Give it back with `returnWindow`.
 */
export function leaseWindow(): Uint8Array | undefined {
  if (isLeased) return undefined;
  isLeased = true;
  return memory.subarray(WINDOW, -BEHIND_WINDOW);
}

export function returnWindow(): void {
  retire(memory.subarray(WINDOW, -BEHIND_WINDOW));
  isLeased = false;
}

/** Whether these bytes are what lies at the beginning of the leased window. */
export const isInWindow = (bytes: Uint8Array): boolean =>
  bytes.buffer === buffer && bytes.byteOffset === WINDOW;

/** The filter that is there. */
let placedFilter: Uint8Array | undefined;

/**
 * Whether the FastLocalBloom filter `bits`, of at most `KERNEL_FILTER` bytes, matches the first `count` of `keyHashes`. The
 * filter stays in the kernel until another one is asked, so `bits` must not change.
 */
export function probeBloom(bits: Uint8Array, probes: number, count: number): boolean {
  placeFilter(bits);
  return kernel.probeBloom(bits.length / 64, probes, count) !== 0;
}

function placeFilter(filter: Uint8Array): void {
  if (placedFilter === filter) return;
  memory.set(filter, FILTER);
  placedFilter = filter;
}

/**
 * The same for one Bloom filter of LevelDB, of at least two bytes, in the filter block `block`, of at most `KERNEL_FILTER` bytes. Hashes are
 * those of 32 bits.
 */
export function probeBlockBloom(block: Uint8Array, from: number, to: number, count: number): boolean {
  placeFilter(block);
  return kernel.probeBlockBloom(from, to, count) !== 0;
}

const PLACES = kernel.PLACES.value;
const ENDS = kernel.ENDS.value;
const SEPARATORS = kernel.SEPARATORS.value;
const SOUND_KEY = kernel.SOUND_KEY.value;

/** Where `verifyBlocks` finds the entries of the index: kernel/hash/memory.ts. */
export const indexSpace = {
  places: new Float64Array(buffer, PLACES, 2 * kernel.MOST_BLOCKS.value),
  ends: new Float64Array(buffer, ENDS, kernel.MOST_BLOCKS.value + 1),
  separators: memory.subarray(SEPARATORS, SOUND_KEY),
};

/** The last key of the last block that `verifyBlocks` has found sound. */
export const soundKey: Uint8Array = memory.subarray(SOUND_KEY, SOUND_KEY + LONGEST_KERNEL_KEY);

/** Sums of those blocks; kernel/hash/data-blocks.ts names the places. */
export const runTotals: Float64Array = new Float64Array(buffer, kernel.TOTALS.value, 10);

/** What `verifyBlocks` is asked, by bits. */
export const ASKED = {
  entries: 1,
  zeroSequences: 2,
  internalSeparators: 4,
  lz4: 8,
  summed: 16,
  filterBlock: 32,
} as const;

/** What a run of blocks is held against. */
export interface RunRules {
  /** Bits of `ASKED`. */
  asked: number;
  /** Of the checksum, see `contextModifier`. */
  baseContext: number;
  /** 1 for each compression type that a block may have. */
  declared: Uint8Array;
  hash: (typeof KEY_HASH)[KeyHash];
  /**
   * The filter of the table, of at most `KERNEL_FILTER` bytes, which all keys of the blocks are in: a FastLocalBloom of so many lines of 64 bytes and
   * probes, or with `ASKED.filterBlock` one for each 2^`probes` bytes of the file, `parts` in all, with their offsets from `lines` on.
   */
  bloom?: { bits: Uint8Array; lines: number; probes: number; parts: number };
}

/**
 * How many of the `count` blocks in `indexSpace` are sound, one after the other from the first on, in the first `filled` bytes of the leased window,
 * which stand at `start` in the file. `lastKey` holds the `previousLength` bytes of the key before, and `keysFrom` is what `indexSpace.ends` count
 * from. Of the block at which it stops it says nothing.
 */
export function verifyBlocks(
  { asked, baseContext, declared, hash, bloom }: RunRules,
  { start, filled, count, keysFrom }: { start: number; filled: number; count: number; keysFrom: number },
  previousLength: number,
): number {
  memory.set(declared, kernel.DECLARED.value);
  if (bloom !== undefined) placeFilter(bloom.bits);
  return kernel.verifyBlocks(
    WINDOW,
    start,
    filled,
    count,
    previousLength,
    asked,
    baseContext | 0,
    hash,
    bloom?.lines ?? 0,
    bloom?.probes ?? 0,
    bloom?.parts ?? 0,
    keysFrom,
  );
}
