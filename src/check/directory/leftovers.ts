import type { Database } from '../../engine/database.js';
import type { Finding } from '../../finding/finding.js';
import { fileName } from '../../format/filename.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { findingAt, placeOf } from './place.js';

/** Notes on what lies about: tables and blob files that the MANIFEST does not name, temporary files, RepairDB's attic. */
export function checkLeftovers(database: Database): Finding[] {
  const { inventory, version, manifest } = database;
  const findings: Finding[] = [];
  const live = liveNumbers(database);
  const next = version?.nextFileNumber;
  const damaged = manifest !== undefined && !manifest.replay.complete;
  for (const entry of inventory.entries) {
    if (entry.place !== 'database' && entry.place !== 'db-path') continue;
    if (entry.kind === 'temporary') {
      findings.push(
        findingAt(placeOf(entry), 'directory/stale-temporary', {
          message: 'a temporary file was left behind; it is not read',
        }),
      );
    }
    if (version === undefined || !isOrphan(entry, live)) continue;
    const blob = entry.kind === 'blob';
    const reason = damaged
      ? 'which is damaged: it may be live'
      : next !== undefined && entry.number !== undefined && entry.number >= next
        ? 'and its number has not been given out: an unfinished output'
        : 'an unfinished output or an obsolete input';
    findings.push(
      findingAt(placeOf(entry), blob ? 'directory/orphan-blob' : 'directory/orphan-table', {
        message: `${manifest?.entry.file} does not name the ${blob ? 'blob file' : 'table'}, ${reason}`,
        evidence: {
          size: entry.size,
          ...(next === undefined ? {} : { nextFileNumber: String(next) }),
        },
      }),
    );
  }
  findings.push(...unbornTables(database));
  const attic = inventory.entries.filter((entry) => entry.place === 'lost');
  if (attic.length > 0) {
    findings.push(
      findingAt({ file: 'lost' }, 'directory/repaired-before', {
        message: `lost/ holds ${attic.length} files that a repair set aside`,
        evidence: { files: attic.slice(0, 20).map((entry) => entry.name) },
      }),
    );
  }
  return findings;
}

/** More of them come from another history of numbers than an unfinished job's. */
const MANY_UNBORN = 16n;

/**
 * Numbers between the newest WAL's and the next one to be given out belong to tables of flushes and compactions. One that no
 * edit named and no file bears was an unfinished output.
 */
function unbornTables({ inventory, version, manifest }: Database): Finding[] {
  const next = version?.nextFileNumber;
  const newestWal = inventory.entries.reduce(
    (max, e) => (e.kind === 'wal' && (e.number ?? 0n) > max ? e.number! : max),
    0n,
  );
  if (next === undefined || manifest === undefined || newestWal === 0n) return [];
  const from = newestWal > (manifest.entry.number ?? 0n) ? newestWal : (manifest.entry.number ?? 0n);
  if (next - from > MANY_UNBORN) return [];
  const known = new Set([...inventory.entries.map((e) => e.number), ...manifest.replay.lastTables]);
  const findings: Finding[] = [];
  for (let number = from + 1n; number < next; number++) {
    if (known.has(number)) continue;
    findings.push(
      findingAt({ file: fileName('table', number) }, 'directory/unborn-table', {
        message: `${manifest.entry.file} has given out number ${number}; no edit names a table with it and no file bears it`,
        evidence: { nextFileNumber: String(next) },
      }),
    );
  }
  return findings;
}

function liveNumbers({ version }: Database): { table: Set<bigint>; blob: Set<bigint> } {
  const families = [...(version?.columnFamilies.values() ?? [])];
  return {
    table: new Set(families.flatMap((family) => [...family.tables.keys()])),
    blob: new Set(families.flatMap((family) => [...family.blobFiles.keys()])),
  };
}

function isOrphan(entry: InventoryEntry, live: ReturnType<typeof liveNumbers>): boolean {
  if (entry.kind !== 'table' && entry.kind !== 'blob') return false;
  return entry.number !== undefined && !live[entry.kind].has(entry.number);
}
