import { decodeBlobIndex } from '../../format/blob/blob-index.js';
import type { Comparator } from '../../format/sst/comparator.js';
import { KEY_TRAILER, VALUE_TYPE } from '../../format/sst/internal-key.js';
import type { SuffixStart } from '../../format/sst/suffix-order.js';
import { dataBlockReader, isInValueBlock, unmarkedKey, valueLength } from '../../format/sst/value-blocks.js';

/** What collects the keys of a table. */
interface KeyCollector {
  /** Adds `bytes[0, length)`, a user key without its timestamp, or without the suffix that filters leave out. */
  add(bytes: Uint8Array, length: number): void;
}

/** What the entries of a table come to while it is written: what its properties and its MANIFEST entry say. */
export class EntryTally {
  points = 0;
  deletions = 0;
  merges = 0;
  keyBytes = 0;
  valueBytes = 0;
  /** Values that stand in Pebble's value blocks. */
  apart = 0;
  /** As stored; absent without entries. */
  smallestSequence?: bigint;
  largestSequence?: bigint;
  /** First and last internal key. */
  first?: Uint8Array;
  last?: Uint8Array;
  /** The lowest number of a blob file that an entry refers to. */
  oldestBlobFile?: bigint;
  /** Bytes of the records that entries refer to, by number of a blob file of Titan's. */
  readonly titanBlobs = new Map<bigint, bigint>();

  /**
   * `prefixed`: entries have Pebble's prefix bytes and marks (format/sst/value-blocks.ts). `suffix`: where the part of a key begins that
   * the filter leaves out, as Pebble's do and RocksDB's do not.
   */
  constructor(
    private readonly comparator: Comparator,
    private readonly filter: KeyCollector | undefined,
    private readonly prefixed = false,
    private readonly suffix?: SuffixStart,
  ) {}

  /** Counts every entry of a decompressed data block. False when the block has a flaw. */
  addBlock(contents: Uint8Array): boolean {
    const reader = dataBlockReader(contents, this.prefixed);
    for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
      const { key, valueOffset, valueLength } = entry;
      if (key.length < KEY_TRAILER) return false;
      this.add(key, contents.subarray(valueOffset, valueOffset + valueLength));
    }
    return reader.anomalies.length === 0;
  }

  /** Counts one entry. */
  add(marked: Uint8Array, value: Uint8Array): void {
    const key = unmarkedKey(marked, this.prefixed);
    const split = key.length - KEY_TRAILER;
    const type = key[split];
    this.points++;
    if (DELETIONS.has(type)) this.deletions++;
    if (type === VALUE_TYPE.merge) this.merges++;
    if (type === VALUE_TYPE.blobIndex) this.noteBlob(value);
    this.keyBytes += key.length;
    this.valueBytes += this.lengthOf(type, value);
    this.noteSequence(sequenceAt(key, split));
    this.first ??= key.slice();
    this.keepLast(key);
    this.filter?.add(key, this.suffix?.(key, 0, split) ?? Math.max(0, split - this.comparator.timestampSize));
  }

  private lengthOf(type: number, value: Uint8Array): number {
    if (!this.prefixed || type !== VALUE_TYPE.put) return value.length;
    if (value.length > 0 && isInValueBlock(value[0])) this.apart++;
    return Math.max(0, valueLength(value, 0, value.length, undefined));
  }

  noteSequence(sequence: bigint): void {
    if (this.smallestSequence === undefined || sequence < this.smallestSequence) {
      this.smallestSequence = sequence;
    }
    if (this.largestSequence === undefined || sequence > this.largestSequence) {
      this.largestSequence = sequence;
    }
  }

  private keepLast(key: Uint8Array): void {
    if (this.last?.length === key.length) this.last.set(key);
    else this.last = key.slice();
  }

  private noteBlob(value: Uint8Array): void {
    const decoded = decodeBlobIndex(value);
    if (decoded.kind === 'titan') {
      const { fileNumber: file, size } = decoded;
      this.titanBlobs.set(file, (this.titanBlobs.get(file) ?? 0n) + size);
    }
    if (decoded.kind !== 'blob' || decoded.fileNumber === 0n) return;
    const { fileNumber } = decoded;
    if (this.oldestBlobFile === undefined || fileNumber < this.oldestBlobFile) {
      this.oldestBlobFile = fileNumber;
    }
  }
}

const DELETIONS: ReadonlySet<number> = new Set([
  VALUE_TYPE.delete,
  VALUE_TYPE.singleDelete,
  VALUE_TYPE.deleteWithTimestamp,
  VALUE_TYPE.sizedDelete,
]);

function sequenceAt(key: Uint8Array, split: number): bigint {
  return new DataView(key.buffer, key.byteOffset + split, KEY_TRAILER).getBigUint64(0, true) >> 8n;
}
