import type { UnitFacts } from '../check/unit.js';
import { type Database, liveWals } from '../engine/database.js';
import type { Finding } from '../finding/finding.js';
import type { InventoryEntry } from '../io/inventory.js';
import type { FileKind, FileReport, FileStatus } from '../report/report.js';
import { liveBlobs, liveTables } from './plan.js';
import type { FileOutcome } from './run.js';
import { modifiedAt } from './select.js';

export const kinds: Partial<Record<InventoryEntry['kind'], FileKind>> = {
  wal: 'wal',
  table: 'table',
  blob: 'blob',
  manifest: 'manifest',
  current: 'current',
  identity: 'identity',
  options: 'options',
  'info-log': 'log',
  lock: 'lock',
  temporary: 'temporary',
  trash: 'temporary',
};

/** Kinds whose content a scan looks at. */
const CHECKED: ReadonlySet<FileKind> = new Set([
  'wal',
  'table',
  'blob',
  'manifest',
  'current',
  'identity',
  'options',
]);

/**
 * One line for each file of the directory, and one for each that is missing. `sizes`: bytes of files in directories that are not the
 * engine's own, of which only those with findings have a line.
 */
export function fileReports(
  database: Database,
  outcomes: readonly FileOutcome[],
  findings: readonly Finding[],
  sizes: ReadonlyMap<string, number> = new Map(),
): FileReport[] {
  const byEntry = new Map(outcomes.map((o) => [o.entry, o]));
  const byFile = groupByFile(findings);
  const tables = liveTables(database);
  const blobs = liveBlobs(database);
  const wals = new Set(liveWals(database));
  const isLive = (entry: InventoryEntry): boolean | undefined => {
    const { kind, number } = entry;
    if (kind === 'wal') return wals.has(entry);
    // without a MANIFEST nothing says which tables and blob files are live
    if (number === undefined || database.version === undefined) return undefined;
    if (kind === 'table') return tables.has(number);
    // Pebble's MANIFEST names blob files in another way
    return kind === 'blob' && database.pebble === undefined ? blobs.has(number) : undefined;
  };
  const named = new Set<string>();
  const reports: FileReport[] = [];
  for (const entry of database.inventory.entries) {
    const key = `${entry.root ?? ''}\0${entry.file}`;
    named.add(key);
    const outcome = byEntry.get(entry);
    const kind = kinds[entry.kind] ?? 'other';
    const owned = entry.kind === 'table' && entry.number !== undefined ? tables.get(entry.number) : undefined;
    const live = isLive(entry);
    reports.push({
      path: entry.file,
      ...(entry.root !== undefined && { root: entry.root }),
      ...(entry.nameBytes && { pathBase64: Buffer.from(entry.nameBytes).toString('base64') }),
      kind,
      size: entry.size,
      modified: modifiedAt(entry),
      status: statusOf(kind, byFile.get(key) ?? [], outcome),
      ...(live !== undefined && { use: live ? 'live' : entry.place === 'archive' ? 'archived' : 'obsolete' }),
      ...(owned && { columnFamily: owned.family.name, level: owned.table.level }),
      ...(outcome?.notRead ? trustOf(outcome.notRead) : factsOf(outcome?.facts)),
    });
  }
  for (const [key, about] of byFile) {
    if (named.has(key) || about.every((f) => f.severity === 'note')) continue;
    const { file: path, root } = about[0];
    // the directory itself, or one in it
    if (path === '.' || database.inventory.directories.includes(path)) continue;
    const kind = kindOfName(path);
    const size = root === undefined ? sizes.get(path) : undefined;
    reports.push({
      path,
      ...(root !== undefined && { root }),
      kind,
      size: size ?? 0,
      status: size === undefined ? 'missing' : statusOf(kind, about, undefined),
    });
  }
  return reports;
}

function groupByFile(findings: readonly Finding[]): Map<string, Finding[]> {
  const groups = new Map<string, Finding[]>();
  for (const found of findings) {
    const key = `${found.root ?? ''}\0${found.file}`;
    const group = groups.get(key);
    if (group) group.push(found);
    else groups.set(key, [found]);
  }
  return groups;
}

/** Kinds that units check; one that appeared after the plan was made has no outcome. */
const UNIT_KINDS: ReadonlySet<FileKind> = new Set(['wal', 'table', 'blob']);

function statusOf(
  kind: FileKind,
  findings: readonly Finding[],
  outcome: FileOutcome | undefined,
): FileStatus {
  if (findings.some((f) => f.severity === 'error')) return 'damaged';
  if (findings.some((f) => f.severity === 'warning')) return 'suspicious';
  if (outcome && (outcome.unchecked.length > 0 || outcome.vanished)) return 'unchecked';
  if (outcome?.notRead) return outcome.notRead === 'skipped' ? 'skipped' : 'trusted';
  if (outcome === undefined && UNIT_KINDS.has(kind)) return 'unchecked';
  return CHECKED.has(kind) ? 'clean' : 'ignored';
}

export function factsOf(facts: UnitFacts | undefined): Pick<FileReport, 'entries' | 'sequences'> {
  if (facts === undefined) return {};
  if (facts.kind === 'blob') return { entries: facts.records };
  const [first, last] =
    facts.kind === 'wal'
      ? [facts.firstSequence, facts.nextSequence === undefined ? facts.lastSequence : facts.nextSequence - 1n]
      : [facts.smallestSequence, facts.largestSequence];
  const entries = facts.kind === 'wal' ? facts.records : Number(facts.entries ?? 0n);
  return {
    entries,
    ...(first !== undefined &&
      last !== undefined && { sequences: { first: String(first), last: String(last) } }),
  };
}

/** What an earlier report said of a file that was not read again. */
export function trustOf(notRead: NonNullable<FileOutcome['notRead']>): Partial<FileReport> {
  if (notRead === 'skipped') return {};
  const { entries, sequences, checkedAt } = notRead;
  return { ...(entries !== undefined && { entries }), ...(sequences && { sequences }), checkedAt };
}

function kindOfName(path: string): FileKind {
  if (/\.(sst|ldb)$/.test(path)) return 'table';
  if (path.endsWith('.log')) return 'wal';
  if (path.endsWith('.blob')) return 'blob';
  if (/MANIFEST-\d+$/.test(path)) return 'manifest';
  return path.endsWith('CURRENT') ? 'current' : 'other';
}
