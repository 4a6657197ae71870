import { firstKey, keyScratch, lastKey, runTotals, soundKey } from '../../bytes/kernel.js';
import { BLOCK_INDEX_SEED, rocksdbHash } from '../../bytes/rocksdb-hash.js';
import { PEBBLE_RESTART_MASK } from '../../format/sst/block.js';
import { fieldOrder } from '../../format/sst/comparator.js';
import {
  hasPrefix,
  isInBlobFile,
  noteBlobHandle,
  OBSOLETE_BIT,
  valueLength as valueLengthOf,
} from '../../format/sst/value-blocks.js';
import {
  type BlobReference,
  type DataRules,
  DELETION_TYPES,
  isSample,
  SEQUENCE_HIGH_LIMIT,
  STRUCTURED_TYPES,
  shortestKey,
  Tally,
  valueProblem,
  withSample,
} from './data-rules.js';
import { EntryKernel } from './entry-kernel.js';

const HASH_INDEX = 0x80000000;
const RESERVED = 0x40000000;
const SEPARATED = 0x10000000;
const COUNT_MASK = 0x0fffffff;
/** Bucket of keys that share one: the reader searches the block. */
const COLLISION = 254;
/** Above it a key is copied by `set`, below it byte by byte: the call costs as much as some thirty bytes. */
const SHORT_COPY = 32;
/** A table of which the kernel has refused so many good blocks is not for it: it holds blob references, say. */
const MOST_REFUSALS = 8;

/**
 * The fast path over the data blocks of one table, in order. `verify` runs over every entry of a block without allocating
 * and answers whether it is as it should be; what it finds is added up in `tally`. It says no exactly when `explain` finds
 * an anomaly, and it does not say why.
 */
export class DataBlockVerifier {
  readonly tally = new Tally();
  /** The last internal key of the last block, in a buffer that grows. */
  key: Uint8Array = new Uint8Array(1024);
  /** Its length; 0 before the first key. */
  keyLength = 0;
  /** The key before the block verified last: where `explain` has to begin. */
  before: Uint8Array = new Uint8Array(1024);
  beforeLength = 0;
  /** First key of the block verified last. */
  first: Uint8Array = new Uint8Array(1024);
  firstLength = 0;

  /** Takes the plain blocks, most of them all; absent where no block is one for it. */
  private kernel: EntryKernel | undefined;
  private refusals = 0;
  private readonly ascending: boolean;
  private readonly anyOrder: boolean;
  /** Keys whose order is not that of their bytes: each is compared as a whole with the one before. */
  private readonly byFields: ReturnType<typeof fieldOrder>;
  private previous: Uint8Array = new Uint8Array(1024);
  private readonly timestampSize: number;
  private readonly shortest: number;
  private readonly pendingBlobs: number[] = [];
  private readonly pendingSamples = new Map<number, BlobReference[]>();
  private readonly addPending = (file: number, offset: number, size: number): void => {
    this.pendingBlobs.push(file, offset, size);
  };

  constructor(private readonly rules: DataRules) {
    const { comparator } = rules;
    this.ascending = comparator.order !== 'reverse';
    this.anyOrder = comparator.order === 'unknown';
    this.byFields = fieldOrder(comparator.order);
    this.timestampSize = comparator.timestampSize;
    this.shortest = shortestKey(comparator);
    this.kernel = EntryKernel.for(rules);
  }

  /** Takes over where another pass has left the order and the sums: after a block that had to be explained. */
  resume(key: Uint8Array): void {
    this.key = copyInto(this.key, key, key.length);
    this.keyLength = key.length;
  }

  /** The fast path of plain blocks, where the table has any. */
  get entryKernel(): EntryKernel | undefined {
    return this.kernel;
  }

  /** Takes over what `verifyBlocks` has found of a run of so many blocks. */
  adoptRun(blocks: number): void {
    const { tally } = this;
    tally.addSums(blocks, runTotals[0], runTotals[1], runTotals[2], runTotals[3], runTotals[4]);
    if (runTotals[5] < tally.minSequence) tally.minSequence = runTotals[5];
    tally.maxSequence = runTotals[6];
    this.keyLength = runTotals[9];
    this.key = copyInto(this.key, soundKey, this.keyLength);
  }

  /**
   * Verifies the decompressed block `bytes[start, end)`, which stands at file offset `blockOffset`. When it says no,
   * `tally` is as before and `key` holds anything: call `resume`.
   */
  verify(bytes: Uint8Array, start: number, end: number, blockOffset: number): boolean {
    const { kernel } = this;
    if (kernel === undefined) return this.verifyEntries(bytes, start, end, blockOffset);
    if (kernel.verify(bytes, start, end, this.key, this.keyLength, this.tally, blockOffset)) {
      const reused = this.before;
      this.before = this.key;
      this.beforeLength = this.keyLength;
      this.key = copyInto(reused, lastKey, kernel.lastLength);
      this.keyLength = kernel.lastLength;
      this.keepFirst(firstKey, kernel.firstLength);
      return true;
    }
    const fine = this.verifyEntries(bytes, start, end, blockOffset);
    if (fine && ++this.refusals > MOST_REFUSALS) this.kernel = undefined;
    return fine;
  }

  private verifyEntries(bytes: Uint8Array, start: number, end: number, blockOffset: number): boolean {
    const reused = this.before;
    this.before = this.key;
    this.beforeLength = this.keyLength;
    this.key = reused;
    this.firstLength = 0;
    if (end - start < 8) return false;
    const packed = u32(bytes, end - 4);
    if ((packed & RESERVED) !== 0) return false;
    const restartCount = packed & COUNT_MASK;
    if (restartCount === 0) return false;
    const separated = (packed & SEPARATED) !== 0;
    let tail = end - 4;
    let valuesAt = 0;
    if (separated) {
      tail -= 4;
      valuesAt = start + u32(bytes, tail);
      if (tail < start) return false;
    }
    let bucketCount = 0;
    if ((packed & HASH_INDEX) !== 0) {
      tail -= 2;
      if (tail < start) return false;
      bucketCount = bytes[tail] | (bytes[tail + 1] << 8);
      tail -= bucketCount;
      if (tail < start || bucketCount === 0) return false;
    }
    const buckets = tail;
    const restarts = tail - 4 * restartCount;
    if (restarts < start || valuesAt > restarts) return false;
    const { pebble } = this.rules;
    const restartMask = pebble === undefined ? 0xffffffff : PEBBLE_RESTART_MASK;
    if ((u32(bytes, restarts) & restartMask) !== 0) return false;
    const entriesEnd = separated ? valuesAt : restarts;
    if (entriesEnd === start) {
      if (restartCount !== 1 || restarts !== entriesEnd) return false;
      this.key = copyInto(this.key, this.before, this.beforeLength);
      this.tally.blocks++;
      return true;
    }

    const { rules, ascending, anyOrder, byFields, timestampSize, shortest } = this;
    const { types, filter, zeroSequences, emptyDeletions } = rules;
    // the filter hashes keys where it finds them: this array is the one that it need not copy them from
    let key = copyInto(keyScratch, this.before, this.beforeLength);
    let previousLength = this.keyLength;
    let previousHigh = 0;
    let previousLow = 0;
    let previousTimeHigh = 0;
    let previousTimeLow = 0;
    if (previousLength > 0) {
      previousLow = u32(key, previousLength - 8);
      previousHigh = u32(key, previousLength - 4);
      if (timestampSize > 0) {
        previousTimeLow = u32(key, previousLength - 16);
        previousTimeHigh = u32(key, previousLength - 12);
      }
    }
    let inBlock = 0;
    let points = 0;
    let deletions = 0;
    let merges = 0;
    let keyBytes = 0;
    let valueBytes = 0;
    let { minSequence, maxSequence } = this.tally;
    let restart = 0;
    let restartAt = start;
    let valuePosition = valuesAt;
    this.pendingBlobs.length = 0;
    this.pendingSamples.clear();

    let at = start;
    while (at < entriesEnd) {
      const entryAt = at;
      // restart points and the last word follow the entries, so three bytes can always be read
      let shared = bytes[at];
      let nonShared = bytes[at + 1];
      let valueLength = bytes[at + 2];
      if ((shared | nonShared | valueLength) < 0x80) {
        at += 3;
      } else {
        shared = varint32(bytes, at);
        at += varintLength(bytes, at);
        nonShared = varint32(bytes, at);
        at += varintLength(bytes, at);
        valueLength = varint32(bytes, at);
        at += varintLength(bytes, at);
      }
      if (entryAt >= restartAt) {
        if (entryAt !== restartAt || shared !== 0) return false;
        if (separated) {
          if (varint32(bytes, at) !== valuePosition - valuesAt) return false;
          at += varintLength(bytes, at);
        }
        restart++;
        restartAt =
          restart < restartCount
            ? start + ((u32(bytes, restarts + 4 * restart) & restartMask) >>> 0)
            : 0x100000000;
      }
      if (at > entriesEnd || shared > inBlock) return false;
      const deltaAt = at;
      at += nonShared;
      if (separated) {
        valuePosition += valueLength;
        if (valuePosition > restarts) return false;
      } else at += valueLength;
      if (at > entriesEnd) return false;
      const length = shared + nonShared;
      if (length < shortest) return false;

      const bodyLength = length - shortest;
      let order = 1;
      if (byFields !== undefined) {
        this.previous = copyInto(this.previous, key, previousLength);
      } else if (previousLength > 0) {
        const previousBody = previousLength - shortest;
        const common = Math.min(bodyLength, previousBody);
        order = 0;
        for (let i = Math.min(shared, common); i < common; i++) {
          order = bytes[deltaAt + i - shared] - key[i];
          if (order !== 0) break;
        }
        if (order === 0) order = bodyLength - previousBody;
        if (order !== 0) order = anyOrder ? 1 : ascending ? order : -order;
        if (order < 0) return false;
      }

      if (length > key.length) key = grown(key, length, shared);
      if (nonShared <= SHORT_COPY) {
        for (let i = 0; i < nonShared; i++) key[shared + i] = bytes[deltaAt + i];
      } else {
        key.set(bytes.subarray(deltaAt, deltaAt + nonShared), shared);
      }
      if (byFields !== undefined && previousLength > 0) {
        order = byFields(key, 0, bodyLength, this.previous, 0, previousLength - shortest);
        if (order < 0) return false;
      }
      if (pebble !== undefined) key[length - 8] &= ~OBSOLETE_BIT;
      const low = u32(key, length - 8);
      const high = u32(key, length - 4);
      let timeLow = 0;
      let timeHigh = 0;
      if (timestampSize > 0) {
        timeLow = u32(key, length - 16);
        timeHigh = u32(key, length - 12);
      }
      if (order === 0) {
        // the same user key: timestamp, then sequence and type, must fall
        if (timeHigh !== previousTimeHigh) {
          if (timeHigh > previousTimeHigh) return false;
        } else if (timeLow !== previousTimeLow) {
          if (timeLow > previousTimeLow) return false;
        } else if (high > previousHigh || (high === previousHigh && low >= previousLow)) return false;
      } else if (filter !== undefined && !filter.holds(key, bodyLength, blockOffset)) return false;

      const type = low & 0xff;
      if (types[type] === 0 || high >= SEQUENCE_HIGH_LIMIT) return false;
      const sequence = high * 0x100_0000 + (low >>> 8);
      if (zeroSequences && sequence !== 0) return false;
      if (sequence < minSequence) minSequence = sequence;
      if (sequence > maxSequence) maxSequence = sequence;
      if (bucketCount > 0) {
        const slot = rocksdbHash(key, 0, length - 8, BLOCK_INDEX_SEED) % bucketCount;
        const bucket = bytes[buckets + slot];
        if (bucket !== COLLISION && bucket !== restart - 1) return false;
      }
      if (type !== 1) {
        if (DELETION_TYPES[type] === 1) {
          if (emptyDeletions && valueLength > 0) return false;
          deletions++;
        } else if (type === 2) merges++;
        else if (STRUCTURED_TYPES[type] === 1) {
          const valueEnd = separated ? valuePosition : at;
          const noted = this.pendingBlobs.length;
          const problem = valueProblem(rules, type, bytes, valueEnd - valueLength, valueEnd, this.addPending);
          if (problem !== undefined) return false;
          if (this.pendingBlobs.length > noted) this.sampleBlob(key, length - 8);
        }
      }
      if (inBlock === 0) this.keepFirst(key, length);
      if (pebble !== undefined && hasPrefix(type, pebble)) {
        const stored = at - valueLength;
        valueLength = valueLengthOf(bytes, stored, at, pebble.values, pebble);
        if (valueLength < 0) return false;
        if (isInBlobFile(bytes[stored])) noteBlobHandle(bytes, stored, at, this.addPending);
      }
      points++;
      keyBytes += length;
      valueBytes += valueLength;
      inBlock = length;
      previousLength = length;
      previousHigh = high;
      previousLow = low;
      previousTimeHigh = timeHigh;
      previousTimeLow = timeLow;
    }
    if (restart !== restartCount) return false;
    if (separated && valuePosition !== restarts) return false;

    const { tally } = this;
    tally.addSums(1, points, deletions, merges, keyBytes, valueBytes);
    tally.minSequence = minSequence;
    tally.maxSequence = maxSequence;
    const { pendingBlobs } = this;
    for (let i = 0; i < pendingBlobs.length; i += 3) {
      const [file, offset, size] = [pendingBlobs[i], pendingBlobs[i + 1], pendingBlobs[i + 2]];
      if (pebble === undefined) tally.addBlob(file, offset, size);
      else tally.addHandle(file, offset, size);
    }
    for (const [file, samples] of this.pendingSamples)
      for (const sample of samples) tally.addSample(file, sample);
    this.key = copyInto(this.key, key, previousLength);
    this.keyLength = previousLength;
    return true;
  }

  /** Keeps the reference noted last, which is the one of the user key `key[0, length)`, where it is a sample: few are. */
  private sampleBlob(key: Uint8Array, length: number): void {
    const { pendingBlobs: noted, pendingSamples, tally } = this;
    const at = noted.length - 3;
    const file = noted[at];
    const offset = noted[at + 1];
    const pending = pendingSamples.get(file);
    if (file <= 0 || !isSample(tally.blobs.get(file)?.samples, offset) || !isSample(pending, offset)) return;
    const sample = { offset, size: noted[at + 2], key: key.slice(0, length) };
    pendingSamples.set(file, withSample(pending ?? [], sample));
  }

  private keepFirst(key: Uint8Array, length: number): void {
    this.first = copyInto(this.first, key, length);
    this.firstLength = length;
  }
}

function grown(key: Uint8Array, length: number, used: number): Uint8Array {
  const larger = new Uint8Array(2 * length);
  larger.set(key.subarray(0, used));
  return larger;
}

/** Copies `from[0, length)` into `into`, or into a larger array. */
function copyInto(into: Uint8Array, from: Uint8Array, length: number): Uint8Array {
  const target = length > into.length ? new Uint8Array(2 * length) : into;
  if (length > SHORT_COPY) target.set(from.subarray(0, length));
  else for (let i = 0; i < length; i++) target[i] = from[i];
  return target;
}

function u32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

/** A varint32; a number past every block size where it does not end within 5 bytes or within the array. */
function varint32(bytes: Uint8Array, at: number): number {
  let result = 0;
  for (let scale = 1, i = 0; i < 5 && at + i < bytes.length; i++, scale *= 0x80) {
    const byte = bytes[at + i];
    result += (byte & 0x7f) * scale;
    if (byte < 0x80) return result;
  }
  return 0x2_0000_0000;
}

function varintLength(bytes: Uint8Array, at: number): number {
  let length = 1;
  while (length < 5 && at + length <= bytes.length && bytes[at + length - 1] >= 0x80) length++;
  return length;
}
