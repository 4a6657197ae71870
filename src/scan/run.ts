import { checkTableTotals, mergeTableFacts } from '../check/sst/table.js';
import type { TableFacts, Unchecked, UnitFacts } from '../check/unit.js';
import type { Finding } from '../finding/finding.js';
import type { InventoryEntry } from '../io/inventory.js';
import type { ScanHooks } from './options.js';
import type { PlannedUnit } from './plan.js';
import { runUnits } from './pool.js';
import type { UnitOutcome } from './unit.js';

/** What the units of one file came to, pieces merged. */
export interface FileOutcome {
  entry: InventoryEntry;
  findings: Finding[];
  unchecked: Unchecked[];
  facts?: UnitFacts;
  /** The file was gone when it was to be read. */
  vanished: boolean;
  bytesRead: number;
  /** CRC-32C of the whole file, where it was asked for. */
  crc?: number;
}

/** Runs units and puts the pieces of each file together. Units that a stop left undone are said to be unchecked. */
export async function runPlan(
  units: readonly PlannedUnit[],
  jobs: number,
  hooks: ScanHooks,
): Promise<FileOutcome[]> {
  const total = units.reduce((sum, unit) => sum + unit.weight, 0);
  const outcomes = new Map<number, UnitOutcome>();
  let done = 0;
  await runUnits(
    // the inventory's entry stays here: a worker needs only what the unit says
    units.map(({ entry: _, ...unit }) => unit),
    {
      jobs,
      ...(hooks.signal && { signal: hooks.signal }),
      onRead: (bytes) => {
        done += bytes;
        hooks.onProgress?.({ done: Math.min(done, total), total });
      },
      onOutcome: (outcome) => void outcomes.set(outcome.unit, outcome),
    },
  );
  return byFile(units).map((pieces) => mergePieces(pieces, outcomes));
}

function byFile(units: readonly PlannedUnit[]): PlannedUnit[][] {
  const files = new Map<InventoryEntry, PlannedUnit[]>();
  for (const unit of units) {
    const pieces = files.get(unit.entry);
    if (pieces) pieces.push(unit);
    else files.set(unit.entry, [unit]);
  }
  return [...files.values()];
}

function mergePieces(
  pieces: readonly PlannedUnit[],
  outcomes: ReadonlyMap<number, UnitOutcome>,
): FileOutcome {
  const { entry } = pieces[0];
  const merged: FileOutcome = { entry, findings: [], unchecked: [], vanished: false, bytesRead: 0 };
  const tables: TableFacts[] = [];
  for (const piece of pieces) {
    const outcome = outcomes.get(piece.id);
    if (outcome === undefined) {
      merged.unchecked.push({ file: entry.file, reason: 'the scan was stopped before it came to this file' });
    } else if (outcome.state === 'vanished') {
      merged.vanished = true;
    } else if (outcome.state === 'unreadable') {
      merged.unchecked.push({ file: entry.file, reason: outcome.reason });
    } else {
      merged.findings.push(...outcome.result.findings);
      merged.unchecked.push(...outcome.result.unchecked);
      merged.bytesRead += outcome.result.bytesRead;
      merged.facts = outcome.result.facts;
      if (outcome.result.crc !== undefined) merged.crc = outcome.result.crc;
      if (outcome.result.facts.kind === 'table') tables.push(outcome.result.facts);
    }
  }
  const [first] = pieces;
  if (first.kind === 'table' && pieces.length > 1 && tables.length === pieces.length) {
    const facts = mergeTableFacts(tables);
    merged.facts = facts;
    const { blocks: _, ...whole } = first.context;
    merged.findings.push(...checkTableTotals(facts, whole));
  }
  merged.findings.sort((a, b) => (a.offset ?? -1) - (b.offset ?? -1));
  return merged;
}
