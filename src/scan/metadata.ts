import { largest } from '../bytes/append.js';
import { checkDirectory, type DirectoryResult } from '../check/directory/directory.js';
import type { UnitFacts } from '../check/unit.js';
import type { Database } from '../engine/database.js';
import type { Circumstances } from './cross.js';
import type { FileOutcome } from './run.js';

/** Checks everything that is not a unit: CURRENT, MANIFEST, OPTIONS, IDENTITY, and what they say must be there. */
export function checkMetadata(
  database: Database,
  outcomes: readonly FileOutcome[],
  circumstances: Circumstances,
): Promise<DirectoryResult> {
  const facts = factsByFile(outcomes);
  return checkDirectory(database, {
    ...circumstances,
    facts,
    lost: strangeColumnFamilies(database, facts),
  });
}

/** What reading tables, WALs and blob files has shown, by the inventory's `file`. */
export function factsByFile(outcomes: readonly FileOutcome[]): Map<string, UnitFacts> {
  return new Map(outcomes.flatMap(({ entry, facts }) => (facts ? [[entry.file, facts] as const] : [])));
}

/** Column families that WALs write to and the MANIFEST never created, in words. */
function strangeColumnFamilies({ version }: Database, facts: ReadonlyMap<string, UnitFacts>): string[] {
  if (version === undefined) return [];
  const known = largest(version.columnFamilies.keys(), version.maxColumnFamily ?? 0);
  return [...facts.values()].flatMap((f) =>
    f.kind === 'wal'
      ? f.columnFamilies.filter(({ id }) => id > known).map(({ id }) => `column family ${id} (${f.file})`)
      : [],
  );
}
