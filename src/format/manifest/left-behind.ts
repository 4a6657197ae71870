/**
 * Level-0 tables that a compaction of LevelDB cannot have left where they are: it takes every table of level 0 that shares keys
 * with one that it takes (leveldb db/version_set.cc `GetOverlappingInputs`; goleveldb version.go `getOverlaps`). Tables that
 * were flushed meanwhile have higher numbers.
 */
import { comparatorNamed, compareUserKeys } from '../sst/comparator.js';
import { KEY_TRAILER } from '../sst/internal-key.js';
import type { VersionEdit } from './edit.js';
import type { ColumnFamily, LiveTable } from './version.js';

/** Tables of one level 0 that are compared; a database that writes has a dozen. */
const MAX_COMPARED = 1000;

interface LeftBehind {
  table: LiveTable;
  /** The newest one that was taken. */
  taken: LiveTable;
}

/** The tables of level 0 that the edit is about to take. */
export function takenFromLevel0(family: ColumnFamily | undefined, edit: VersionEdit): LiveTable[] {
  return edit.deletedFiles.flatMap(({ level, number }) => {
    const table = level === 0 ? family?.tables.get(number) : undefined;
    return table?.level === 0 ? [table] : [];
  });
}

/** Tables that the edit should have deleted as well. Valid once the edit is applied. */
export function leftBehind(family: ColumnFamily | undefined, taken: readonly LiveTable[]): LeftBehind[] {
  if (family === undefined || taken.length === 0 || taken.length > MAX_COMPARED) return [];
  const comparator = comparatorNamed(family.comparator);
  const isBefore = (a: Uint8Array, b: Uint8Array) =>
    (compareUserKeys(comparator, a, b, a.length - KEY_TRAILER, b.length - KEY_TRAILER) ?? -1) < 0;
  const found: LeftBehind[] = [];
  let compared = 0;
  for (const table of family.tables.values()) {
    if (table.level !== 0) continue;
    if (compared++ === MAX_COMPARED) break;
    const sharing = taken.filter(
      (other) =>
        other.number > table.number &&
        !isBefore(other.largest, table.smallest) &&
        !isBefore(table.largest, other.smallest),
    );
    if (sharing.length > 0)
      found.push({ table, taken: sharing.reduce((a, b) => (b.number > a.number ? b : a)) });
  }
  return found;
}
