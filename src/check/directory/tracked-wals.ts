import type { Database } from '../../engine/database.js';
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
 * WALs that an edit says were begun and that are gone although an older one is still there. The engine deletes WALs from the
 * oldest on, so somebody else removed them. `begun`: log numbers that edits set. A number right behind an existing WAL is
 * left out: an open without WAL to continue sets such a number and never begins the file.
 */
export function checkBegunWals(database: Database, begun: Iterable<bigint>): Finding[] {
  const { version, walCutoff, inventory } = database;
  if (version === undefined) return [];
  const wals = walsByNumber(database);
  const oldest = [...wals.keys()].reduce<bigint | undefined>(
    (a, b) => (a === undefined || b < a ? b : a),
    undefined,
  );
  const archived = new Set(
    inventory.entries.filter((e) => e.kind === 'wal' && e.place === 'archive').map((e) => e.number),
  );
  const findings: Finding[] = [];
  for (const number of new Set(begun)) {
    if (oldest === undefined || number <= oldest || wals.has(number) || wals.has(number - 1n)) continue;
    if (archived.has(number) || version.trackedWals.get(number) !== undefined) continue;
    findings.push(
      findingAt({ file: fileName('wal', number) }, 'directory/removed-wal', {
        severity: number >= walCutoff ? 'warning' : 'note',
        message: `the MANIFEST says that this WAL was begun; it is gone, although the older ${fileName('wal', oldest)} is there`,
        evidence: { oldestWal: fileName('wal', oldest), walCutoff: String(walCutoff) },
      }),
    );
  }
  return findings;
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
