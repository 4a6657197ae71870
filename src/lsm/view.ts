import type { NamedObject } from '../format/database-options.js';
import type { DialectName } from '../format/dialect.js';
import {
  alsoLiveTables,
  type ColumnFamily,
  type LiveTable,
  type Version,
} from '../format/manifest/version.js';
import { comparatorNamed } from '../format/sst/comparator.js';
import type { BlockSpace } from '../format/sst/load.js';
import type { HiddenSequences } from '../recovery/outcome.js';
import { BlobValues } from './blob-values.js';
import type { EntryCursor } from './cursor.js';
import { FlushedTable } from './flushed-table.js';
import {
  beforeKey,
  type KeyOrder,
  type KeyPosition,
  keyOrder,
  trailerHigh,
  trailerLow,
} from './key-order.js';
import { MergeIterator } from './merge-iterator.js';
import { mergeOperator } from './merge-operator.js';
import { type OpeningWalk, openTableCursor } from './open-table.js';
import { ProblemLog } from './problems.js';
import { TombstoneSweep } from './range-tombstones.js';
import { RunCursor } from './run-cursor.js';
import { type BoundedTable, type SortedRun, tableDepths, tableRuns } from './runs.js';
import { SourcePool } from './source-pool.js';
import type { StoreFiles } from './store-files.js';
import { UncommittedSequences } from './uncommitted.js';
import { VisibleIterator } from './visible.js';
import { type MemtableOptions, type Replay, ReplayedMemtables } from './windows.js';

/** Tables that one walk has open at a time. */
const OPEN_TABLES = 128;

export interface ViewInput {
  version: Version;
  files: StoreFiles;
  /** Operations that recovery applies; without it only tables are seen. */
  replay?: Replay;
  /** Whose files they are. Default: RocksDB's. */
  dialect?: DialectName;
  /** Checksums of blocks are not looked at, as LevelDB's default is. */
  unverified?: boolean;
  /** Keys are told apart as an iterator of Pebble's does it, which may show one twice: what the engine shows, not what is there. */
  byTrailer?: boolean;
  /**
   * A range tombstone deletes what stands below its source, whatever the sequences say, and nothing above it, as for RocksDB's iterator
   * from 7.7 on (rocksdb table/merging_iterator.cc `SkipNextDeleted`). Default: what is older, as sequences tell.
   */
  byDepth?: boolean;
  /** What is replayed is flushed to one table of level 0 before anything is read, as Pebble 1.x does with one WAL. */
  flushes?: boolean;
  /** The last sequence that is seen: recovery's outcome. Default: the MANIFEST's. */
  sequence?: bigint;
  /** Written by transactions that are not decided: not seen (recovery's `hidden`). */
  uncommitted?: readonly HiddenSequences[];
  /** The merge operator that OPTIONS names for a column family. */
  mergeOperator?(columnFamily: ColumnFamily): NamedObject | undefined;
  /** Memory for replayed operations, see windows.ts. */
  memtables?: MemtableOptions;
}

export interface WalkOptions {
  /** Begin at this key (without timestamp), included. */
  from?: Uint8Array;
  /** Go on after what cannot be read. Default: end there, as the engine's iterators do. */
  lenient?: boolean;
}

/** Every version of every key in order, shadowed and deleted ones too. Close `entries` in the end. */
interface VersionWalk {
  entries: MergeIterator;
  /** Asked for each entry in order, says which are under a range tombstone. */
  tombstones: TombstoneSweep;
  problems: ProblemLog;
}

/** One source of a column family: the replayed WALs, or a table. Close `entries` and `blobs` in the end. */
export interface SourceWalk extends VersionWalk {
  /** Empty for the WALs. */
  file: string;
  blobs: BlobValues;
  /** Whether a reader sees an entry with these trailer halves, were nothing newer there. */
  isSeen(high: number, low: number): boolean;
}

/**
 * The offline view of a database: live tables, blob files and replayed WALs merged as the engine merges them, read only and
 * streaming. A walk holds the memtables (see windows.ts for their bound), the index and a 256 KiB buffer of one table per
 * run (see runs.ts), the range tombstones that apply or come soon, and the operands of one key.
 */
export class View {
  /** The last sequence that is seen. */
  readonly sequence: bigint;
  private readonly runs = new Map<number, SortedRun[]>();
  private readonly depths = new Map<number, ReadonlyMap<LiveTable, number>>();

  private constructor(
    private readonly input: ViewInput,
    private readonly orders: ReadonlyMap<number, KeyOrder>,
    private readonly memtables: ReplayedMemtables | undefined,
    /** The table that the WALs are flushed to. */
    private readonly flushed: LiveTable | undefined,
  ) {
    this.sequence = input.sequence ?? input.version.lastSequence ?? 0n;
    for (const family of this.columnFamilies) {
      const { id, tables } = family;
      // what is there stands in one of them
      const again = input.byTrailer ? alsoLiveTables(family) : [];
      const all = [...tables.values(), ...again, ...(flushed === undefined ? [] : [flushed])];
      this.runs.set(id, tableRuns(all, this.order(id), input.byTrailer));
      if (input.byDepth) this.depths.set(id, tableDepths(all));
    }
  }

  /** Replays the WALs, and reads nothing else: damage in other files comes to light in walks. */
  static async open(input: ViewInput): Promise<View> {
    const orders = new Map<number, KeyOrder>();
    for (const { id, comparator } of input.version.columnFamilies.values())
      orders.set(id, keyOrder(comparator));
    const { replay, flushes = false } = input;
    const flush = new FlushedTable(orders);
    const first: Replay | undefined = flushes && replay ? (sink) => replay(flush.noting(sink)) : replay;
    const memtables = first && (await ReplayedMemtables.fill(orders, first, input.memtables));
    return new View(input, orders, memtables, flush.table);
  }

  /** By id. */
  get columnFamilies(): ColumnFamily[] {
    return [...this.input.version.columnFamilies.values()].sort((a, b) => a.id - b.id);
  }

  /**
   * How a column family sorts its keys. Where `known` is false, a strict walk is empty and a lenient one cannot tell which
   * versions of a key belong together when they lie in several files. A column family that the version does not have is
   * empty: what an application keeps in it may be asked of a version that was put together from the tables that are left.
   */
  order(columnFamily: number): KeyOrder {
    return this.orders.get(columnFamily) ?? keyOrder(comparatorNamed().name);
  }

  /** Gives the memory of memtables back. No walk may go on. */
  close(): void {
    this.memtables?.release();
  }

  /** Walks what a reader sees. */
  visible(columnFamily: number, options: WalkOptions = {}): VisibleIterator {
    const spaces = new Map<string, BlockSpace>();
    const { entries, tombstones, problems } = this.walk(columnFamily, options, spaces, false);
    const family = this.input.version.columnFamilies.get(columnFamily);
    const named = family && this.input.mergeOperator?.(family);
    return new VisibleIterator(entries, {
      order: this.order(columnFamily),
      sequence: this.sequence,
      uncommitted: new UncommittedSequences(this.input.uncommitted ?? []),
      tombstones,
      mergeOperator: named && mergeOperator(named),
      blobs: new BlobValues(this.input.files, spaces, problems),
      byTrailer: this.input.byTrailer ?? false,
      problems,
    });
  }

  /** Walks every version. */
  versions(columnFamily: number, options: WalkOptions = {}): VersionWalk {
    return this.walk(columnFamily, options, new Map(), true);
  }

  /** Walks every version, source by source: nothing is compared between them, as that takes the order of keys. */
  *separately(columnFamily: number, lenient: boolean): Generator<SourceWalk> {
    const order = this.order(columnFamily);
    const { files, uncommitted = [] } = this.input;
    const undecided = new UncommittedSequences(uncommitted);
    const [snapshotHigh, snapshotLow] = [trailerHigh(this.sequence), trailerLow(this.sequence, 0xff)];
    const isSeen = (high: number, low: number) =>
      (high < snapshotHigh || (high === snapshotHigh && low <= snapshotLow)) && !undecided.has(high, low);
    const source = (file: string, open: (walk: OpeningWalk) => EntryCursor): SourceWalk => {
      const spaces = new Map<string, BlockSpace>();
      const problems = new ProblemLog(lenient);
      const tombstones = new TombstoneSweep(order, this.sequence, uncommitted);
      const pool = new SourcePool(1);
      const cursor = open(this.opening({ order, pool, tombstones, problems, spaces, allVersions: true }));
      const entries = new MergeIterator(order, [cursor]);
      return { entries, tombstones, problems, file, blobs: new BlobValues(files, spaces, problems), isSeen };
    };
    const memtables = this.orders.has(columnFamily) ? this.memtables : undefined;
    if (memtables !== undefined) {
      const walk = source('', () => memtables.cursor(columnFamily));
      for (const tombstone of memtables.rangeTombstones(columnFamily)) walk.tombstones.add(tombstone);
      yield walk;
    }
    for (const table of (this.runs.get(columnFamily) ?? []).flat()) {
      if (table.live === this.flushed) continue;
      const open = (walk: OpeningWalk) =>
        new RunCursor([table], order, (each) => openTableCursor(walk, each));
      yield source(files.table(table.live).name, open);
    }
  }

  /** What a walk brings along of its own, with what is the same in all. */
  private opening(own: Omit<OpeningWalk, 'files' | 'valueFiles' | 'dialect' | 'unverified'>): OpeningWalk {
    const { files, version, dialect, unverified } = this.input;
    return { ...own, files, valueFiles: version.valueFiles, dialect, unverified };
  }

  private walk(
    columnFamily: number,
    { from, lenient = false }: WalkOptions,
    spaces: Map<string, BlockSpace>,
    allVersions: boolean,
  ): VersionWalk {
    const order = this.order(columnFamily);
    const problems = new ProblemLog(lenient);
    if (!order.known) {
      const message = `The order of keys is the application's own (${order.comparator}): they are merged as if it were bytewise`;
      problems.add({ file: '', message });
    }
    const { uncommitted, byDepth, byTrailer } = this.input;
    const tombstones = new TombstoneSweep(order, this.sequence, uncommitted, byDepth);
    const pool = new SourcePool(OPEN_TABLES);
    const opening = this.opening({ order, pool, tombstones, problems, spaces, allVersions });
    const position = from && beforeKey(from, order);
    const sources: EntryCursor[] = [];
    const { flushed } = this;
    const memtables = this.orders.has(columnFamily) ? this.memtables : undefined;
    const runs = this.runs.get(columnFamily) ?? [];
    if (memtables !== undefined) {
      if (flushed === undefined) sources.push(memtables.cursor(columnFamily, from));
      const depth = 1 + runs.findIndex((run) => run.some(({ live }) => live === flushed));
      for (const tombstone of memtables.rangeTombstones(columnFamily))
        tombstones.add({ ...tombstone, depth });
    }
    const depths = this.depths.get(columnFamily);
    for (const [i, run] of runs.entries()) {
      const depth = i + 1;
      const open = async (table: BoundedTable, at: KeyPosition | undefined) =>
        memtables !== undefined && table.live === flushed
          ? memtables.cursor(columnFamily, from)
          : openTableCursor({ ...opening, depth: byTrailer ? depth : depths?.get(table.live) }, table, at);
      sources.push(new RunCursor(run, order, open, position, depth));
    }
    return { entries: new MergeIterator(order, sources), tombstones, problems };
  }
}
