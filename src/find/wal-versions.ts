import type { ByteSource } from '../bytes/source.js';
import { judgeTail } from '../check/wal/tail.js';
import { BATCH_HEADER } from '../format/batch/tags.js';
import type { DialectName } from '../format/dialect.js';
import type { Assembly } from '../format/log/assembly.js';
import type { Damage } from '../format/log/damage.js';
import { LogParser } from '../format/log/parser.js';
import { readLog } from '../format/log/read.js';
import { VALUE_TYPE } from '../format/sst/internal-key.js';
import { trailerHigh, trailerLow } from '../lsm/key-order.js';
import { type MergedTombstone, rangeTombstone } from '../lsm/range-tombstones.js';
import { BatchWalker, marker } from '../recovery/batch-walker.js';
import { pebbleMemtableType } from '../recovery/pebble-open.js';
import { type Collection, type FoundFile, type FoundVersion, VALUE_KEPT } from './found.js';
import type { Family, Wanted } from './wanted.js';

/** What the search in one WAL goes by. */
interface WalSearch {
  dialect: DialectName;
  source: ByteSource;
  file: FoundFile;
  wanted: Wanted;
  /** The column family of that number; undefined where it is not looked for. */
  family(id: number): Family | undefined;
  collection: Collection;
}

/**
 * Finds the wanted keys in a log, damage or not: whole records, and the payload of single damaged ones as far as it decodes.
 * Sequences are those of a plain database, one for each operation; in batches of transactions they are left out.
 */
export async function searchWal(search: WalSearch): Promise<void> {
  const { source, dialect, file, collection } = search;
  const parser = new LogParser(source, { dialect, number: file.entry.number });
  const state: LogState = { timestampSizes: parser.timestampSizes };
  const unread = (offset: number, length: number, message: string) =>
    collection.unread.push({ file: file.entry.file, offset, length, message });
  await readLog(parser, {
    record(record) {
      const problem =
        record.decompressionError ?? (record.oversized ? 'larger than kvdoctor keeps' : undefined);
      if (problem === undefined) searchRecord(search, state, record);
      else unread(record.offset, record.endOffset - record.offset, `a record cannot be read: ${problem}`);
      return undefined;
    },
    metadata() {
      state.timestampSizes = parser.timestampSizes;
      return undefined;
    },
    damage(damage) {
      if (damage.reason === 'trailer' || damage.reason === 'zero-gap') return undefined;
      unread(damage.offset, damage.length, 'a damaged part of the log');
      return searchDamage(search, state, damage, parser.compressed);
    },
  });
  await searchTail(search, state, parser);
}

interface LogState {
  timestampSizes: ReadonlyMap<number, number>;
  /** Header sequence of the last batch. */
  lastSequence?: bigint;
}

/** What is after the last whole record: a torn one is looked into, remains of an earlier log are nobody's. */
async function searchTail(search: WalSearch, state: LogState, parser: LogParser): Promise<void> {
  const { source, dialect, file, collection } = search;
  const tail = parser.tail!;
  const { style, compressed } = parser;
  const logNumber = Number(BigInt.asUintN(32, file.entry.number ?? 0n));
  const log = { dialect, style, compressed, logNumber, lastSequence: state.lastSequence };
  const { tail: verdict } = await judgeTail(source, file.entry.file, tail, log);
  if (verdict !== 'torn' && verdict !== 'damaged') return;
  const message = verdict === 'torn' ? 'a record that was cut' : 'a damaged part of the log';
  collection.unread.push({ file: file.entry.file, offset: tail.offset, length: tail.length, message });
  if (tail.damage !== undefined) await searchDamage(search, state, tail.damage, compressed);
}

function searchRecord(search: WalSearch, state: LogState, record: Assembly): void {
  const bytes = record.bytes.subarray(record.start, record.end);
  if (bytes.length >= BATCH_HEADER) state.lastSequence = new BatchWalker(bytes, search.dialect).sequence;
  const { offset, compressed } = record;
  const whole = { offset, length: record.endOffset - offset };
  searchBatch(search, state, bytes, (from, length) => {
    if (compressed) return { at: whole, inner: from };
    const start = record.fileOffset(from);
    return { at: { offset: start, length: record.fileOffset(from + length - 1) + 1 - start } };
  });
}

/** The payload of a damaged record in one piece, where its header still fits and nothing is compressed. */
async function searchDamage(
  search: WalSearch,
  state: LogState,
  { offset, header, reason }: Damage,
  compressed: boolean,
): Promise<void> {
  if (header === undefined || header.kind !== 'full' || compressed || reason === 'stale-record') return;
  const start = offset + header.headerSize;
  const payload = new Uint8Array(Math.min(header.length, Math.max(0, search.source.size - start)));
  const got = await search.source.read(payload, start);
  const place = (from: number, length: number) => ({ at: { offset: start + from, length } });
  searchBatch(search, state, payload.subarray(0, got), place, 'its record is damaged');
}

/** Operations of a batch that are about the wanted keys. */
function searchBatch(
  { dialect, file, wanted, family: familyOf, collection }: WalSearch,
  { timestampSizes }: LogState,
  bytes: Uint8Array,
  place: (from: number, length: number) => Pick<FoundVersion, 'at' | 'inner'>,
  damaged?: string,
): void {
  if (bytes.length < BATCH_HEADER) return;
  const walker = new BatchWalker(bytes, dialect);
  let matches: FoundVersion[] = [];
  let transactional = false;
  let name: Uint8Array | undefined;
  let counted = 0n;
  for (let from = walker.position; walker.next(); from = walker.position) {
    if (!walker.counts) {
      transactional ||= walker.tag !== marker.logData;
      if (walker.tag === marker.endPrepare) name = walker.key;
      continue;
    }
    const sequence = walker.sequence + counted++;
    const family = familyOf(walker.columnFamily);
    if (family === undefined) continue;
    // before 8.4 no record says that keys have timestamps
    const timestampSize = timestampSizes.get(walker.columnFamily) ?? family.order.timestampSize;
    const keyEnd = Math.max(walker.keyStart, walker.keyEnd - timestampSize);
    const type = dialect === 'pebble' ? pebbleMemtableType(walker.tag) : walker.type;
    if (type === undefined) continue;
    const isRange = type === VALUE_TYPE.rangeDelete;
    const value = isRange
      ? walker.value.slice(0, Math.max(0, walker.value.length - timestampSize))
      : walker.value.slice(0, VALUE_KEPT);
    const isWanted = isRange
      ? wanted.mayLieIn(family.order, bytes.subarray(walker.keyStart, keyEnd), value)
      : wanted.matches(bytes, walker.keyStart, keyEnd);
    if (!isWanted) continue;
    matches.push({
      file,
      family,
      key: bytes.slice(walker.keyStart, keyEnd),
      ...(timestampSize > 0 && { timestamp: bytes.slice(keyEnd, walker.keyEnd) }),
      sequence,
      type,
      value,
      valueLength: isRange ? value.length : walker.valueEnd - walker.valueStart,
      ...place(from, walker.position - from),
      ...(damaged !== undefined && { damaged }),
      status: 'unknown',
    });
  }
  // which sequence an operation of a transaction gets is its commit's or its policy's to say
  if (transactional) matches = matches.map(({ sequence: _, ...version }) => version);
  if (name !== undefined) {
    const note = `prepared in transaction ${JSON.stringify(Buffer.from(name).toString('latin1'))}`;
    matches = matches.map((version) => ({ ...version, note }));
  }
  const lost = walker.error();
  if (lost !== undefined && damaged === undefined) {
    const { at } = place(walker.position, bytes.length - walker.position);
    collection.unread.push({
      file: file.entry.file,
      ...at,
      message: `the rest of a batch does not decode: ${lost.message}`,
    });
  }
  for (const version of matches) {
    if (version.type === VALUE_TYPE.rangeDelete) version.range = rangeOf(version);
    if (lost !== undefined && damaged === undefined) version.note = 'the rest of its batch does not decode';
    if (version.type === VALUE_TYPE.rangeDelete) collection.addTombstone(version);
    else collection.add(version);
  }
}

/** What a range tombstone of a memtable covers; its sequence may be told later. */
function rangeOf({ family, key, value, sequence = 0n }: FoundVersion): MergedTombstone | undefined {
  const low = trailerLow(sequence, VALUE_TYPE.rangeDelete);
  return rangeTombstone(family.order, key, value, trailerHigh(sequence), low);
}
