import { append } from '../../bytes/append.js';
import type { Database } from '../../engine/database.js';
import type { Finding } from '../../finding/finding.js';
import { findingAt, placeOf } from '../../finding/finding-at.js';
import { fileName } from '../../format/filename.js';
import type { InventoryEntry } from '../../io/inventory.js';

/** Notes on unused files: tables and blob files that the MANIFEST does not name, temporary files, what RepairDB moved to lost/. */
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
    const what = blob ? 'blob file' : 'table';
    const reason =
      next !== undefined && entry.number !== undefined && entry.number >= next
        ? 'and its number has not been given out: an unfinished output'
        : 'an unfinished output or an obsolete input';
    findings.push(
      findingAt(placeOf(entry), blob ? 'directory/orphan-blob' : 'directory/orphan-table', {
        message: damaged
          ? `what can be read of ${manifest.entry.file}, which is damaged, does not name the ${what}: the ${what} may be in use`
          : `${manifest?.entry.file} does not name the ${what}, ${reason}`,
        evidence: {
          size: entry.size,
          ...(next === undefined ? {} : { nextFileNumber: String(next) }),
        },
      }),
    );
  }
  append(findings, unbornTables(database));
  append(findings, pendingCompactions(database, live.table));
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
  const ownNumber = manifest?.entry.number;
  const newestWal = inventory.entries
    .filter((e) => e.kind === 'wal')
    .reduce((max, { number = 0n }) => (number > max ? number : max), 0n);
  if (next === undefined || manifest === undefined || ownNumber === undefined) return [];
  // after an open numbers are skipped, so only those after a WAL that was begun since tell anything
  if (newestWal < ownNumber || next - newestWal > MANY_UNBORN) return [];
  const known = new Set([...inventory.entries.map((e) => e.number), ...manifest.replay.lastTables]);
  const findings: Finding[] = [];
  for (let number = newestWal + 1n; number < next; number++) {
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

/** RocksDB's default for level0_file_num_compaction_trigger. */
const LEVEL0_TRIGGER = 4;

/** Column families whose level 0 is full enough for a compaction of which nothing is there to be seen. */
function pendingCompactions(database: Database, live: ReadonlySet<bigint>): Finding[] {
  const { inventory, version, options, optionsFile } = database;
  const next = version?.nextFileNumber;
  if (version === undefined || next === undefined || optionsFile === undefined) return [];
  if (inventory.entries.some((e) => e.kind === 'table' && e.number !== undefined && !live.has(e.number)))
    return [];
  const findings: Finding[] = [];
  for (const family of version.columnFamilies.values()) {
    const settings = options.columnFamilies.get(family.name);
    if (settings?.compactionStyle !== 'kCompactionStyleLevel') continue;
    if (settings.values.get('disable_auto_compactions') === 'true') continue;
    const trigger = Number(settings.values.get('level0_file_num_compaction_trigger') ?? LEVEL0_TRIGGER);
    const files = [...family.tables.values()].filter(({ level }) => level === 0).length;
    if (!(trigger > 0 && files >= trigger)) continue;
    findings.push(
      findingAt({ file: fileName('table', next) }, 'directory/compaction-pending', {
        message: `level 0 of column family ${family.name} holds ${files} files, enough for a compaction (at ${trigger}), and there is no output of one`,
        evidence: { columnFamily: family.name, level0Files: files, trigger, nextFileNumber: String(next) },
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
