import type { SourceDescriptor } from '../../../bytes/source.js';
import { checkFile } from '../../../check/check-file.js';
import type { UnitResult } from '../../../check/unit.js';
import type { Database } from '../../../engine/database.js';
import { fileName } from '../../../format/filename.js';
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

/** What a file would be called that is not there. */
export function absentEntry(
  database: Database,
  kind: 'table' | 'blob' | 'wal',
  { number, pathId = 0 }: { number: bigint; pathId?: number },
  known?: string,
): InventoryEntry {
  const { inventory, target } = database;
  const name = known ?? (kind === 'table' ? tableName(inventory, number) : fileName(kind, number));
  const root = kind === 'wal' ? walRoot(database) : tableRoot(inventory, pathId);
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

export const usual = ({ place, suffix }: InventoryEntry) =>
  place !== 'archive' && place !== 'lost' && suffix === undefined;

export function ownEntry({ inventory }: Database, kind: string, number: bigint): InventoryEntry | undefined {
  return inventory.entries.find((entry) => entry.kind === kind && entry.number === number && usual(entry));
}
