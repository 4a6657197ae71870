import type { Database } from '../../engine/database.js';
import { unknownSecond } from '../../engine/unseen.js';
import type { Finding } from '../../finding/finding.js';
import { placeOf } from '../../finding/finding-at.js';
import { segmentIn } from '../../format/filename.js';
import { fileBehind, type LiveTable } from '../../format/manifest/version.js';
import type { TableFacts } from '../unit.js';

/** Whether tables were ever brought in whole, as far as the files tell: then numbers are missing that no log had. */
export function ingests({ version, pebble, manifest }: Database): boolean {
  return (
    (version?.backings.size ?? 0) > 0 ||
    (pebble?.ingested.size ?? 0) > 0 ||
    // one that has gone into another one since tells it, too
    manifest?.replay.mayHaveIngested === true
  );
}

/** Tables that were brought in whole and that nothing names: their entries have no sequence of their own. */
function forsakenIngests({ version, pebble }: Database, tables: readonly TableFacts[]): number {
  if (version === undefined) return 0;
  const named = new Set<bigint | undefined>([...version.backings.keys(), ...(pebble?.ingested.keys() ?? [])]);
  for (const { tables: live } of version.columnFamilies.values())
    for (const table of live.values()) named.add(fileBehind(version, table).number);
  return tables.filter(
    ({ number, largestSequence, entries = 0n }) =>
      !named.has(number) && largestSequence === 0n && entries > 0n,
  ).length;
}

/**
 * What findings between WALs come to. `closed`: files that end in the mark of a closed log, or undamaged where it goes on in another one. Where as many numbers are missing
 * as ingested tables lie here that nothing names, the WAL that brought them in is gone.
 */
export function betweenPebbleWals(
  found: Finding,
  database: Database,
  closed: ReadonlySet<string>,
  tables: readonly TableFacts[],
): Finding {
  const { firstSequence, previousNextSequence } = found.evidence;
  const missing = Number(firstSequence) - Number(previousNextSequence);
  const isCertain =
    !closed.has(found.file) ||
    !ingests(database) ||
    (missing > 0 && missing === forsakenIngests(database, tables));
  const isHole = found.rule === 'sequence/gap-between-wals' || found.rule === 'wal/emptied';
  // of a log that went on in another directory the first file is gone
  const isBegunLate = found.rule === 'sequence/gap-before-first-wal' && segmentIn(found.file) > 0;
  // it may be in a directory that is not here
  const isElsewhere =
    database.absent.some(({ option }) => option === 'wal_dir') || unknownSecond(database) !== undefined;
  return ((isHole && isCertain) || isBegunLate) && !isElsewhere ? { ...found, severity: 'error' } : found;
}

/** What RocksDB says in a mode of its own. */
function withoutModes(found: Finding): Finding {
  const { strictModeSays: _, everyModeSays: __, ...evidence } = found.evidence;
  return { ...found, evidence };
}

/** What findings of one file come to where Pebble differs from RocksDB. `live`: the table that the finding is about. */
export function asPebble(raw: Finding, database: Database, live: LiveTable | undefined): Finding {
  const found = withoutModes(raw);
  const { manifest } = database;
  switch (found.rule) {
    case 'sequence/gap':
      // every operation takes a number, and so does every table that is ingested
      return ingests(database) ? found : { ...found, severity: 'warning' };
    case 'sequence/overlap':
    case 'sequence/backwards':
    case 'sst/deletion-with-value':
    case 'sst/bad-filter':
      // a filter of another length makes it panic
      return { ...found, severity: 'error' };
    case 'wal/zero-fill':
      // Pebble does not preallocate
      return { ...found, severity: 'warning' };
    case 'sst/manifest-bounds': {
      // nothing checks the MANIFEST's bounds; the order of the table's own keys has been checked
      if (live === undefined || manifest === undefined || found.offset !== 0) return found;
      const { offset, length } = live.entry;
      return { ...found, ...placeOf(manifest.entry), offset, length };
    }
    default:
      return found;
  }
}
