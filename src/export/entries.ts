import { append } from '../bytes/append.js';
import type { Database } from '../engine/database.js';
import { asRead } from '../engine/pebble-opened.js';
import { unorderedFamilies } from '../engine/unknown-order.js';
import { newestKnown } from '../engine/version.js';
import type { WideColumn } from '../format/batch/entity.js';
import type { ColumnFamily } from '../format/manifest/version.js';
import { metered } from '../io/wrappers.js';
import { END, LOAD, type Problem } from '../lsm/cursor.js';
import { inventoryFiles } from '../lsm/inventory-files.js';
import { mergeOperators } from '../lsm/operator-names.js';
import type { StoreFile, StoreFiles } from '../lsm/store-files.js';
import { View } from '../lsm/view.js';
import type { Unmerged } from '../lsm/visible.js';
import { databaseView } from '../recovery/database-view.js';
import { lossesOf } from '../recovery/loss.js';
import { ownMode } from '../recovery/mode.js';
import { familiesOf, type PreparedOpen, prepareOpen, simulateOpen } from '../recovery/open.js';
import type { RecoveryOutcome } from '../recovery/outcome.js';
import { exportVersions } from './versions.js';

/** One entry that a reader would see. The bytes are views that the next one overwrites. */
export interface ExportedEntry {
  /** With the timestamp where the column family has them. */
  key: Uint8Array;
  /** The value; the default column of an entity. Empty where operands could not be merged. */
  value: Uint8Array;
  sequence: bigint;
  columns?: WideColumn[];
  unmerged?: Unmerged;
  /** Of a column family that is given version by version: what it is, and the table that it stands in. Of a range, `value` is the end. */
  version?: { type: string; file: string };
}

/** A column family whose keys only the application can merge, for a sink that takes what a reader sees. */
export class UnorderedFamily extends Error {
  constructor(
    readonly family: string,
    readonly comparator: string,
  ) {
    super(
      `the order of keys in column family ${family} is the application's own (${comparator}): what a reader sees is not known`,
    );
  }
}

export interface ExportOptions {
  /** Go on after what cannot be read. */
  lenient?: boolean;
  /** Names of the column families to take. Default: all. */
  columnFamilies?: readonly string[];
  onProgress?: ExportProgress;
}

/** Takes what an export finds. */
export interface ExportSink {
  /** It takes versions as they stand (`ExportedEntry.version`), too. */
  readonly takesVersions?: boolean;
  family(family: ColumnFamily): Promise<void>;
  entry(entry: ExportedEntry): void;
  /** Called now and then, and after the last entry: whatever is held may be written. */
  flush(): Promise<void>;
}

export interface ExportSummary {
  columnFamilies: {
    name: string;
    entries: number;
    complete: boolean;
    /** Its keys are in the application's own order: every version was given, and none merged. */
    comparator?: string;
  }[];
  /** What could not be read. */
  problems: Problem[];
  /** Why WALs were left out, where they were. */
  withoutWals?: string;
  /** What recovery leaves out of the WALs although it opens the database. */
  lostOfWals?: { mode: string; records: number; operations: number; damagedBytes: number };
}

/** Entries between two flushes, and bytes: a sink holds views of the entry that it was given last until it is flushed. */
const BATCH = 4096;
const BATCH_BYTES = 1 << 20;

/** Says when a sink is to be flushed. */
export class FlushMeter {
  private entries = 0;
  private bytes = 0;

  /** To be asked after each entry, before the next one is looked for. */
  isDue({ key, value, columns, unmerged }: ExportedEntry): boolean {
    this.entries++;
    this.bytes += key.length + value.length;
    if (columns !== undefined || unmerged !== undefined) this.bytes += heldBytes(columns, unmerged);
    if (this.entries < BATCH && this.bytes < BATCH_BYTES) return false;
    this.entries = this.bytes = 0;
    return true;
  }
}

/** Bytes of an entry beside its key and its value. */
export function heldBytes(columns: readonly WideColumn[] = [], unmerged?: Unmerged): number {
  let bytes = unmerged?.base?.length ?? 0;
  for (const operand of unmerged?.operands ?? []) bytes += operand.length;
  for (const { name, value } of columns) bytes += name.length + value.length;
  return bytes;
}

/**
 * Gives a sink everything that a reader of the database would see, column family by column family, in key order. WALs count as
 * the database's own recovery mode reads them; where that mode refuses and `lenient` is set, as point-in-time recovery does, and
 * where that refuses too, not at all. Reads only.
 */
export async function exportEntries(
  given: Database,
  sink: ExportSink,
  { lenient = false, columnFamilies, onProgress }: ExportOptions = {},
): Promise<ExportSummary> {
  const database = await asRead(given);
  const summary: ExportSummary = { columnFamilies: [], problems: [] };
  const { version, options } = database;
  if (version === undefined) return summary;
  const isTaken = ({ name }: ColumnFamily) => columnFamilies === undefined || columnFamilies.includes(name);
  const unordered = unorderedFamilies(version).filter(isTaken);
  if (unordered.length > 0 && !sink.takesVersions)
    throw new UnorderedFamily(unordered[0].name, unordered[0].comparator);
  const total = bytesToRead(database, columnFamilies);
  let done = 0;
  const files = meteredFiles(inventoryFiles(database.inventory), (bytes) => {
    done += bytes;
    onProgress?.({ done: Math.min(done, total), total });
  });
  const operators = await mergeOperators(version, options, files);
  const stated = await prepareOpen(databaseView(database), database.engineVersion);
  // what a newer release wrote is read as that one reads it
  const tooOld = stated.error?.kind === 'unsupported';
  const prepared = tooOld ? await prepareOpen(databaseView(database), newestKnown) : stated;
  const own = ownMode(database);
  const modes = [own, ...(lenient && database.dialect === 'rocksdb' ? (['point-in-time'] as const) : [])];
  let outcome = await simulateOpen(prepared, modes[0]);
  for (const mode of modes.slice(1)) if (!outcome.opens) outcome = await simulateOpen(prepared, mode);
  if (!outcome.opens) summary.withoutWals = outcome.errorText ?? 'the engine refuses them';
  else await tellLoss(prepared, outcome, summary);
  const view = await View.open({
    version,
    files,
    dialect: database.dialect,
    mergeOperator: ({ id }) => operators.get(id),
    ...(outcome.opens && {
      replay: (replaySink) => simulateOpen(prepared, outcome.mode, replaySink),
      sequence: outcome.lastSequence,
      uncommitted: outcome.hidden,
    }),
  });
  try {
    for (const family of view.columnFamilies) {
      if (!isTaken(family)) continue;
      await sink.family(family);
      await exportFamily(view, family, sink, lenient, summary);
    }
  } finally {
    view.close();
  }
  return summary;
}

/** Recovery may open a database and give up what stands after damage: a reader then misses it, and so does an export. */
async function tellLoss(
  { database: { dialect, manifest, wals, options } }: PreparedOpen,
  outcome: RecoveryOutcome,
  summary: ExportSummary,
): Promise<void> {
  if (!('version' in manifest) || outcome.uneventful) return;
  const [lost] = await lossesOf(wals, familiesOf(manifest.version, options), [outcome], {
    dialect,
    recycling: options.recycleLogFileNum > 0,
  });
  if (lost === undefined || (lost.records === 0 && lost.damagedBytes === 0)) return;
  const { records, operations, damagedBytes } = lost;
  summary.lostOfWals = { mode: outcome.mode, records, operations, damagedBytes };
}

async function exportFamily(
  view: View,
  { id, name }: ColumnFamily,
  sink: ExportSink,
  lenient: boolean,
  summary: ExportSummary,
): Promise<void> {
  const { timestampSize, known, comparator } = view.order(id);
  if (!known) {
    const { problems, ...exported } = await exportVersions(view, id, sink, lenient);
    summary.columnFamilies.push({ name, ...exported, comparator });
    append(summary.problems, problems);
    return;
  }
  const visible = view.visible(id, { lenient });
  const meter = new FlushMeter();
  let entries = 0;
  try {
    for (let step = visible.step(); step !== END; step = visible.step()) {
      if (step === LOAD) {
        await visible.load();
        continue;
      }
      const { columns, unmerged, sequence } = visible;
      const entry: ExportedEntry = {
        key: visible.keyBytes.subarray(0, visible.keyTo + timestampSize),
        value: visible.valueBytes.subarray(visible.valueFrom, visible.valueTo),
        sequence,
        ...(columns && { columns }),
        ...(unmerged && { unmerged }),
      };
      sink.entry(entry);
      entries++;
      if (meter.isDue(entry)) await sink.flush();
    }
    await sink.flush();
  } finally {
    await visible.close();
  }
  const { stopped, kept } = visible.problems;
  summary.columnFamilies.push({ name, entries, complete: !stopped });
  append(summary.problems, kept);
}

/** How far an export is, by the bytes of tables and blob files that it has read. `total` is what it will read, about. */
type ExportProgress = (progress: { done: number; total: number }) => void;

/** Bytes of the tables and blob files that an export of these column families reads; all of them where none is named. */
function bytesToRead({ version }: Database, families?: readonly string[]): number {
  let bytes = 0n;
  for (const { name, tables, blobFiles } of version?.columnFamilies.values() ?? []) {
    if (families !== undefined && !families.includes(name)) continue;
    for (const { size } of tables.values()) bytes += size;
    for (const { totalBytes } of blobFiles.values()) bytes += totalBytes;
  }
  return Number(bytes);
}

/** The same files, whose bytes are counted as they are read. */
function meteredFiles(files: StoreFiles, onBytes: (bytes: number) => void): StoreFiles {
  const counting = ({ name, open }: StoreFile): StoreFile => ({
    name,
    open: async () => metered(await open(), onBytes),
  });
  return {
    table: (live) => counting(files.table(live)),
    blob: (number) => counting(files.blob(number)),
    ...(files.titan && { titan: (number) => counting(files.titan!(number)) }),
  };
}
