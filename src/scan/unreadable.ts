import type { TableFacts, Unchecked } from '../check/unit.js';
import type { Database } from '../engine/database.js';
import type { Finding } from '../finding/finding.js';
import type { UnreadableFile, UnreadableReport } from '../report/report.js';
import type { ScanHooks } from './options.js';
import { liveBlobs, liveTables, type OwnedTable, type PlannedUnit, planUnits } from './plan.js';
import { type FileOutcome, runPlan } from './run.js';

/** What of the tables and blob files that the MANIFEST names no reader gets. */
interface Readability {
  /** Absent where all of it can be read. */
  unreadable?: UnreadableReport;
  unchecked: Unchecked[];
  bytesRead: number;
}

/**
 * Reads every live table and blob file to its end. An open reads the metadata of tables only, so it succeeds over damage that a
 * reader meets later: what an open is worth is told by both.
 */
export async function readability(database: Database, jobs: number, hooks: ScanHooks): Promise<Readability> {
  const tables = liveTables(database);
  const blobs = liveBlobs(database);
  const units = (await planUnits(database, 'full', jobs)).filter(isLive);
  const outcomes = await runPlan(units, jobs, hooks);
  const files = [...unreadTables(tables, outcomes), ...unreadBlobs([...blobs.keys()], outcomes)];
  const counted = files.flatMap(({ entries }) => (entries === undefined ? [] : [entries]));
  const uncounted = files.length - counted.length;
  return {
    ...(files.length > 0 && {
      unreadable: {
        entries: counted.reduce((sum, entries) => sum + entries, 0),
        ...(uncounted > 0 && { uncounted }),
        files,
      },
    }),
    unchecked: outcomes.flatMap(({ unchecked }) => unchecked),
    bytesRead: outcomes.reduce((sum, outcome) => sum + outcome.bytesRead, 0),
  };
}

function isLive({ kind, context }: PlannedUnit): boolean {
  return (kind === 'table' || kind === 'blob') && context.live !== undefined;
}

const errorsOf = ({ findings }: FileOutcome) => findings.filter(({ severity }) => severity === 'error');

function unreadTables(
  tables: ReadonlyMap<bigint, OwnedTable>,
  outcomes: readonly FileOutcome[],
): UnreadableFile[] {
  const found = new Map(outcomes.map((outcome) => [outcome.entry.number, outcome]));
  const files: UnreadableFile[] = [];
  for (const [number, { family }] of tables) {
    const outcome = found.get(number);
    const columnFamily = family.name;
    if (outcome === undefined || outcome.entry.kind !== 'table' || outcome.vanished) {
      files.push({ file: `${String(number).padStart(6, '0')}.sst`, columnFamily, reason: 'it is missing' });
      continue;
    }
    const [first] = errorsOf(outcome);
    if (first === undefined) continue;
    const { facts, entry } = outcome;
    const lost = facts?.kind === 'table' ? lostEntries(facts) : undefined;
    files.push({
      file: entry.file,
      columnFamily,
      ...(lost !== undefined && { entries: lost }),
      reason: first.message,
      rule: first.rule,
    });
  }
  return files;
}

/** Entries that the table's properties count and that could not be read; `undefined` where these cannot be read either. */
function lostEntries({ stated, totals }: TableFacts): number | undefined {
  const counted = stated?.properties.find(({ name }) => name === 'num.entries')?.value;
  if (counted === undefined || stated === undefined) return undefined;
  return Math.max(0, Number(counted) - (totals?.points ?? 0) - stated.rangeTombstones.count);
}

function unreadBlobs(live: readonly bigint[], outcomes: readonly FileOutcome[]): UnreadableFile[] {
  const found = new Map(
    outcomes.flatMap((outcome) => (outcome.entry.kind === 'blob' ? [[outcome.entry.number, outcome]] : [])),
  );
  const references = referencesOf(outcomes);
  const numbers = [...new Set([...live, ...references.keys()])];
  return numbers.flatMap((number) => {
    const outcome = found.get(number);
    const values = references.get(number) ?? 0;
    if (outcome === undefined || outcome.vanished) {
      const file = `${String(number).padStart(6, '0')}.blob`;
      return values === 0 ? [] : [{ file, entries: values, reason: 'it is missing' }];
    }
    const errors = errorsOf(outcome);
    if (errors.length === 0) return [];
    const ofRecords = errors.every(isOfRecord);
    const entries = ofRecords ? Math.min(errors.length, values) : values;
    return [{ file: outcome.entry.file, entries, reason: errors[0].message, rule: errors[0].rule }];
  });
}

/** The engine reads a blob file's header and footer before any value; damage in a record costs that one. */
function isOfRecord({ rule }: Finding): boolean {
  return rule.startsWith('blob/record-') || rule === 'blob/decompression';
}

/** Values in each blob file that tables refer to. */
function referencesOf(outcomes: readonly FileOutcome[]): Map<bigint, number> {
  const references = new Map<bigint, number>();
  for (const { facts } of outcomes) {
    if (facts?.kind !== 'table') continue;
    for (const { number, count } of facts.blobReferences)
      references.set(number, (references.get(number) ?? 0) + count);
  }
  return references;
}
