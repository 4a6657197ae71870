import type { UnitFacts } from '../check/unit.js';
import type { Database } from '../engine/database.js';
import type { Finding } from '../finding/finding.js';
import { fileName, parseFileName } from '../format/filename.js';
import { LoggedHistory } from './logged-history.js';
import type { States } from './state.js';
import { findTables } from './tables.js';
import type { SequenceSpan } from './wals.js';

/*
 * Sequences that are in no log and in no table may have been written without a log. Where LOG has a table with such sequences, or a log that
 * was begun there, and no file has its number, they were in that, and are lost.
 */

const GAPS: ReadonlySet<string> = new Set(['sequence/gap-before-first-wal', 'sequence/gap-between-wals']);

/** Whether LOG may tell what a gap that was found is. */
export function mayTellOfGaps(found: readonly Finding[], { dialect, inventory, absent }: Database): boolean {
  if (dialect !== 'rocksdb' || absent.length > 0) return false;
  const hasLog = inventory.entries.some(({ kind, place }) => kind === 'info-log' && place === 'database');
  return hasLog && found.some(isGap);
}

const isGap = ({ rule, severity }: Finding) => GAPS.has(rule) && severity === 'warning';

/** Findings with gaps as errors where LOG tells which file is gone that held their sequences. */
export async function withLoggedGaps(
  found: readonly Finding[],
  database: Database,
  facts: ReadonlyMap<string, UnitFacts>,
  { manifests }: States,
): Promise<Finding[]> {
  const { inventory } = database;
  const history = await LoggedHistory.of(inventory, await findTables(database, facts));
  const isHere = (kind: 'table' | 'wal', number: bigint) =>
    [...inventory.entries, ...inventory.unlistable].some(
      (each) => each.kind === kind && each.number === number,
    );
  const isKnown = (number: bigint) => manifests.some(({ known }) => known.has(number));
  const tables = history.gone((number) => isKnown(number) || isHere('table', number));
  return found.map((finding) => {
    const span = isGap(finding) ? spanOf(finding) : undefined;
    if (span === undefined) return finding;
    const held = tables.filter(({ number }) =>
      history.sequencesOf(number).some(({ from, to }) => isIn(span, from) || isIn(span, to)),
    );
    const logs = logsOf(finding, history).filter((number) => !isHere('wal', number));
    const gone = [
      ...held.map(({ number }) => fileName('table', number)),
      ...logs.map((number) => fileName('wal', number)),
    ];
    if (gone.length === 0) return finding;
    return {
      ...finding,
      severity: 'error',
      message: `${finding.message}. LOG says that the database had ${gone.join(', ')}, which ${gone.length === 1 ? 'is' : 'are'} gone and held writes of them`,
      evidence: { ...finding.evidence, goneByLog: gone },
    };
  });
}

const isIn = ({ from, to }: SequenceSpan, sequence: bigint) => sequence >= from && sequence <= to;

function spanOf({ evidence = {} }: Finding): SequenceSpan | undefined {
  const { previousNextSequence, manifestLastSequence, firstSequence } = evidence;
  if (typeof firstSequence !== 'string') return undefined;
  const to = BigInt(firstSequence) - 1n;
  if (typeof previousNextSequence === 'string') return { from: BigInt(previousNextSequence), to };
  return typeof manifestLastSequence === 'string'
    ? { from: BigInt(manifestLastSequence) + 1n, to }
    : undefined;
}

/** Logs that were begun between two that are here: the engine deletes the oldest first, and begins none while the newest is empty. */
function logsOf({ evidence = {} }: Finding, history: LoggedHistory): bigint[] {
  const { previousWal, nextWal } = evidence;
  if (typeof previousWal !== 'string' || typeof nextWal !== 'string') return [];
  const [before, after] = [previousWal, nextWal].map((file) => parseFileName(file).number);
  return before === undefined || after === undefined ? [] : history.logsBetween(before, after);
}
