/*
 * A block after decompression (rocksdb table/block_based/block.h, block_builder.cc, data_block_footer.cc):
 *
 *   | entries | [values] | restart offsets u32 × n | [hash index] | [values offset u32] | flags and n, u32 |
 *
 * An entry is a key, cut by what it shares with the one before it, and a value:
 *
 *   | shared varint32 | non-shared varint32 | value length varint32 | key delta | value |
 *
 * With separated values (RocksDB 11) the values stand together after the keys, and the header of an entry at a restart
 * point ends in a varint32 with its value's place there. Index blocks with delta-encoded handles have no value length.
 */
import { u32At } from '../../bytes/u32.js';
import type { Anomaly } from '../../finding/finding.js';
import { NumberReader } from './handle.js';

const FLAG = { hashIndex: 0x80000000, reserved: 0x40000000, uniform: 0x20000000, separated: 0x10000000 };
const COUNT_MASK = 0x0fffffff;
const ALL_BITS = 0xffffffff;
/** Without the bit by which Pebble, from table format v3 on, says that all keys since the restart point before have one prefix. */
export const PEBBLE_RESTART_MASK = 0x7fffffff;

/** Where the parts of a block are. Offsets are in the decompressed block. */
export interface BlockTail {
  /** Entries (keys only, where values are separated) fill [0, entriesEnd). */
  entriesEnd: number;
  /** Separated values fill [entriesEnd, restartsOffset); elsewhere the two are equal. */
  restartsOffset: number;
  restartCount: number;
  separated: boolean;
  /** Buckets of the hash index, one byte each. */
  buckets?: { offset: number; count: number };
}

/** Reads the tail of a block; a sentence that says what is wrong where there is none. */
export function decodeBlockTail(bytes: Uint8Array, length = bytes.length): BlockTail | string {
  if (length < 8) return `a block has at least 8 bytes, this one ${length}`;
  const packed = u32At(bytes, length - 4);
  const restartCount = packed & COUNT_MASK;
  const separated = (packed & FLAG.separated) !== 0;
  if ((packed & FLAG.reserved) !== 0) return 'a reserved flag is set in the last word of the block';
  if (restartCount === 0) return 'the block has no restart point';
  let end = length - 4;
  let valuesOffset = 0;
  if (separated) {
    end -= 4;
    valuesOffset = u32At(bytes, end);
  }
  let buckets: BlockTail['buckets'];
  if ((packed & FLAG.hashIndex) !== 0) {
    end -= 2;
    if (end < 0) return 'the hash index does not fit into the block';
    const count = bytes[end] | (bytes[end + 1] << 8);
    if (count === 0) return 'the hash index has no buckets';
    end -= count;
    if (end < 0) return `the hash index of ${count} buckets does not fit into the block`;
    buckets = { offset: end, count };
  }
  const restartsOffset = end - 4 * restartCount;
  if (restartsOffset < 0) return `${restartCount} restart points do not fit into the block`;
  if (valuesOffset > restartsOffset)
    return `the values would begin at ${valuesOffset}, after the restart points`;
  const entriesEnd = separated ? valuesOffset : restartsOffset;
  return { entriesEnd, restartsOffset, restartCount, separated, buckets };
}

/** An entry of a block. Offsets are in the decompressed block. */
export interface BlockEntry {
  offset: number;
  /** Header, key delta and, unless it stands apart, the value. */
  length: number;
  shared: number;
  /** The whole key, in a buffer that the next entry overwrites. */
  key: Uint8Array;
  valueOffset: number;
  valueLength: number;
  /** Which restart point it stands at, -1 between them. */
  restart: number;
}

/** How long the value at `at` is, for blocks whose entries do not say; undefined when it does not fit. */
export type ValueLength = (bytes: Uint8Array, at: number, end: number, shared: number) => number | undefined;

/**
 * Decodes a block entry by entry, keeps every offset and goes on at the next restart point after an entry that cannot be
 * read. This is the path that explains; `verify` in check/sst is the one that is fast.
 */
export class BlockReader {
  readonly anomalies: Anomaly[] = [];
  /** Absent when the tail of the block is damaged; there are no entries then. */
  readonly tail?: BlockTail;
  private key: Uint8Array;
  private keyLength = 0;
  private position = 0;
  /** Where the entry before begins, -1 where none could be read. */
  private entryOffset = -1;
  private nextRestart = 0;
  private valuePosition = 0;

  constructor(
    readonly bytes: Uint8Array,
    private readonly valueLength?: ValueLength,
    /** Bits of a restart point that are its offset. */
    private readonly restartMask = ALL_BITS,
  ) {
    this.key = new Uint8Array(256);
    const tail = decodeBlockTail(bytes);
    if (typeof tail === 'string') {
      this.anomalies.push({ rule: 'sst/bad-block', offset: 0, length: bytes.length, message: tail });
    } else {
      this.tail = tail;
      this.valuePosition = tail.entriesEnd;
    }
  }

  /** The next entry that can be read, undefined after the last one. */
  next(): BlockEntry | undefined {
    const { tail } = this;
    if (tail === undefined) return undefined;
    while (this.position < tail.entriesEnd) {
      const entry = this.decode(tail);
      if (typeof entry !== 'string') {
        this.entryOffset = entry.offset;
        return entry;
      }
      const { position } = this;
      const resume = this.resumeAfter(tail, position);
      // where an entry ends is where the next one begins, so the one before may be the wrong one
      const from = this.entryOffset < 0 ? position : this.entryOffset;
      this.report('sst/bad-entry', from, resume - from, entry);
      this.position = resume;
      this.keyLength = 0;
      this.entryOffset = -1;
    }
    this.finish(tail);
    return undefined;
  }

  private decode(tail: BlockTail): BlockEntry | string {
    const { bytes, position: offset } = this;
    const restart = this.restartAt(tail, offset);
    const header = new NumberReader(bytes, offset, tail.entriesEnd);
    const shared = header.varint(5);
    const nonShared = header.varint(5);
    const statedLength = this.valueLength === undefined ? header.varint(5) : 0;
    const placed = tail.separated && restart >= 0 ? header.varint(5) : undefined;
    if (header.failed) return 'the header of the entry runs past the entries';
    if (shared > this.keyLength) return `the key shares ${shared} bytes with one of ${this.keyLength}`;
    const keyEnd = header.position + nonShared;
    if (keyEnd > tail.entriesEnd) return `a key of ${nonShared} bytes runs past the entries`;
    const valueOffset = tail.separated
      ? tail.entriesEnd + (placed ?? this.valuePosition - tail.entriesEnd)
      : keyEnd;
    const valueEnd = tail.separated ? tail.restartsOffset : tail.entriesEnd;
    const valueLength = this.valueLength?.(bytes, valueOffset, valueEnd, shared) ?? statedLength;
    if (this.valueLength !== undefined && valueLength === 0)
      return 'the handle in the entry cannot be decoded';
    if (valueOffset + valueLength > valueEnd) return `a value of ${valueLength} bytes runs past the block`;
    if (placed !== undefined && valueOffset !== this.valuePosition) {
      this.report('sst/bad-entry', offset, keyEnd - offset, 'the value does not follow the one before it');
    }
    if (offset === 0 && restart < 0) {
      this.badRestart(tail, 0, this.restartPoint(tail, 0));
      this.nextRestart = 1;
    } else if (restart >= 0 && shared !== 0) {
      this.report(
        'sst/bad-restart',
        offset,
        keyEnd - offset,
        `the key at a restart point shares ${shared} bytes`,
      );
    }
    this.append(bytes, header.position, shared, nonShared);
    const end = tail.separated ? keyEnd : valueOffset + valueLength;
    this.position = end;
    this.valuePosition = valueOffset + valueLength;
    const key = this.key.subarray(0, this.keyLength);
    return { offset, length: end - offset, shared, key, valueOffset, valueLength, restart };
  }

  private append(bytes: Uint8Array, at: number, shared: number, nonShared: number): void {
    const length = shared + nonShared;
    if (length > this.key.length) {
      const grown = new Uint8Array(2 * length);
      grown.set(this.key.subarray(0, shared));
      this.key = grown;
    }
    this.key.set(bytes.subarray(at, at + nonShared), shared);
    this.keyLength = length;
  }

  /** The restart point at `offset`, -1 when there is none; those that were passed on the way point nowhere. */
  private restartAt(tail: BlockTail, offset: number): number {
    while (this.nextRestart < tail.restartCount) {
      const at = this.restartPoint(tail, this.nextRestart);
      if (at > offset) return -1;
      this.nextRestart++;
      if (at === offset) return this.nextRestart - 1;
      this.badRestart(tail, this.nextRestart - 1, at);
    }
    return -1;
  }

  /** Where to go on after an entry that cannot be read: the first restart point that lies after it. */
  private resumeAfter(tail: BlockTail, offset: number): number {
    for (let i = this.nextRestart; i < tail.restartCount; i++) {
      const at = this.restartPoint(tail, i);
      if (at > offset && at < tail.entriesEnd) return at;
    }
    return tail.entriesEnd;
  }

  private finish(tail: BlockTail): void {
    const empty = tail.entriesEnd === 0;
    for (; this.nextRestart < tail.restartCount; this.nextRestart++) {
      const at = this.restartPoint(tail, this.nextRestart);
      if (!(empty && at === 0 && this.nextRestart === 0)) this.badRestart(tail, this.nextRestart, at);
    }
    if (tail.separated && this.valuePosition < tail.restartsOffset) {
      const rest = tail.restartsOffset - this.valuePosition;
      this.report('sst/bad-block', this.valuePosition, rest, 'the last values belong to no key');
      this.valuePosition = tail.restartsOffset;
    }
  }

  private restartPoint(tail: BlockTail, index: number): number {
    return (restartOffset(this.bytes, tail, index) & this.restartMask) >>> 0;
  }

  private badRestart(tail: BlockTail, index: number, at: number): void {
    const offset = tail.restartsOffset + 4 * index;
    this.report(
      'sst/bad-restart',
      offset,
      4,
      `restart point ${index} is ${at}, where no entry starts in order`,
    );
  }

  private report(rule: Anomaly['rule'], offset: number, length: number, message: string): void {
    this.anomalies.push({ rule, offset, length, message });
  }
}

/** Offset of the entry that restart point `index` names. */
export function restartOffset(bytes: Uint8Array, tail: BlockTail, index: number): number {
  return u32At(bytes, tail.restartsOffset + 4 * index);
}
