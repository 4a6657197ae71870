import { BLOCK_INDEX_SEED, rocksdbHash } from '../../bytes/rocksdb-hash.js';
import { keyBytes } from '../../finding/evidence.js';
import type { Anomaly } from '../../finding/finding.js';
import { type BlockEntry, BlockReader, PEBBLE_RESTART_MASK } from '../../format/sst/block.js';
import { compareInternalKeys } from '../../format/sst/comparator.js';
import {
  KEY_TRAILER,
  parseInternalKey,
  userKeyOf,
  VALUE_TYPE,
  valueTypeName,
} from '../../format/sst/internal-key.js';
import { hasPrefix, OBSOLETE_BIT, valueLength } from '../../format/sst/value-blocks.js';
import {
  type BlobReference,
  type DataRules,
  DELETION_TYPES,
  LARGEST_SEQUENCE,
  STRUCTURED_TYPES,
  shortestKey,
  type Tally,
  valueProblem,
} from './data-rules.js';

const COLLISION = 254;
const NO_BUCKET = 255;

interface Explanation {
  /** In the space of the decompressed block, in the order of its bytes. */
  anomalies: Anomaly[];
  /** Internal keys of the first and of the last entry that are usable; absent when none is. */
  first?: Uint8Array;
  last?: Uint8Array;
}

/**
 * The slow path over one decompressed data block: the same rules as `DataBlockVerifier.verify`, with every anomaly and its
 * place. `before` is the internal key before the block, empty at the start of a table. What can be read is added to
 * `tally`.
 */
export function explainDataBlock(
  bytes: Uint8Array,
  rules: DataRules,
  before: Uint8Array,
  blockOffset: number,
  tally: Tally,
): Explanation {
  const reader = new BlockReader(bytes, undefined, rules.pebble && PEBBLE_RESTART_MASK);
  const explanation: Explanation = { anomalies: reader.anomalies };
  const block: BlockState = { reader, rules, blockOffset, tally, restart: -1, run: [] };
  let previous = before.length > 0 ? before : undefined;
  for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
    if (entry.restart >= 0) block.restart = entry.restart;
    if (!checkEntry(block, entry, previous)) continue;
    previous = entry.key.slice();
    explanation.first ??= previous;
    explanation.last = previous;
    if (entry.shared === 0) block.run.length = 0;
    block.run.push({ offset: entry.offset, shared: entry.shared });
    count(block, entry);
  }
  if (reader.tail !== undefined) tally.blocks++;
  explanation.anomalies.sort((a, b) => a.offset - b.offset);
  return explanation;
}

interface BlockState {
  reader: BlockReader;
  rules: DataRules;
  blockOffset: number;
  tally: Tally;
  /** Restart interval that the entry belongs to. */
  restart: number;
  /** Entries from the last restart point on, the entry before being the last: where each begins, and the bytes that it shares. */
  run: { offset: number; shared: number }[];
}

/** Checks one entry; false when its key cannot be used. */
function checkEntry(block: BlockState, entry: BlockEntry, previous: Uint8Array | undefined): boolean {
  const { reader, rules } = block;
  const { offset, length, key } = entry;
  if (rules.pebble !== undefined && key.length >= KEY_TRAILER) key[key.length - KEY_TRAILER] &= ~OBSOLETE_BIT;
  const complain = (rule: Anomaly['rule'], message: string, evidence?: Anomaly['evidence']) =>
    reader.anomalies.push({ rule, offset, length, message, evidence });
  const parsed = key.length < shortestKey(rules.comparator) ? undefined : parseInternalKey(key);
  if (parsed === undefined) {
    complain('sst/bad-key', `An internal key of ${key.length} bytes is too short`);
    return false;
  }
  const { userKey, sequence, type } = parsed;
  const shown = { key: keyBytes(userKey.slice()), sequence: String(sequence), type: valueTypeName(type) };
  if (rules.types[type] === 0) {
    complain('sst/bad-key', `A data block must not hold entries of type ${valueTypeName(type)}`, shown);
  }
  if (sequence >= BigInt(LARGEST_SEQUENCE)) {
    complain('sst/bad-key', `No database reaches the sequence ${sequence}`, shown);
  } else if (rules.zeroSequences && sequence !== 0n) {
    complain(
      'sst/global-sequence',
      `An entry of an ingested table has the sequence ${sequence}, not 0`,
      shown,
    );
  }
  if (rules.emptyDeletions && type === VALUE_TYPE.delete && entry.valueLength > 0) {
    const message = `A deletion has a value of ${entry.valueLength} bytes, which the engine does not write`;
    complain('sst/deletion-with-value', message, shown);
  }
  checkOrder(block, entry, previous, shown);
  checkStructuredValue(block, entry, type);
  if (valueBytesOf(block, entry, type) < 0)
    complain('sst/bad-value', 'The value does not say in a way that makes sense where it is', shown);
  checkHashIndex(block, entry, userKey);
  checkFilter(block, entry, previous, shown);
  return true;
}

type ShownKey = NonNullable<Anomaly['evidence']>;

function checkOrder(
  { reader, rules, run }: BlockState,
  entry: BlockEntry,
  previous: Uint8Array | undefined,
  shown: ShownKey,
): void {
  if (previous === undefined) return;
  const order = compareInternalKeys(rules.comparator, previous, entry.key);
  if (order === undefined || order < 0) return;
  const before = parseInternalKey(previous);
  const from = bearerOf(run, previous, entry.key);
  reader.anomalies.push({
    rule: 'sst/key-order',
    // either of the two keys may be the wrong one
    offset: from,
    length: entry.offset + entry.length - from,
    message:
      order === 0 ? 'Two entries have the same internal key' : 'A key comes before the one that it follows',
    evidence: {
      ...shown,
      previousKey: keyBytes(before?.userKey ?? previous),
      previousSequence: String(before?.sequence),
      previousType: valueTypeName(before?.type ?? 0),
    },
  });
}

/** Where the entry begins that brought the byte in which `previous` and `key` part: keys after it share it. */
function bearerOf(run: BlockState['run'], previous: Uint8Array, key: Uint8Array): number {
  let same = 0;
  while (same < previous.length && previous[same] === key[same]) same++;
  return (run.findLast(({ shared }) => shared <= same) ?? run.at(-1))?.offset ?? 0;
}

function checkStructuredValue({ reader, rules, tally }: BlockState, entry: BlockEntry, type: number): void {
  if (STRUCTURED_TYPES[type] === 0) return;
  const { offset, length, valueOffset, valueLength } = entry;
  const end = valueOffset + valueLength;
  let sampled = 0;
  let sample: BlobReference | undefined;
  const problem = valueProblem(rules, type, reader.bytes, valueOffset, end, (file, at, size) => {
    tally.addBlob(file, at, size);
    sampled = file;
    sample = { offset: at, size, key: userKeyOf(entry.key).slice() };
  });
  if (problem === undefined) {
    if (sample !== undefined && sampled > 0) tally.addSample(sampled, sample);
    return;
  }
  const rule = type === VALUE_TYPE.blobIndex ? 'sst/bad-blob-index' : 'sst/bad-value';
  reader.anomalies.push({ rule, offset, length, message: problem });
}

function checkHashIndex({ reader, restart }: BlockState, entry: BlockEntry, userKey: Uint8Array): void {
  const buckets = reader.tail?.buckets;
  if (buckets === undefined) return;
  const slot = rocksdbHash(userKey, 0, userKey.length, BLOCK_INDEX_SEED) % buckets.count;
  const bucket = reader.bytes[buckets.offset + slot];
  if (bucket === COLLISION || bucket === restart) return;
  reader.anomalies.push({
    rule: 'sst/hash-index',
    offset: buckets.offset + slot,
    length: 1,
    message:
      bucket === NO_BUCKET
        ? 'The hash index of the block says that a key of it does not exist'
        : `The hash index of the block leads to restart point ${bucket} for a key at ${restart}`,
    evidence: { key: keyBytes(userKey.slice()), entryOffset: entry.offset },
  });
}

function checkFilter(
  { reader, rules, blockOffset }: BlockState,
  entry: BlockEntry,
  previous: Uint8Array | undefined,
  shown: ShownKey,
): void {
  const { comparator, filter } = rules;
  if (filter === undefined) return;
  const length = entry.key.length - shortestKey(comparator);
  if (previous !== undefined && sameBody(previous, entry.key, length, comparator.timestampSize)) return;
  if (filter.holds(entry.key, length, blockOffset)) return;
  const { offset, length: entryLength } = entry;
  const message = 'The filter of the table says that a key of it does not exist';
  reader.anomalies.push({
    rule: 'sst/filter-misses-key',
    offset,
    length: entryLength,
    message,
    evidence: shown,
  });
}

/** True when both internal keys have the same user key, timestamps aside. */
function sameBody(a: Uint8Array, b: Uint8Array, length: number, timestampSize: number): boolean {
  if (a.length - KEY_TRAILER - timestampSize !== length) return false;
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Bytes of a value, which may stand elsewhere; −1 where it is none. */
function valueBytesOf({ reader, rules }: BlockState, entry: BlockEntry, type: number): number {
  const { valueOffset, valueLength: stored } = entry;
  const { pebble } = rules;
  if (pebble === undefined || !hasPrefix(type, pebble)) return stored;
  return valueLength(reader.bytes, valueOffset, valueOffset + stored, pebble.values, pebble);
}

function count(block: BlockState, entry: BlockEntry): void {
  const { tally } = block;
  const { key } = entry;
  const parsed = parseInternalKey(key)!;
  const sequence = Number(parsed.sequence);
  tally.points++;
  if (DELETION_TYPES[parsed.type] === 1) tally.deletions++;
  else if (parsed.type === VALUE_TYPE.merge) tally.merges++;
  tally.keyBytes += key.length;
  tally.valueBytes += Math.max(0, valueBytesOf(block, entry, parsed.type));
  if (sequence >= LARGEST_SEQUENCE) return;
  tally.minSequence = Math.min(tally.minSequence, sequence);
  tally.maxSequence = Math.max(tally.maxSequence, sequence);
}
