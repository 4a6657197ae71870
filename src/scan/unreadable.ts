import type { TableFacts, Unchecked } from '../check/unit.js';
import type { Database } from '../engine/database.js';
import type { Finding } from '../finding/finding.js';
import { listedBlobFiles, numbersOfValueFiles } from '../format/manifest/version.js';
import type { UnreadableFile, UnreadableReport } from '../report/report.js';
import { followBlobReferences } from './blob-files.js';
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
  const blobs = [...liveBlobs(database).keys(), ...valueFileNumbers(database)];
  const units = (await planUnits(database, 'full', jobs)).filter(isLive);
  const outcomes = await followBlobReferences(database, await runPlan(units, jobs, hooks));
  const files = [...unreadTables(tables, outcomes), ...unreadBlobs(database, blobs, outcomes)];
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
  if (kind === 'blob' && context.dialect === 'pebble') return context.orphan === false;
  return (kind === 'table' || kind === 'blob') && context.live !== undefined;
}

const valueFileNumbers = ({ version }: Database): Iterable<bigint> =>
  version === undefined ? [] : numbersOfValueFiles(version);

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

function unreadBlobs(
  database: Database,
  live: readonly bigint[],
  outcomes: readonly FileOutcome[],
): UnreadableFile[] {
  const found = new Map(
    outcomes.flatMap((outcome) => (outcome.entry.kind === 'blob' ? [[outcome.entry.number, outcome]] : [])),
  );
  const references = referencesOf(database, outcomes);
  const numbers = [...new Set([...live, ...references.keys()])];
  return numbers.flatMap((number): UnreadableFile[] => {
    const outcome = found.get(number);
    const values = references.get(number) ?? 0;
    if (outcome === undefined || outcome.vanished) {
      const file = `${String(number).padStart(6, '0')}.blob`;
      return values === 0 ? [] : [{ file, entries: values, reason: 'it is missing' }];
    }
    const errors = errorsOf(outcome);
    if (errors.length === 0) return [];
    const entries = unreadValues(outcome, errors, values);
    return [
      {
        file: outcome.entry.file,
        ...(entries !== undefined && { entries }),
        reason: errors[0].message,
        rule: errors[0].rule,
      },
    ];
  });
}

/** The engine reads a blob file's header and footer before any value; damage in a record costs that one. */
function isOfRecord({ rule }: Finding): boolean {
  return rule.startsWith('blob/record-') || rule === 'blob/decompression';
}

/** How many of the values that tables have in a damaged blob file cannot be read; `undefined` where nothing tells. */
function unreadValues(
  { facts }: FileOutcome,
  errors: readonly Finding[],
  values: number,
): number | undefined {
  if (errors.every(isOfRecord)) return Math.min(errors.length, values);
  // tables say in which file of Pebble their values are, not how many are in a block
  return facts?.kind === 'blob' && facts.readable && facts.valueBlocks !== undefined ? undefined : values;
}

/** Values in each blob file that tables refer to. */
function referencesOf({ version }: Database, outcomes: readonly FileOutcome[]): Map<bigint, number> {
  const references = new Map<bigint, number>();
  const add = (number: bigint, count: number) =>
    references.set(number, (references.get(number) ?? 0) + count);
  const lists = new Map<bigint, ReturnType<typeof listedBlobFiles>>();
  for (const { tables } of version?.columnFamilies.values() ?? [])
    for (const table of tables.values())
      lists.set(table.backing ?? table.number, listedBlobFiles(version!, table));
  for (const { facts, entry } of outcomes) {
    if (facts?.kind !== 'table') continue;
    for (const { number, count } of facts.blobReferences) add(number, count);
    const listed = lists.get(entry.number ?? -1n) ?? [];
    for (const { reference, count } of facts.valueReferences ?? []) {
      const number = listed[reference];
      if (number !== undefined) add(number, count);
    }
  }
  return references;
}
