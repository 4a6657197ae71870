import { largest } from '../bytes/append.js';
import type { ColumnFamily, LiveTable, Version } from '../format/manifest/version.js';
import { userKeyOf } from '../format/sst/internal-key.js';
import { isOlder, TablesByRange } from '../lsm/older-tables.js';
import type { FilesHere } from './files.js';
import type { Joined } from './join.js';
import type { ManifestWalk } from './manifests.js';
import type { State } from './state.js';
import type { WalContents } from './wals.js';

export function tablesOf({ columnFamilies }: Version): LiveTable[] {
  return [...columnFamilies.values()].flatMap(({ tables }) => [...tables.values()]);
}

/** What WALs write to column families that a version cannot have known: ids are given out in order. The engine passes over it. */
export function addedSince(
  { maxColumnFamily, columnFamilies }: Version,
  wals: readonly WalContents[],
): State['ignored'] {
  const highest = largest(columnFamilies.keys(), maxColumnFamily ?? 0);
  const added = new Map<number, number>();
  for (const { families } of wals)
    for (const [id, { operations }] of families)
      if (id > highest) added.set(id, (added.get(id) ?? 0) + operations);
  return [...added].map(([id, operations]) => ({ id, operations }));
}

/**
 * Tables that are here, that are younger than all that a state has of their column family, and that hold writes it should have by its
 * last sequence, and no WAL of it has.
 */
export function leftOutOf(
  { version, wals, lastSequence }: Joined,
  walks: readonly ManifestWalk[],
): LiveTable[] {
  const held = new Map(
    [...version.columnFamilies.values()].map((family) => [family.id, heldBy(family, wals)]),
  );
  const left = new Map<bigint, LiveTable>();
  for (const { here } of walks) {
    for (const table of here.values()) {
      const { columnFamily, number, smallestSequence: first, largestSequence: last } = table;
      const own = held.get(columnFamily);
      if (own === undefined || first === 0n || last > lastSequence || number <= own.newest) continue;
      const inWals = own.first !== undefined && own.first <= first && own.last >= last;
      if (!inWals) left.set(number, table);
    }
  }
  return [...left.values()];
}

/** The largest number of a column family's tables, and the first and last sequence that WALs have of it. */
function heldBy(
  { id, tables }: ColumnFamily,
  wals: Joined['wals'],
): { newest: bigint; first?: bigint; last: bigint } {
  let newest = -1n;
  for (const number of tables.keys()) if (number > newest) newest = number;
  let first: bigint | undefined;
  let last = 0n;
  for (const { wal } of wals) {
    const span = wal.families.get(id);
    if (span === undefined) continue;
    if (first === undefined || span.first < first) first = span.first;
    if (span.last > last) last = span.last;
  }
  return { newest, ...(first !== undefined && { first }), last };
}

/** Entries of tables that are here, and operations of WALs, by column family. */
export function entriesOf({ version, wals, missing }: Joined, files: FilesHere): State['families'] {
  const gone = new Set(missing);
  const here = (table: LiveTable) => (gone.has(table) ? undefined : files.table(table));
  return [...version.columnFamilies.values()].map(({ id, name, tables, logNumber }) => {
    let entries = 0;
    for (const table of tables.values()) {
      const entry = here(table);
      if (entry !== undefined) entries += files.entriesOf(entry);
    }
    for (const { wal, number } of wals)
      if (number >= logNumber) entries += wal.families.get(id)?.operations ?? 0;
    return { id, name, entries };
  });
}

/** Entries that are older than a missing table over the same keys, at most. */
export function doubtfulIn({ version, missing }: Joined, files: FilesHere): number {
  const gone = new Map<number, LiveTable[]>();
  for (const table of missing) {
    const ofFamily = gone.get(table.columnFamily);
    if (ofFamily === undefined) gone.set(table.columnFamily, [table]);
    else ofFamily.push(table);
  }
  let entries = 0;
  for (const [id, lost] of gone) {
    const family = version.columnFamilies.get(id);
    if (family === undefined) continue;
    const byRange = new TablesByRange(lost, family.comparator);
    for (const other of family.tables.values()) {
      const file = files.table(other);
      if (file === undefined) continue;
      const [from, to] = [userKeyOf(other.smallest), userKeyOf(other.largest)];
      if (byRange.some(from, to, (table) => isOlder(other, table))) entries += files.entriesOf(file);
    }
  }
  return entries;
}

/** Tables whose values lie in blob files that are here and that the version does not name, as after a RepairDB. */
export function unlinkedIn({ version }: Joined, files: FilesHere): LiveTable[] {
  return [...version.columnFamilies.values()].flatMap((family) =>
    [...family.tables.values()].filter((table) => files.isUnlinked(table, family)),
  );
}

/** Tables that lie in lost/ or under another name. */
export function movedOf({ version }: Joined, files: FilesHere): State['moved'] {
  return tablesOf(version).flatMap((live) => {
    const entry = files.table(live);
    if (entry === undefined || (entry.number === live.number && entry.place !== 'lost')) return [];
    return [{ live, entry }];
  });
}
