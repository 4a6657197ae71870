import { checkBlobLinks, checkColumnFamiliesOfWals, checkLastSequence } from '../check/cross/links.js';
import { walSeverity } from '../check/cross/severity.js';
import { checkWalContinuity } from '../check/cross/wal-continuity.js';
import type { TableFacts, WalFacts } from '../check/unit.js';
import { type Database, liveWals } from '../engine/database.js';
import type { Finding } from '../finding/finding.js';
import { liveBlobs, liveTables } from './plan.js';
import type { FileOutcome } from './run.js';

/** What the circumstances of a scan say about how much damage costs. */
export interface Circumstances {
  /** Nobody was writing: a backup or a checkpoint. */
  atRest: boolean;
  /** A running process holds the database. */
  owned: boolean;
}

/**
 * Decides what only the whole directory can tell: which findings are about files that the engine would read, and what does
 * not fit between files.
 */
export function crossCheck(
  database: Database,
  outcomes: readonly FileOutcome[],
  circumstances: Circumstances,
): Finding[] {
  const live = liveWals(database);
  const liveEntries = new Set(live);
  const walFacts = outcomes
    .map((o) => o.facts)
    .filter((f): f is WalFacts => f?.kind === 'wal')
    .sort((a, b) => (a.number < b.number ? -1 : 1));
  const liveFiles = new Set(live.map((e) => e.file));
  const liveWalFacts = walFacts.filter((f) => liveFiles.has(f.file));
  const newest = live.at(-1);
  const tables = liveTables(database);
  const blobs = liveBlobs(database);
  const findings: Finding[] = [];
  for (const { entry, findings: own } of outcomes) {
    for (const found of own.map((f) => located(f, entry.root))) {
      if (entry.kind === 'wal') {
        findings.push(
          walSeverity(found, {
            live: liveEntries.has(entry),
            newest: entry === newest,
            mode: database.options.walRecoveryMode,
            ...circumstances,
          }),
        );
      } else if (entry.kind === 'table') {
        findings.push(
          unlessUnused(found, database, entry.place === 'lost' || !tables.has(entry.number ?? -1n)),
        );
      } else {
        findings.push(unlessUnused(found, database, !blobs.has(entry.number ?? -1n)));
      }
    }
  }
  findings.push(...betweenWals(database, liveWalFacts, outcomes));
  findings.push(...betweenTables(database, liveWalFacts, outcomes));
  return findings;
}

function located(found: Finding, root: string | undefined): Finding {
  return root === undefined ? found : { ...found, root };
}

/** Damage in a file that the MANIFEST does not name costs nothing. Without a MANIFEST nobody knows. */
function unlessUnused(found: Finding, { version }: Database, unused: boolean): Finding {
  return unused && version !== undefined ? { ...found, severity: 'note' } : found;
}

function betweenWals(database: Database, wals: WalFacts[], outcomes: readonly FileOutcome[]): Finding[] {
  // what a MANIFEST does not account for says nothing when part of it is lost
  const version = database.manifest?.replay.complete ? database.version : undefined;
  return [
    ...checkWalContinuity(wals, {
      cutoff: database.walCutoff,
      emptyIsUsual: database.options.avoidFlushDuringRecovery,
      ...(version?.lastSequence !== undefined && { lastSequence: version.lastSequence }),
      tables: liveTableFacts(database, outcomes),
    }),
    ...(version ? checkColumnFamiliesOfWals(wals, version) : []),
  ];
}

function betweenTables(database: Database, wals: WalFacts[], outcomes: readonly FileOutcome[]): Finding[] {
  const { version } = database;
  if (version === undefined) return [];
  const tables = liveTableFacts(database, outcomes);
  return [...checkBlobLinks(tables, version), ...checkLastSequence(tables, wals, version)];
}

function liveTableFacts(database: Database, outcomes: readonly FileOutcome[]): TableFacts[] {
  const live = liveTables(database);
  return outcomes
    .map((o) => o.facts)
    .filter((f): f is TableFacts => f?.kind === 'table' && f.number !== undefined && live.has(f.number));
}
