import type { Finding } from '../../finding/finding.js';
import { findingAt, placeOf } from '../../finding/finding-at.js';
import { fileName, isCanonical } from '../../format/filename.js';
import type { KeyBounds } from '../../format/manifest/edit.js';
import {
  type ColumnFamily,
  fileBehind,
  type LiveBlobFile,
  type LiveTable,
  type Version,
} from '../../format/manifest/version.js';
import { compareBytes, compareUserKeys } from '../../format/sst/comparator.js';
import { KEY_TRAILER, sequenceOf, userKeyOf, VALUE_TYPE } from '../../format/sst/internal-key.js';
import type { Inventory, InventoryEntry } from '../../io/inventory.js';
import { tableComparator } from '../sst/merge.js';
import type { TableFacts, Unchecked, UnitFacts } from '../unit.js';

/** Header and footer of a blob file, bytes. */
const BLOB_FRAME = 62n;

/** Missing files that get a finding each: a path that is not mounted may hold a million. */
const MOST_MISSING = 10_000;

/** Types of Pebble's range keys, which are not among the keys of a table. */
const RANGE_KEY_TYPES: ReadonlySet<number> = new Set([
  VALUE_TYPE.rangeKeyDelete,
  VALUE_TYPE.rangeKeyUnset,
  VALUE_TYPE.rangeKeySet,
]);

interface LiveFilesContext {
  /** The MANIFEST's name, for findings about its entries. */
  manifest: string;
  /** How the engine's own tables end. */
  tableSuffix?: '.sst' | '.ldb';
  /** The MANIFEST was read to its end without damage: then what it names is what the engine will look for. */
  complete: boolean;
  /** What reading the files has shown, by the inventory's `file`; absent before they are read. */
  facts?: ReadonlyMap<string, UnitFacts>;
  /** Tables that lie in a directory that is not here: they are not missing, nothing is known of them. */
  elsewhere: ReadonlySet<bigint>;
  /** Pebble's in remote storage. */
  remote?: ReadonlySet<bigint>;
}

const REMOTE = 'the table lies in remote storage, which is not read';

interface LiveFilesResult {
  findings: Finding[];
  unchecked: Unchecked[];
  /** Names of live tables and blob files that are not there. */
  missing: string[];
}

/** Every table and blob file that the MANIFEST names is there and has its size. */
export function checkLiveFiles(
  version: Version,
  inventory: Inventory,
  context: LiveFilesContext,
): LiveFilesResult {
  const result: LiveFilesResult = { findings: [], unchecked: [], missing: [] };
  const tables = byNumber(inventory, 'table');
  const blobs = byNumber(inventory, 'blob');
  const unlistable: Unlistables = new Map(
    inventory.unlistable.map((each) => [`${each.kind} ${each.number}`, each]),
  );
  let elsewhere = 0;
  const wrong = new Set<bigint>();
  for (const family of version.columnFamilies.values()) {
    for (const table of family.tables.values()) {
      // that nothing names its backing is said of the MANIFEST
      if (table.backing !== undefined && !version.backings.has(table.backing)) continue;
      const file = fileBehind(version, table);
      if (context.remote?.has(file.number)) {
        if (elsewhere++ < MOST_MISSING)
          result.unchecked.push({ file: fileName('table', file.number), reason: REMOTE });
        continue;
      }
      const entry = tables.get(file.number);
      if (entry === undefined && context.elsewhere.has(table.number)) {
        if (elsewhere++ < MOST_MISSING) result.unchecked.push(tableElsewhere(table));
      } else if (entry === undefined)
        missingTable(result, { ...table, ...file }, family, unlistable, context);
      else if (BigInt(entry.size) !== file.size && !wrong.has(file.number)) {
        const found = result.findings.length;
        wrongTableSize(result, { ...table, ...file }, entry, context);
        // several virtual tables may be parts of one file
        if (result.findings.length > found) wrong.add(file.number);
      }
    }
    for (const blob of family.blobFiles.values()) {
      const entry = blobs.get(blob.number);
      if (entry === undefined) missingBlob(result, blob, family, unlistable, context);
      else wrongBlobSize(result, blob, entry, context);
    }
  }
  const unnamed = result.missing.length - MOST_MISSING;
  if (unnamed > 0) {
    const reason = `${unnamed} more of the files that it names are not there: no more than ${MOST_MISSING} are listed`;
    result.unchecked.push({ file: context.manifest, reason });
  }
  if (elsewhere > MOST_MISSING) {
    const reason = `${elsewhere - MOST_MISSING} more of the tables that it names lie in a directory that is not here: no more than ${MOST_MISSING} are listed`;
    result.unchecked.push({ file: context.manifest, reason });
  }
  return result;
}

/** Names that are there and cannot be opened, by kind and number. */
type Unlistables = ReadonlyMap<string, Inventory['unlistable'][number]>;

function tableElsewhere({ number }: LiveTable): Unchecked {
  const reason = 'the table lies in a db_path or cf_path that is not here; --db-path says where that is';
  return { file: fileName('table', number), reason };
}

/** Files by number, in every directory that tables may lie in; `.sst` before `.ldb`, as the engine looks for them. */
export function byNumber(inventory: Inventory, kind: 'table' | 'blob'): Map<bigint, InventoryEntry> {
  const files = new Map<bigint, InventoryEntry>();
  for (const entry of inventory.entries) {
    if (entry.kind !== kind || entry.number === undefined) continue;
    if (entry.place !== 'database' && entry.place !== 'db-path') continue;
    const other = files.get(entry.number);
    if (other === undefined || (entry.name.endsWith('.sst') && !isCanonical(other)))
      files.set(entry.number, entry);
  }
  return files;
}

function missingTable(
  result: LiveFilesResult,
  table: LiveTable,
  family: ColumnFamily,
  unlistables: Unlistables,
  context: LiveFilesContext,
): void {
  const file = fileName('table', table.number, context.tableSuffix);
  const unlistable = unlistables.get(`table ${table.number}`);
  result.missing.push(file);
  if (result.missing.length > MOST_MISSING) return;
  const where = `column family ${family.name}, level ${table.level}, ${table.size} bytes`;
  result.findings.push(
    findingAt({ file: unlistable?.file ?? file }, 'directory/missing-table', {
      ...(context.complete ? {} : { severity: 'warning' as const }),
      message: `${context.manifest} names the table (${where}); ${
        unlistable === undefined ? 'it is not there' : `it is ${unlistable.reason}`
      }${context.complete ? '' : ', but an edit that is lost may have dropped it'}`,
      evidence: {
        columnFamily: family.name,
        level: table.level,
        size: String(table.size),
        smallestSequence: String(table.smallestSequence),
        largestSequence: String(table.largestSequence),
        manifestOffset: table.entry.offset,
        ...(unlistable && { instead: unlistable.reason }),
        engine: `Corruption: Corruption: IO error: No such file or directory: While open a file for random read: ${file}`,
      },
    }),
  );
}

/** What RocksDB from 10.5 on says of a table that has another size than the MANIFEST gives it. */
export function sizeMismatch(file: string, expected: number | bigint, actual: number): string {
  return `Sst file size mismatch between expected ${expected} and file system ${actual} sstable: ${file}`;
}

function wrongTableSize(
  result: LiveFilesResult,
  table: LiveTable,
  entry: InventoryEntry,
  { manifest, facts }: LiveFilesContext,
): void {
  const found = facts?.get(entry.file);
  const checked = found?.kind === 'table' ? found : undefined;
  // its own check has said what is wrong with the file, or that it is another one
  if (checked !== undefined && ((checked.errors ?? 0) > 0 || isAnother(checked, table))) return;
  const evidence = {
    recorded: String(table.size),
    actual: entry.size,
    engine: `Corruption: ${sizeMismatch(entry.file, table.size, entry.size)}`,
  };
  if (checked?.readable === true && hasOtherBounds(checked, table)) {
    result.findings.push(
      findingAt(placeOf(entry), 'sst/wrong-file', {
        offset: 0,
        length: entry.size,
        message: `The file is a whole table, but not the one that ${manifest} means: its size and its first or last key differ`,
        evidence,
      }),
    );
    return;
  }
  if (checked?.readable === true) {
    result.findings.push(
      findingAt({ file: manifest }, 'manifest/wrong-table-size', {
        ...table.entry,
        message: `the entry of ${entry.file} says ${table.size} bytes; the table is whole and has ${entry.size}`,
        evidence: { ...evidence, table: entry.file },
      }),
    );
    return;
  }
  const cut = BigInt(entry.size) < table.size;
  result.findings.push(
    findingAt(placeOf(entry), 'directory/wrong-table-size', {
      offset: cut ? entry.size : Number(table.size),
      length: cut ? 0 : entry.size - Number(table.size),
      message: `the file has ${entry.size} bytes, ${manifest} says ${table.size}`,
      evidence,
    }),
  );
}

/** Tables without a unique id are known by their bounds; a file that virtual tables are parts of holds theirs. */
export function hasOtherBounds(facts: TableFacts, table: LiveTable): boolean {
  const { smallest, largest, uniqueId, totals } = facts;
  if (uniqueId !== undefined || totals?.complete !== true || table.synthetic) return false;
  const isOfPoint = (key: Uint8Array) => !RANGE_KEY_TYPES.has(key[key.length - KEY_TRAILER]);
  const stated = table.points ?? table;
  if (smallest === undefined || largest === undefined)
    return isOfPoint(stated.smallest) || isOfPoint(stated.largest);
  if (table.backing !== undefined)
    return isOfPoint(stated.smallest) && isOfPoint(stated.largest) && !holdsBounds(facts, stated);
  // ingested tables hold 0 in place of the one sequence that the MANIFEST gives them
  const isIngested = table.smallestSequence === table.largestSequence;
  const isOther = (found: Uint8Array, key: Uint8Array) =>
    isIngested && sequenceOf(found) === 0n
      ? compareBytes(userKeyOf(found), userKeyOf(key)) !== 0
      : compareBytes(found, key) !== 0;
  return isOther(smallest, stated.smallest) || isOther(largest, stated.largest);
}

/** Whether bounds lie between the first and the last key of a table, both included. */
function holdsBounds(facts: TableFacts, { smallest, largest }: KeyBounds): boolean {
  const comparator = tableComparator(facts);
  const isBefore = (a: Uint8Array, b: Uint8Array) =>
    (compareUserKeys(comparator, a, b, a.length - KEY_TRAILER, b.length - KEY_TRAILER) ?? 0) < 0;
  return !isBefore(smallest, facts.smallest!) && !isBefore(facts.largest!, largest);
}

/** Whether the file that was read is not the table that the MANIFEST means. */
function isAnother(facts: TableFacts, table: LiveTable): boolean {
  if (facts.stated?.wrongFile === true) return true;
  return (
    facts.uniqueId !== undefined &&
    table.uniqueId !== undefined &&
    compareBytes(facts.uniqueId, table.uniqueId) !== 0
  );
}

function missingBlob(
  result: LiveFilesResult,
  blob: LiveBlobFile,
  family: ColumnFamily,
  unlistables: Unlistables,
  context: LiveFilesContext,
): void {
  const file = fileName('blob', blob.number);
  const unlistable = unlistables.get(`blob ${blob.number}`);
  result.missing.push(file);
  if (result.missing.length > MOST_MISSING) return;
  result.findings.push(
    findingAt({ file: unlistable?.file ?? file }, 'directory/missing-blob', {
      ...(context.complete ? {} : { severity: 'warning' as const }),
      message: `${context.manifest} names the blob file (column family ${family.name}, ${blob.totalCount} values, ${
        blob.garbageCount
      } of them garbage); ${unlistable === undefined ? 'it is not there' : `it is ${unlistable.reason}`}`,
      evidence: {
        columnFamily: family.name,
        values: String(blob.totalCount),
        garbage: String(blob.garbageCount),
        manifestOffset: blob.entry.offset,
        ...(unlistable && { instead: unlistable.reason }),
        engine: `IO error: No such file or directory: While open a file for random read: ${file}`,
      },
    }),
  );
}

function wrongBlobSize(
  result: LiveFilesResult,
  blob: LiveBlobFile,
  entry: InventoryEntry,
  { manifest, facts }: LiveFilesContext,
): void {
  const expected = blob.totalBytes + BLOB_FRAME;
  // the check of its records says more
  if (BigInt(entry.size) === expected || facts?.has(entry.file)) return;
  const cut = BigInt(entry.size) < expected;
  result.findings.push(
    findingAt(placeOf(entry), 'directory/wrong-blob-size', {
      offset: cut ? entry.size : Number(expected),
      length: cut ? 0 : entry.size - Number(expected),
      message: `the file has ${entry.size} bytes; with what ${manifest} says of it, it should have ${expected}`,
      evidence: { expected: String(expected), actual: entry.size },
    }),
  );
}
