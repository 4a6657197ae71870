import type { KeyHash } from '../../bytes/kernel.js';
import { decodeEntity } from '../../format/batch/entity.js';
import { decodeBlobIndex } from '../../format/blob/blob-index.js';
import type { Comparator } from '../../format/sst/comparator.js';
import type { KernelBloom } from '../../format/sst/filter/filter.js';
import { KEY_TRAILER, VALUE_TYPE } from '../../format/sst/internal-key.js';
import type { ValueBlockLengths, ValuePrefixes } from '../../format/sst/value-blocks.js';
import { HandleOrder } from './handle-order.js';

/** What the entries of one table's data blocks are held against, by the fast path and by the one that explains. */
export interface DataRules {
  comparator: Comparator;
  /** 1 for each value type that data blocks may hold. */
  types: Uint8Array;
  /** Absent: none, or not usable. */
  filter?: KeyFilter;
  /** Deletions have no value: LevelDB's and nothing else tells a put whose type was changed. */
  emptyDeletions?: boolean;
  /** What entries of Pebble's newer row tables carry beside key and value. */
  pebble?: PebbleEntries;
  /** Every stored sequence is 0: tables of SstFileWriter whose sequence stands in the MANIFEST. */
  zeroSequences: boolean;
  /** The table may refer to values in itself (file number 0). */
  embeddedBlobs: boolean;
  /** The table may refer to values in blob files of Titan's. */
  titan?: boolean;
}

interface PebbleEntries extends ValuePrefixes {
  /** Lengths of the value blocks that values may lie in; absent where they are not known. */
  values?: ValueBlockLengths;
}

/** What a table says about which keys it holds. */
export interface KeyFilter {
  /** False when a reader would skip the table for the user key (without timestamp) in `key[0, length)`. */
  holds(key: Uint8Array, length: number, blockOffset: number): boolean;
  /**
   * The same of all user keys of one block at once, by their hashes. False also where only `holds` can tell. Absent where the filter
   * rests on a hash that the kernel has not.
   */
  readonly byHash?: {
    readonly hash: Exclude<KeyHash, 'none'>;
    holdsAll(keys: HashedKeys): boolean;
    /** The same filter, where the kernel can ask it by itself. */
    readonly bloom?: KernelBloom;
  };
}

/** The user keys of one block, hashed. */
export interface HashedKeys {
  /** Two words each, low half first. */
  hashes: Uint32Array;
  count: number;
  /** Of the first and last internal key, which are `firstKey` and `lastKey` of the kernel. */
  firstLength: number;
  lastLength: number;
  /** Where the block begins in the file. */
  blockOffset: number;
}

/** Sequences from here on do not fit a double; no database gets there before its disk is full of them. */
export const LARGEST_SEQUENCE = 2 ** 53;

/** High half of the trailer of such a key. */
export const SEQUENCE_HIGH_LIMIT = LARGEST_SEQUENCE / 0x100_0000;

/** A value that a table has in a blob file: its place, bytes as stored, and the user key that the record there must have. */
export interface BlobReference {
  offset: number;
  size: number;
  key: Uint8Array;
}

/** References to one blob file. */
interface BlobTally {
  count: number;
  /** Bytes of values as stored. */
  bytes: number;
  /** Offset of the first value and end of the last. */
  from: number;
  to: number;
  /** See `withSample`. */
  samples: BlobReference[];
}

/** Orders offsets in a way that has nothing to do with them, and is the same in whatever order and pieces a table is read. */
const scattered = (offset: number): number => Math.imul(offset, 0x9e3779b1) >>> 0;

/** Whether a reference to that offset is one of the samples, of which there are those so far. */
export function isSample(samples: readonly BlobReference[] | undefined, offset: number): boolean {
  if (samples === undefined || samples.length === 0) return true;
  const at = scattered(offset);
  return at < scattered(samples[0].offset) || at > scattered(samples.at(-1)!.offset);
}

/** The samples of references: the two that stand at the ends of their scattered order. */
export function withSample(samples: readonly BlobReference[], more: BlobReference): BlobReference[] {
  if (samples.length === 0 || !isSample(samples, more.offset))
    return samples.length === 0 ? [more] : [...samples];
  return scattered(more.offset) < scattered(samples[0].offset) ? [more, samples.at(-1)!] : [samples[0], more];
}

/** References to Titan's files that are kept of one unit: 24 MiB. */
const MOST_TITAN = 1 << 20;

/** Blob files of one table that samples are kept of: keys may be large, and a damaged table may name any number of files. */
const MOST_SAMPLED = 1 << 14;

/** What was found in data blocks. */
export class Tally {
  blocks = 0;
  points = 0;
  /** Delete, SingleDelete and DeleteWithTimestamp. */
  deletions = 0;
  merges = 0;
  /** Stored internal keys. */
  keyBytes = 0;
  valueBytes = 0;
  minSequence = Number.POSITIVE_INFINITY;
  maxSequence = -1;
  readonly blobs = new Map<number, BlobTally>();
  readonly handles = new HandleOrder();
  /** References to blob files of Titan's: file number, offset and size of each, the first {@link MOST_TITAN}. */
  readonly titan: number[] = [];
  titanLeftOut = 0;

  /** Adds the sums of some blocks. */
  addSums(
    blocks: number,
    points: number,
    deletions: number,
    merges: number,
    keyBytes: number,
    valueBytes: number,
  ): void {
    this.blocks += blocks;
    this.points += points;
    this.deletions += deletions;
    this.merges += merges;
    this.keyBytes += keyBytes;
    this.valueBytes += valueBytes;
  }

  addSample(file: number, sample: BlobReference): void {
    const tally = this.blobs.get(file)!;
    if (this.blobs.size <= MOST_SAMPLED) tally.samples = withSample(tally.samples, sample);
  }

  /** `file`: one more than its place in the list of a table of Pebble. */
  addHandle(file: number, block: number, value: number): void {
    this.addBlob(file, block, 0);
    this.handles.add(file - 1, block, value);
  }

  /** Titan's files come under the negative of their numbers. */
  addBlob(file: number, offset: number, size: number): void {
    if (file < 0) {
      if (this.titan.length < 3 * MOST_TITAN) this.titan.push(-file, offset, size);
      else this.titanLeftOut++;
      return;
    }
    const tally = this.blobs.get(file);
    if (tally === undefined) {
      this.blobs.set(file, {
        ...{ count: 1, bytes: size, from: offset, to: offset + size },
        samples: [],
      });
      return;
    }
    tally.count++;
    tally.bytes += size;
    tally.from = Math.min(tally.from, offset);
    tally.to = Math.max(tally.to, offset + size);
  }
}

/** A value that is more than bytes to the engine: 1, its content is checked too. */
export const STRUCTURED_TYPES = new Uint8Array(256);
STRUCTURED_TYPES[VALUE_TYPE.blobIndex] = 1;
STRUCTURED_TYPES[VALUE_TYPE.entity] = 1;
STRUCTURED_TYPES[VALUE_TYPE.timedPut] = 1;

/** 1 for the types that properties count as deleted keys; no other engine has the type of a sized deletion. */
export const DELETION_TYPES = new Uint8Array(256);
DELETION_TYPES[VALUE_TYPE.delete] = 1;
DELETION_TYPES[VALUE_TYPE.singleDelete] = 1;
DELETION_TYPES[VALUE_TYPE.deleteWithTimestamp] = 1;
DELETION_TYPES[VALUE_TYPE.sizedDelete] = 1;

/** Bytes of preferred sequence after the value of a timed put. */
const PREFERRED_SEQUENCE = 8;

/**
 * What is wrong with the value `bytes[start, end)` of a structured type, undefined when it decodes. Blob references go to
 * `onBlob`.
 */
export function valueProblem(
  rules: DataRules,
  type: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  onBlob: (file: number, offset: number, size: number) => void,
): string | undefined {
  switch (type) {
    case VALUE_TYPE.blobIndex:
      return blobProblem(rules, bytes, start, end, onBlob);
    case VALUE_TYPE.entity: {
      const { columns, anomalies } = decodeEntity(bytes.subarray(start, end));
      if (anomalies.length > 0) return anomalies[0].message;
      for (const { blobIndex, value } of columns) {
        const problem = blobIndex ? blobProblem(rules, value, 0, value.length, onBlob) : undefined;
        if (problem !== undefined) return problem;
      }
      return undefined;
    }
    case VALUE_TYPE.timedPut:
      return end - start < PREFERRED_SEQUENCE
        ? `a timed put of ${end - start} bytes has no room for its sequence`
        : undefined;
    default:
      return undefined;
  }
}

function blobProblem(
  rules: DataRules,
  bytes: Uint8Array,
  start: number,
  end: number,
  onBlob: (file: number, offset: number, size: number) => void,
): string | undefined {
  const blob = decodeBlobIndex(bytes, start, end);
  if (blob.kind === 'malformed') return `the reference to a blob file cannot be decoded: ${blob.error}`;
  if (blob.kind === 'titan') {
    if (!rules.titan) return 'the reference to a blob file lacks its byte of compression';
    onBlob(-Number(blob.fileNumber), Number(blob.offset), Number(blob.size));
    return undefined;
  }
  if (blob.kind === 'inlined') return undefined;
  const { fileNumber, offset, size } = blob;
  if (fileNumber === 0n && !rules.embeddedBlobs)
    return 'the reference names blob file 0, which does not exist';
  onBlob(Number(fileNumber), Number(offset), Number(size));
  return undefined;
}

/** Shortest internal key that the comparator can take apart. */
export function shortestKey(comparator: Comparator): number {
  return KEY_TRAILER + comparator.timestampSize;
}
