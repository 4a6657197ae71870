import type { Database } from '../../engine/database.js';
import { atLeast } from '../../engine/version.js';
import type { Finding } from '../../finding/finding.js';
import { fileName } from '../../format/filename.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { findingAt, placeOf } from './place.js';

/**
 * WALs that the MANIFEST tracks with a size: they were closed and synced, so they must be there and as long. The engine
 * insists on it when track_and_verify_wals_in_manifest is set; without the option it forgets them and opens, which loses what
 * recovery still needed.
 */
export function checkTrackedWals(database: Database): Finding[] {
  const { version, options, walCutoff, manifest } = database;
  if (version === undefined) return [];
  const wals = walsByNumber(database);
  const findings: Finding[] = [];
  for (const [number, synced] of version.trackedWals) {
    if (synced === undefined) continue;
    const entry = wals.get(number);
    const needed = options.trackAndVerifyWalsInManifest || number >= walCutoff;
    const severity = needed ? ('error' as const) : ('note' as const);
    if (entry === undefined) {
      findings.push(
        findingAt({ file: fileName('wal', number) }, 'directory/missing-wal', {
          severity,
          message: `${manifest?.entry.file ?? 'the MANIFEST'} tracks the WAL with ${synced} synced bytes; it is not there`,
          evidence: { synced: String(synced), engine: `Corruption: Missing WAL with log number: ${number}.` },
        }),
      );
    } else if (BigInt(entry.size) < synced) {
      findings.push(
        findingAt(placeOf(entry), 'directory/short-wal', {
          severity,
          offset: entry.size,
          length: 0,
          message: `the WAL has ${entry.size} bytes; ${synced} were synced when it was closed`,
          evidence: {
            synced: String(synced),
            actual: entry.size,
            engine: `Corruption: Size mismatch: WAL (log number: ${number}) in MANIFEST is ${synced} bytes , but actually is ${entry.size} bytes on disk.`,
          },
        }),
      );
    }
  }
  return findings;
}

/**
 * WALs that were begun while the database ran and are gone although nothing allows it. A log number that an edit sets is that
 * of a new WAL when it is above the MANIFEST's own number; smaller ones may come from an open, which sets a number without
 * beginning the file. The engine deletes WALs from the oldest on and, since 6.29.5, records before what it may delete.
 */
export function checkBegunWals(database: Database, atRest: boolean): Finding[] {
  const { version, manifest, walCutoff, inventory, optionsFile, engineVersion } = database;
  const own = manifest?.entry.number;
  if (version === undefined || manifest === undefined || own === undefined) return [];
  const wals = walsByNumber(database);
  const oldest = smallest(wals.keys());
  const archived = new Set(
    inventory.entries.filter((e) => e.kind === 'wal' && e.place === 'archive').map((e) => e.number),
  );
  // a copy that was made at rest has no WAL whose writes are all in tables
  const allNeeded = !atRest && optionsFile !== undefined && atLeast(engineVersion, 6, 29, 5);
  const findings: Finding[] = [];
  for (const number of manifest.replay.begunWals) {
    if (number <= own || wals.has(number) || archived.has(number)) continue;
    // a tracked one is an error of its own
    if (version.trackedWals.get(number) !== undefined) continue;
    const older = oldest !== undefined && oldest < number ? fileName('wal', oldest) : undefined;
    const needed = number >= walCutoff;
    if (older === undefined && !(needed && allNeeded)) continue;
    const why =
      older !== undefined
        ? `although the older ${older} is there`
        : 'and nothing says that what was written to it, if anything, is in a table';
    findings.push(
      findingAt({ file: fileName('wal', number) }, 'directory/removed-wal', {
        // without any WAL it is most likely a checkpoint that was flushed first, and somebody has since tried to open it
        severity: needed && wals.size > 0 ? 'warning' : 'note',
        message: `${manifest.entry.file} says that this WAL was begun; it is gone, ${why}`,
        evidence: { walCutoff: String(walCutoff), ...(older === undefined ? {} : { olderWal: older }) },
      }),
    );
  }
  return findings;
}

function smallest(numbers: Iterable<bigint>): bigint | undefined {
  let least: bigint | undefined;
  for (const number of numbers) if (least === undefined || number < least) least = number;
  return least;
}

/** WALs outside archive/ and lost/, by number. */
function walsByNumber({ inventory }: Database): Map<bigint, InventoryEntry> {
  const wals = new Map<bigint, InventoryEntry>();
  for (const entry of inventory.entries) {
    if (entry.kind !== 'wal' || entry.number === undefined) continue;
    if (entry.place === 'database' || entry.place === 'wal-dir') wals.set(entry.number, entry);
  }
  return wals;
}
