import type { SourceDescriptor } from '../../../bytes/source.js';
import { checkFile } from '../../../check/check-file.js';
import type { UnitResult } from '../../../check/unit.js';
import type { Database } from '../../../engine/database.js';
import { fileName, logName, segmentIn } from '../../../format/filename.js';
import type { InventoryEntry } from '../../../io/inventory.js';
import { openSource } from '../../../io/source.js';
import { unitFor } from '../../../scan/plan.js';
import { type FilePlace, tableName, tableRoot, walRoot } from '../../place.js';
import type { Part, TwinCheck } from './mend.js';
import type { SecondSource } from './sources.js';

/** A part, and which files of a source may be its twin. */
export interface Sought {
  part: Part;
  own?: InventoryEntry;
  isTwin(entry: InventoryEntry, source: SecondSource): boolean;
}

export function filePlace({ file, root }: InventoryEntry): FilePlace {
  return root === undefined ? { path: file } : { path: file, root };
}

/** Checks any bytes as if they stood in place of a file of the database. */
export function checker(database: Database, like: InventoryEntry) {
  const unitOf = unitFor(database, 'full');
  return async (descriptor: SourceDescriptor, size: number): Promise<UnitResult> => {
    const source = await openSource(descriptor);
    try {
      return await checkFile(unitOf({ ...like, source: descriptor, size }, 0)!, source);
    } finally {
      await source.close();
    }
  };
}

export function checkedOf({ findings, unchecked, facts }: UnitResult): TwinCheck {
  const bad = findings.filter(({ severity }) => severity !== 'note');
  const damage = bad.flatMap(({ offset, length = 0 }) =>
    offset === undefined || (offset === 0 && length >= facts.size) ? [] : [{ offset, length }],
  );
  return {
    clean: bad.length === 0 && unchecked.length === 0,
    problems: bad.length + unchecked.length,
    damage,
  };
}

/** A file by its number, and what places it besides. */
interface AbsentFile {
  number: bigint;
  pathId?: number;
  segment?: number;
  /** A directory besides the target that it lay in. */
  root?: string;
}

/** What a file would be called that is not there. */
export function absentEntry(
  database: Database,
  kind: 'table' | 'blob' | 'wal',
  { number, pathId = 0, segment = 0, root: given }: AbsentFile,
  known?: string,
): InventoryEntry {
  const { inventory, target } = database;
  const own = () => (kind === 'wal' ? logName(number, segment) : fileName(kind, number));
  const name = known ?? (kind === 'table' ? tableName(inventory, number) : own());
  const root = given ?? (kind === 'wal' ? walRoot(database) : tableRoot(inventory, pathId));
  const outside = root !== undefined && root !== target;
  return {
    kind,
    number,
    name,
    file: name,
    ...(outside && { root }),
    source: { kind: 'memory', bytes: new Uint8Array(0) },
    place: outside ? (kind === 'wal' ? 'wal-dir' : 'db-path') : 'database',
    size: 0,
    mtimeMs: 0,
    allocated: 0,
  };
}

/** Whether an entry lies where the engine looks for such files, under a name that it gives. */
export const usual = ({ place, ...named }: InventoryEntry) =>
  place !== 'archive' && place !== 'lost' && isNamedAsGiven(named);

/** A further file of a log of Pebble's has a name of its own. */
export const isNamedAsGiven = ({ suffix, name }: Pick<InventoryEntry, 'suffix' | 'name'>): boolean =>
  suffix === undefined || segmentIn(name) > 0;

export function ownEntry({ inventory }: Database, kind: string, number: bigint): InventoryEntry | undefined {
  return inventory.entries.find((entry) => entry.kind === kind && entry.number === number && usual(entry));
}

/** A log, or a file of one of Pebble's that went on in several. */
export interface LogId {
  number: bigint;
  /** See `segmentIn`. */
  segment: number;
}

export const logIdOf = ({ number = 0n, name }: InventoryEntry): LogId => ({
  number,
  segment: segmentIn(name),
});

export const isLog = (entry: InventoryEntry, { number, segment }: LogId): boolean =>
  entry.kind === 'wal' && entry.number === number && segmentIn(entry.name) === segment;

export function ownLog({ inventory }: Database, id: LogId): InventoryEntry | undefined {
  return inventory.entries.find((entry) => isLog(entry, id) && usual(entry));
}
