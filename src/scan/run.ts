import { append } from '../bytes/append.js';
import type { SourceDescriptor } from '../bytes/source.js';
import { checkTableTotals, mergeTableFacts } from '../check/sst/table.js';
import type { TableFacts, Unchecked, UnitFacts, UnitResult } from '../check/unit.js';
import type { Finding } from '../finding/finding.js';
import type { InventoryEntry } from '../io/inventory.js';
import type { ScanHooks } from './options.js';
import type { PlannedUnit } from './plan.js';
import { runUnits } from './pool.js';
import type { Trusted } from './select.js';
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
  /** It was not read: what an earlier report said of it is trusted, or a sample left it out. */
  notRead?: 'skipped' | Trusted;
  /** CRC-32C of the whole file, where it was asked for. */
  crc?: number;
}

/** How much may be read. */
export interface RunLimits {
  /** No unit is begun after this moment of `performance.now()`; units run in the order given. */
  until?: number;
  /** Bytes a second, over all threads. */
  maxRead?: number;
}

export interface RunHooks extends Pick<ScanHooks, 'onProgress' | 'signal'> {
  /** Called with what a unit came to as soon as it has ended; `source` is where its bytes still are. The run waits for it. */
  onUnit?(unit: PlannedUnit, result: UnitResult, source: SourceDescriptor): Promise<void> | undefined;
  limits?: RunLimits;
}

/**
 * Runs units and returns what each came to, by its id. Units not run because the scan was stopped or its time was over are absent.
 */
export type UnitRunner = (
  units: readonly PlannedUnit[],
  jobs: number,
  hooks: RunHooks,
) => Promise<Map<number, UnitOutcome>>;

/** Runs units whose files can be read at any time and puts the pieces of each file together. */
export async function runPlan(
  units: readonly PlannedUnit[],
  jobs: number,
  hooks: RunHooks,
): Promise<FileOutcome[]> {
  return mergeUnits(units, await runEach(units, jobs, hooks));
}

/** Runs units whose files can be read at any time, in worker threads where that pays. */
export const runEach: UnitRunner = async (units, jobs, { limits = {}, ...hooks }) => {
  const told: Promise<void>[] = [];
  const total = units.reduce((sum, unit) => sum + unit.weight, 0);
  const outcomes = new Map<number, UnitOutcome>();
  const planned = new Map(units.map((unit) => [unit.id, unit]));
  let done = 0;
  await runUnits(
    // the inventory's entry stays here: a worker needs only what the unit says
    units.map(({ entry: _, ...unit }) => ({
      ...unit,
      ...(limits.maxRead !== undefined && { maxRead: Math.ceil(limits.maxRead / jobs) }),
    })),
    {
      jobs,
      ...(limits.until !== undefined && { until: limits.until }),
      ...(hooks.signal && { signal: hooks.signal }),
      onRead: (bytes) => {
        done += bytes;
        hooks.onProgress?.({ done: Math.min(done, total), total });
      },
      onOutcome: (outcome) => {
        outcomes.set(outcome.unit, outcome);
        const unit = planned.get(outcome.unit);
        if (unit && outcome.state === 'done') {
          const telling = hooks.onUnit?.(unit, outcome.result, unit.source);
          // what is wrong with it is told when all units have run
          telling?.catch(() => {});
          if (telling !== undefined) told.push(telling);
        }
      },
    },
  );
  await Promise.all(told);
  return outcomes;
};

/** Why a file is unchecked that no unit came to. */
const STOPPED = 'the scan was stopped before it came to this file';

/**
 * Puts the pieces of each file together. `whole`: the pieces are all there are, so that totals over a file can be checked.
 */
export function mergeUnits(
  units: readonly PlannedUnit[],
  outcomes: ReadonlyMap<number, UnitOutcome>,
  whole = true,
): FileOutcome[] {
  return byFile(units).map((pieces) => mergePieces(pieces, outcomes, whole));
}

export function byFile(units: readonly PlannedUnit[]): PlannedUnit[][] {
  const files = new Map<InventoryEntry, PlannedUnit[]>();
  for (const unit of units) {
    const pieces = files.get(unit.entry);
    if (pieces) pieces.push(unit);
    else files.set(unit.entry, [unit]);
  }
  return [...files.values()];
}

/** `unreached` is said of a file that no unit came to. */
export function mergePieces(
  pieces: readonly PlannedUnit[],
  outcomes: ReadonlyMap<number, UnitOutcome>,
  whole: boolean,
  unreached = STOPPED,
): FileOutcome {
  const { entry } = pieces[0];
  const merged: FileOutcome = { entry, findings: [], unchecked: [], vanished: false, bytesRead: 0 };
  const tables: TableFacts[] = [];
  for (const piece of pieces) {
    const outcome = outcomes.get(piece.id);
    if (outcome === undefined) {
      merged.unchecked.push({ file: entry.file, reason: unreached });
    } else if (outcome.state === 'vanished') {
      merged.vanished = true;
    } else if (outcome.state === 'unreadable') {
      merged.unchecked.push({ file: entry.file, reason: outcome.reason });
    } else {
      append(merged.findings, outcome.result.findings);
      append(merged.unchecked, outcome.result.unchecked);
      merged.bytesRead += outcome.result.bytesRead;
      merged.facts = outcome.result.facts;
      if (outcome.result.crc !== undefined) merged.crc = outcome.result.crc;
      if (outcome.result.facts.kind === 'table') tables.push(outcome.result.facts);
    }
  }
  const [first] = pieces;
  if (whole && first.kind === 'table' && pieces.length > 1 && tables.length === pieces.length) {
    const facts = mergeTableFacts(tables);
    merged.facts = facts;
    const { blocks: _, ...context } = first.context;
    append(merged.findings, checkTableTotals(facts, context));
  }
  merged.findings.sort((a, b) => (a.offset ?? -1) - (b.offset ?? -1));
  return merged;
}
