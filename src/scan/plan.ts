import { append } from '../bytes/append.js';
import { planTable } from '../check/sst/table.js';
import { tableContext } from '../check/sst/table-context.js';
import type { Depth, TableContext } from '../check/unit.js';
import type { Database } from '../engine/database.js';
import { dialectNamed } from '../format/dialect.js';
import { isCanonical } from '../format/filename.js';
import {
  type ColumnFamily,
  fileBehind,
  type LiveBlobFile,
  type LiveTable,
  numbersOfValueFiles,
  type Version,
} from '../format/manifest/version.js';
import type { InventoryEntry } from '../io/inventory.js';
import { openSource } from '../io/source.js';
import type { WorkUnit } from './unit.js';

/** Tables larger than this are checked in pieces of about this size, so that several threads share one. Bytes. */
const PIECE = 64 << 20;

/** A unit and the file that it is (a piece of). */
export type PlannedUnit = WorkUnit & { entry: InventoryEntry };

type Draft = PlannedUnit extends infer U ? (U extends PlannedUnit ? Omit<U, 'id'> : never) : never;

/** A live table with the column family that it belongs to. */
export interface OwnedTable {
  family: ColumnFamily;
  table: LiveTable;
}

/** Made once for each version: there may be very many of them, and much asks for them. */
const byVersion = new WeakMap<Version, Map<bigint, OwnedTable>>();

/** Live tables by number. */
export function liveTables(database: Database): ReadonlyMap<bigint, OwnedTable> {
  const made = database.version && byVersion.get(database.version);
  if (made !== undefined) return made;
  const tables = new Map<bigint, OwnedTable>();
  if (database.version !== undefined) byVersion.set(database.version, tables);
  for (const family of database.version?.columnFamilies.values() ?? []) {
    for (const table of family.tables.values()) {
      const { number, size } = fileBehind(database.version!, table);
      // virtual tables of one file are one file
      tables.set(number, { family, table: table.backing === undefined ? table : { ...table, number, size } });
    }
  }
  return tables;
}

/** Live blob files by number. */
export function liveBlobs(database: Database): Map<bigint, LiveBlobFile> {
  const blobs = new Map<bigint, LiveBlobFile>();
  for (const family of database.version?.columnFamilies.values() ?? []) {
    for (const blob of family.blobFiles.values()) blobs.set(blob.number, blob);
  }
  return blobs;
}

/**
 * Cuts the work of a directory into units: every table, WAL and blob file in it, live or not; large tables in pieces, for which
 * their index is read, unless `isWhole`.
 */
export async function planUnits(
  database: Database,
  depth: Depth,
  jobs: number,
  isWhole: (entry: InventoryEntry) => boolean = () => false,
): Promise<PlannedUnit[]> {
  const tables = liveTables(database);
  const blobs = blobFilesOf(database);
  const drafts: Draft[] = [];
  for (const entry of database.inventory.entries) {
    const draft = draftOf(entry, database, depth, tables, blobs);
    if (draft === undefined) continue;
    const isLarge = draft.kind === 'table' && depth !== 'structure' && jobs > 1 && entry.size > 2 * PIECE;
    if (isLarge && !isWhole(entry)) append(drafts, await piecesOf(draft, entry));
    else drafts.push(draft);
  }
  return drafts.map((draft, id) => ({ ...draft, id }) as PlannedUnit);
}

/** A file's name, unique in the directories of a database. */
export function keyOf({ file, root }: { file: string; root?: string }): string {
  return `${root ?? ''}\0${file}`;
}

/** Makes the unit that checks a file, or some blocks of a table; `undefined` for a file that needs no unit. */
export function unitFor(database: Database, depth: Depth) {
  const tables = liveTables(database);
  const blobs = blobFilesOf(database);
  return (
    entry: InventoryEntry,
    id: number,
    blocks?: { from: number; to: number },
  ): PlannedUnit | undefined => {
    const draft = draftOf(entry, database, depth, tables, blobs);
    if (draft === undefined) return undefined;
    const ranged =
      draft.kind === 'table' && blocks ? { ...draft, context: { ...draft.context, blocks } } : draft;
    return { ...ranged, id } as PlannedUnit;
  };
}

/** Live blob files by number, and numbers of Pebble's. */
interface BlobFiles {
  blobs: ReadonlyMap<bigint, LiveBlobFile>;
  values: ReadonlySet<bigint>;
}

const blobFilesOf = (database: Database): BlobFiles => ({
  blobs: liveBlobs(database),
  values: database.version === undefined ? new Set() : numbersOfValueFiles(database.version),
});

function draftOf(
  entry: InventoryEntry,
  database: Database,
  depth: Depth,
  tables: ReadonlyMap<bigint, OwnedTable>,
  { blobs, values }: BlobFiles,
): Draft | undefined {
  const { source, size: weight, file, number } = entry;
  switch (entry.kind) {
    case 'wal':
      if (number === undefined) return undefined;
      return {
        kind: 'wal',
        entry,
        source,
        weight,
        context: {
          dialect: database.dialect,
          file,
          number,
          depth,
          recycling: database.options.recycleLogFileNum > 0 || dialectNamed(database.dialect).recycles,
        },
      };
    case 'blob': {
      if (database.dialect === 'pebble') {
        const orphan = database.version !== undefined && !values.has(number ?? -1n);
        const context = {
          ...{ file, depth, dialect: database.dialect, orphan },
          ...(number !== undefined && { number }),
        };
        return { kind: 'blob', entry, source, weight, context };
      }
      const live = number === undefined ? undefined : blobs.get(number);
      const context = { file, depth, ...(number !== undefined && { number }), ...(live && { live }) };
      return { kind: 'blob', entry, source, weight, context };
    }
    case 'table': {
      const owned = number === undefined || isMisnamed(entry, database) ? undefined : tables.get(number);
      return { kind: 'table', entry, source, weight, context: contextOf(entry, database, depth, owned) };
    }
    default:
      return undefined;
  }
}

function contextOf(
  entry: InventoryEntry,
  database: Database,
  depth: Depth,
  owned: OwnedTable | undefined,
): TableContext {
  return {
    ...tableContext(database, entry),
    depth,
    ...(owned && {
      live: owned.table,
      columnFamilyName: owned.family.name,
      // empty where the edit that named it is lost
      ...(owned.family.comparator !== '' && { comparator: owned.family.comparator }),
    }),
    ...(owned === undefined && onlyComparator(database)),
    ...(owned === undefined &&
      database.version !== undefined &&
      !isBroughtIn(entry, database) && { orphan: true }),
    ...(database.version?.databaseId !== undefined && { databaseId: database.version.databaseId }),
  };
}

/** Pebble does not look for a table under this name. */
export function isMisnamed(entry: InventoryEntry, { dialect }: Database): boolean {
  return dialect === 'pebble' && entry.kind === 'table' && !isCanonical(entry);
}

/** A live WAL of Pebble brings the table in. */
export function isBroughtIn({ number }: Pick<InventoryEntry, 'number'>, { pebble }: Database): boolean {
  return number !== undefined && pebble?.ingested.has(number) === true;
}

/** LevelDB's tables do not say how their keys are ordered, and all of a database without column families are ordered alike. */
function onlyComparator({ dialect, version }: Database): Pick<TableContext, 'comparator'> {
  const comparator = version?.columnFamilies.get(0)?.comparator;
  return dialect !== 'rocksdb' && comparator ? { comparator } : {};
}

async function piecesOf(draft: Draft & { kind: 'table' }, entry: InventoryEntry): Promise<Draft[]> {
  const blocks = await countBlocks(entry);
  const pieces = Math.min(Math.ceil(entry.size / PIECE), blocks);
  if (pieces < 2) return [draft];
  return Array.from({ length: pieces }, (_, i) => ({
    ...draft,
    weight: Math.ceil(entry.size / pieces),
    context: {
      ...draft.context,
      blocks: { from: Math.floor((i * blocks) / pieces), to: Math.floor(((i + 1) * blocks) / pieces) },
    },
  }));
}

/** 0 for a table whose index cannot be reached, and for a file that is gone: its unit will say why. */
async function countBlocks(entry: InventoryEntry): Promise<number> {
  try {
    const source = await openSource(entry.source);
    try {
      return (await planTable(source)).blocks;
    } finally {
      await source.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return 0;
  }
}
