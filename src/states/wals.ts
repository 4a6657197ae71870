import { type Database, filesOf } from '../engine/database.js';
import { SNIFF_BYTES, sniffFile } from '../engine/file-type.js';
import { BATCH_HEADER } from '../format/batch/tags.js';
import type { DialectName } from '../format/dialect.js';
import { byLog, walNumberIn } from '../format/filename.js';
import { LogParser } from '../format/log/parser.js';
import { readLog } from '../format/log/read.js';
import { VALUE_TYPE } from '../format/sst/internal-key.js';
import { readHead } from '../io/head.js';
import type { InventoryEntry } from '../io/inventory.js';
import { BatchWalker, marker } from '../recovery/batch-walker.js';
import { replayBehaviour } from '../recovery/behaviour.js';
import { LevelDbLogReader } from '../recovery/leveldb-log.js';
import { LogReader } from '../recovery/log-reader.js';

/** What a WAL holds for one column family. */
interface FamilyWrites {
  first: bigint;
  last: bigint;
  operations: number;
  /** Merges or single deletions: applied twice they give another result. */
  onceOnly: boolean;
}

export interface SequenceSpan {
  from: bigint;
  to: bigint;
}

/** The part of a WAL that decodes. */
export interface WalContents {
  entry: InventoryEntry;
  number: bigint;
  /** First and last sequence of its operations; absent when it has none. */
  first?: bigint;
  last?: bigint;
  /** Sequence of the last batch. */
  lastBatch?: bigint;
  operations: number;
  families: Map<number, FamilyWrites>;
  /** Sequences between its batches that went elsewhere: writes without a log, ingested tables. Known only where every operation takes a number. */
  holes: SequenceSpan[];
  /** Nothing in it is damaged; a torn end counts as none. */
  whole: boolean;
  counting: Counting;
}

/**
 * How far sequence numbers can be counted from one batch to the next. With WritePrepared and WriteUnprepared a batch takes one, or at
 * most as many as it has operations; with WriteCommitted a commit takes what its prepare section holds, which may stand in an
 * older WAL.
 */
type Counting = 'operations' | 'batches' | 'unknown';

/** Holes that are told apart; further ones widen the last. */
const MOST_HOLES = 1000;

/** Places of WALs, the engine's own first. */
const PLACES: InventoryEntry['place'][] = ['database', 'wal-dir', 'lost', 'archive'];

/** Reads every WAL, in lost/ and archive/ and under other names too, by ascending number; of two with one number the engine's own. */
export async function readWalContents(database: Database): Promise<WalContents[]> {
  const chosen = new Map<bigint, InventoryEntry>();
  const segments = new Map<bigint, InventoryEntry[]>();
  for (const place of PLACES) {
    for (const entry of database.inventory.entries) {
      const { kind, number, suffix } = entry;
      if (kind === 'wal' && number !== undefined && suffix !== undefined && isSegment(database, entry, place))
        segments.set(number, [...(segments.get(number) ?? []), entry]);
      if (kind !== 'wal' || number === undefined || suffix !== undefined || entry.place !== place) continue;
      const other = chosen.get(number);
      if (other === undefined || (other.size === 0 && entry.size > 0)) chosen.set(number, entry);
    }
  }
  const others = database.dialect === 'pebble' ? [] : database.inventory.entries;
  for (const entry of others) {
    const number = walNumberIn(entry.name);
    if (number === undefined || !isRenamed(entry)) continue;
    if ((chosen.get(number)?.size ?? 0) === 0 && (await beginsLikeLog(entry))) chosen.set(number, entry);
  }
  const wals: WalContents[] = [];
  for (const [number, later] of segments) if (!chosen.has(number)) chosen.set(number, later.sort(byLog)[0]);
  for (const [number, entry] of chosen) {
    const later = (segments.get(number) ?? []).filter((each) => each !== entry).sort(byLog);
    wals.push(await readWal(database, entry, number, later));
  }
  // a policy is the database's, also where a WAL has no transaction
  if (wals.some(({ counting }) => counting === 'batches')) for (const wal of wals) wal.counting = 'batches';
  return wals.sort((a, b) => (a.number < b.number ? -1 : 1));
}

/** A later file of a log of Pebble's, where an open reads it. */
function isSegment({ dialect }: Database, entry: InventoryEntry, place: InventoryEntry['place']): boolean {
  return dialect === 'pebble' && entry.place === place && (place === 'database' || place === 'wal-dir');
}

/** A log under a name that the engine does not read. */
function isRenamed({ kind, place, size, source }: InventoryEntry): boolean {
  const isHere = place === 'database' || place === 'wal-dir';
  return kind === 'other' && isHere && size > 0 && source.kind !== 'archived';
}

async function beginsLikeLog({ source }: InventoryEntry): Promise<boolean> {
  const head = await readHead(source, SNIFF_BYTES).catch(() => new Uint8Array(0));
  return sniffFile(head, new Uint8Array(0))?.kind === 'wal';
}

/** Reads one WAL as the one of that number, with the files in which it goes on. */
export async function readWal(
  database: Database,
  entry: InventoryEntry,
  number: bigint,
  later: readonly InventoryEntry[] = [],
): Promise<WalContents> {
  const wal: WalContents = {
    entry,
    number,
    operations: 0,
    families: new Map(),
    holes: [],
    whole: true,
    counting: 'operations',
  };
  wal.whole = await eachBatch(database, entry, number, (bytes) => take(wal, bytes, database.dialect));
  for (const segment of later) {
    const isWhole = await eachBatch(database, segment, number, (bytes) => {
      // it begins with what the one before may have, too
      const { sequence } = new BatchWalker(bytes, database.dialect);
      if (wal.last === undefined || sequence > wal.last) take(wal, bytes, database.dialect);
    });
    wal.whole &&= isWhole;
  }
  return wal;
}

/** Hands over the keys that a WAL writes to a column family, one character a byte, in the order of the writes. */
export async function eachKey(
  database: Database,
  { entry, number }: WalContents,
  columnFamily: number,
  onKey: (key: string, type: number, value: Uint8Array) => void,
): Promise<void> {
  await eachBatch(database, entry, number, (bytes) => {
    const walker = new BatchWalker(bytes, database.dialect);
    while (walker.next()) {
      if (walker.columnFamily !== columnFamily || !walker.counts) continue;
      const key = Buffer.from(bytes.subarray(walker.keyStart, walker.keyEnd)).toString('latin1');
      onKey(key, walker.type, bytes.subarray(walker.valueStart, walker.valueEnd));
    }
  });
}

/** Hands over every batch of a WAL that can be read; false when something in it is damaged. The bytes hold until the next one. */
async function eachBatch(
  database: Database,
  entry: InventoryEntry,
  number: bigint,
  onBatch: (bytes: Uint8Array) => void,
): Promise<boolean> {
  let whole = true;
  const source = await filesOf(database).open(entry.source);
  try {
    if (database.dialect === 'leveldb') {
      const reader = new LevelDbLogReader(source, entry.file, () => {
        whole = false;
      });
      for (let record = await reader.next(); record !== undefined; record = await reader.next())
        if (record.bytes.length >= BATCH_HEADER) onBatch(record.bytes);
      return whole;
    }
    if (database.dialect === 'pebble') {
      await readLog(new LogParser(source, { dialect: 'pebble', number }), {
        record({ bytes, start, end }) {
          if (end - start >= BATCH_HEADER) onBatch(bytes.subarray(start, end));
          return undefined;
        },
        damage() {
          whole = false;
          return undefined;
        },
      });
      return whole;
    }
    const reader = new LogReader(source, {
      mode: 'skip-any-corrupted',
      behaviour: replayBehaviour(database.engineVersion),
      number,
      onReport() {
        whole = false;
      },
    });
    for (;;) {
      const record = await reader.read();
      if (typeof record === 'string') {
        if (record !== 'end') whole = false;
        return whole;
      }
      if (record.bytes.length >= BATCH_HEADER) onBatch(record.bytes);
    }
  } finally {
    await source.close();
  }
}

function take(wal: WalContents, bytes: Uint8Array, dialect: DialectName): void {
  const walker = new BatchWalker(bytes, dialect);
  const { sequence } = walker;
  let counted = 0;
  if (wal.last !== undefined && sequence > wal.last + 1n) addHole(wal, wal.last + 1n, sequence - 1n);
  while (walker.next()) {
    const { tag, type, columnFamily } = walker;
    if (tag === marker.beginPersistedPrepare || tag === marker.beginUnprepare) wal.counting = 'batches';
    else if (wal.counting === 'operations' && decides.has(tag)) wal.counting = 'unknown';
    if (!walker.counts) continue;
    const at = sequence + BigInt(counted++);
    const onceOnly = type === VALUE_TYPE.merge || type === VALUE_TYPE.singleDelete;
    const family = wal.families.get(columnFamily);
    if (family === undefined) {
      wal.families.set(columnFamily, { first: at, last: at, operations: 1, onceOnly });
    } else {
      if (at > family.last) family.last = at;
      family.operations++;
      family.onceOnly ||= onceOnly;
    }
    if (wal.first === undefined) wal.first = at;
    if (wal.last === undefined || at > wal.last) wal.last = at;
  }
  wal.operations += counted;
  if (counted > 0) wal.lastBatch = sequence;
  // a commit alone counts no operation, and takes a number as every batch does
  else if (wal.counting === 'batches' && wal.last !== undefined && sequence > wal.last) {
    wal.last = sequence;
    wal.lastBatch = sequence;
  }
}

/** Markers of WriteCommitted and of every policy. */
const decides: ReadonlySet<number> = new Set([
  marker.beginPrepare,
  marker.commit,
  marker.commitWithTimestamp,
  marker.rollback,
]);

function addHole({ holes }: WalContents, from: bigint, to: bigint): void {
  if (holes.length < MOST_HOLES) holes.push({ from, to });
  else holes[holes.length - 1].to = to;
}

/** What of the sequences from `from` to `to`, both included, is in none of the spans. */
export function outside(spans: readonly SequenceSpan[], { from, to }: SequenceSpan): SequenceSpan[] {
  const left: SequenceSpan[] = [];
  let at = from;
  for (const span of [...spans].sort((a, b) => (a.from < b.from ? -1 : 1))) {
    if (span.from > to) break;
    if (span.from > at) left.push({ from: at, to: span.from - 1n });
    if (span.to >= at) at = span.to + 1n;
  }
  if (at <= to) left.push({ from: at, to });
  return left;
}

/** True when `later` begins where `earlier` ends. */
export function follows(later: WalContents, earlier: WalContents): boolean {
  const { first, counting } = later;
  const { last, lastBatch } = earlier;
  if (first === undefined || last === undefined || first === last + 1n) return true;
  if (counting === 'batches') return first > lastBatch! && first <= last;
  return first > last && (counting === 'unknown' || earlier.counting === 'unknown');
}

/**
 * The first WAL that a column family needs: the first with a write that its tables do not hold. Log and memtable change
 * together, so a WAL is flushed whole or not at all.
 */
export function logNumberFor(wals: readonly WalContents[], columnFamily: number, flushed: bigint): bigint {
  const needed = wals.find(({ families }) => (families.get(columnFamily)?.last ?? -1n) > flushed);
  if (needed !== undefined) return needed.number;
  const newest = wals.at(-1);
  if (newest === undefined) return 0n;
  return newest.families.has(columnFamily) ? newest.number + 1n : newest.number;
}
