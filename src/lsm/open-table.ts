import type { Anomaly } from '../finding/finding.js';
import type { DialectName } from '../format/dialect.js';
import { listedBlobFiles, type Version } from '../format/manifest/version.js';
import { VALUE_TYPE } from '../format/sst/internal-key.js';
import type { BlockSpace } from '../format/sst/load.js';
import { globalSequenceOf, pebbleSequenceOf } from '../format/sst/properties.js';
import { isReadable, openTable, type Table } from '../format/sst/table.js';
import type { EntryCursor, Problem } from './cursor.js';
import { type KeyOrder, type KeyPosition, trailerHigh, trailerLow } from './key-order.js';
import type { ProblemLog } from './problems.js';
import { rangeTombstone, type TombstoneSweep } from './range-tombstones.js';
import type { BoundedTable } from './runs.js';
import type { SourcePool } from './source-pool.js';
import type { StoreFiles } from './store-files.js';
import { TableCursor } from './table-cursor.js';

/** What a walk brings along when it opens a table. */
export interface OpeningWalk {
  /** Whose tables they are. Default: RocksDB's. */
  dialect?: DialectName;
  /** Checksums of blocks are not looked at. */
  unverified?: boolean;
  files: StoreFiles;
  /** Blob files that the MANIFEST of Pebble names, by id. */
  valueFiles: Version['valueFiles'];
  order: KeyOrder;
  pool: SourcePool;
  /** Takes the table's range tombstones. */
  tombstones: TombstoneSweep;
  problems: ProblemLog;
  /** Every version counts, deleted ones too: blocks under a range tombstone are read. */
  allVersions: boolean;
  /** Of the source that the table is one of, where that counts: see `EntryCursor`. */
  depth?: number;
  /** How to read blocks of the tables that are open, by file name. */
  spaces: Map<string, BlockSpace>;
}

/**
 * Opens a live table for a walk: its range tombstones join the sweep, the cursor yields its point entries with the sequence
 * of an ingested table put in. `undefined`: it cannot be read at all; `'stop'`: the walk ends here. Both are reported.
 */
export async function openTableCursor(
  walk: OpeningWalk,
  bounded: BoundedTable,
  from?: KeyPosition,
): Promise<EntryCursor | undefined | 'stop'> {
  const { files, order, pool, problems, spaces } = walk;
  const { name, open } = files.table(bounded.live);
  const report = (problem: Omit<Problem, 'file'>) => problems.add({ file: name, ...problem });
  try {
    const source = await pool.source(open);
    const table = await openTable(source, {
      ...(walk.dialect && { dialect: walk.dialect }),
      comparator: order.comparator,
    });
    if (!flaws(table, walk).every(report) || !isReadable(table)) {
      await source.close();
      return problems.stopped ? 'stop' : undefined;
    }
    const { largestSequence } = bounded.live;
    const globalSequence =
      walk.dialect === 'pebble'
        ? pebbleSequenceOf(bounded.live)
        : globalSequenceOf(table.properties, largestSequence);
    addTombstones(walk, table, bounded, globalSequence);
    if (table.space !== undefined) spaces.set(name, table.space);
    const part = bounded.live.backing === undefined ? undefined : bounded;
    const blobFiles = listedBlobFiles(walk, bounded.live);
    const opened = { file: name, table, globalSequence, largestSequence, blobFiles, ...(part && { part }) };
    const context = {
      order,
      problems,
      tombstones: walk.allVersions ? undefined : walk.tombstones,
      unverified: walk.unverified ?? false,
      ...(walk.depth !== undefined && { depth: walk.depth }),
    };
    return new TableCursor(opened, context, from);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return report({ message: `The table cannot be opened: ${message}` }) ? undefined : 'stop';
  }
}

/** Oddities of blocks that are otherwise intact, which the engine does not notice or does not mind. */
const HARMLESS: ReadonlySet<string> = new Set([
  'sst/bad-restart',
  'sst/bad-range-tombstone',
  'sst/empty-range-tombstone',
  'sst/bad-property',
  'sst/trailing-bytes',
]);

/** What makes the engine refuse a table when it opens it, and what kvdoctor cannot read. */
function flaws(table: Table, walk: OpeningWalk): Omit<Problem, 'file'>[] {
  const { anomalies, unsupported, space } = table;
  if (unsupported.length > 0) {
    const { reason, offset, length } = unsupported[0];
    return [{ offset, length, message: `The table cannot be read: ${reason}` }];
  }
  return (
    anomalies
      .filter((anomaly) => walk.dialect !== 'leveldb' || !isOverlooked(anomaly, walk))
      // range keys are not among what is walked
      .filter(({ evidence }) => evidence?.block !== 'range-keys')
      .filter(({ rule }) => !HARMLESS.has(rule) && !(rule === 'sst/decompression' && space?.uncompressed))
      .map(({ offset, length, message }) => ({ offset, length, message: `The table is damaged: ${message}` }))
  );
}

/**
 * LevelDB does without the metaindex where it is damaged, and so without the filter; by default it does not verify the index
 * either (leveldb table/table.cc `Table::Open`, `ReadMeta`).
 */
function isOverlooked({ rule, evidence }: Anomaly, { unverified }: OpeningWalk): boolean {
  if (rule === 'sst/bad-footer' || evidence?.block === 'metaindex') return true;
  return unverified === true && rule === 'sst/block-checksum' && evidence?.block === 'index';
}

function addTombstones(
  { order, tombstones, depth }: OpeningWalk,
  table: Table,
  bounds: BoundedTable,
  globalSequence: bigint | undefined,
): void {
  // a table whose timestamps were stripped has none here either
  const { timestampSize } = table.comparator;
  const key = (bytes: Uint8Array) => bytes.subarray(0, Math.max(0, bytes.length - timestampSize));
  for (const { start, end, sequence } of table.rangeTombstones) {
    const at = globalSequence ?? sequence;
    const low = trailerLow(at, VALUE_TYPE.rangeDelete);
    const tombstone = rangeTombstone(order, key(start), key(end), trailerHigh(at), low, bounds);
    if (tombstone !== undefined) tombstones.add(depth === undefined ? tombstone : { ...tombstone, depth });
  }
}
