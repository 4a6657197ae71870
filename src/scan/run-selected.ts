import type { TableFacts } from '../check/unit.js';
import type { ScanHooks, ScanOptions } from './options.js';
import { keyOf, type PlannedUnit } from './plan.js';
import {
  byFile,
  type FileOutcome,
  mergePieces,
  type RunHooks,
  type RunLimits,
  runEach,
  runPlan,
} from './run.js';
import { selectUnits, type Trusted } from './select.js';

/** Whether options ask for less than everything, or for less speed. */
function isLimited({ since, sample, budget, maxRead }: ScanOptions): boolean {
  return [since, sample, budget, maxRead].some((option) => option !== undefined);
}

/** How fast and how long a scan may read. */
export function limitsOf({ budget, maxRead }: ScanOptions, startedAt = performance.now()): RunLimits {
  return {
    ...(budget !== undefined && { until: startedAt + budget }),
    ...(maxRead !== undefined && { maxRead }),
  };
}

/**
 * Runs a plan as far as options ask for it: all of it; what has changed since an earlier report; a sample; as much as fits into
 * a time. Files that are not read for one of these reasons are outcomes that say so.
 */
export function runnerFor(options: ScanOptions) {
  if (!isLimited(options)) return runPlan;
  return async (
    units: readonly PlannedUnit[],
    jobs: number,
    hooks: RunHooks & ScanHooks,
  ): Promise<FileOutcome[]> => {
    const limits = limitsOf(options);
    const { run, trusted, skipped } = selectUnits(units, options);
    const outcomes = await runEach(run, jobs, { ...hooks, limits });
    return byFile(units).map((pieces) => {
      const key = keyOf(pieces[0].entry);
      if (skipped.has(key)) return notRead(pieces[0], 'skipped');
      const merged = mergePieces(pieces, outcomes, true);
      const before = trusted.get(key);
      if (before === undefined) return endedBefore(merged, options);
      const unreadPieces = pieces.some(({ id }) => !outcomes.has(id));
      return unreadPieces && merged.findings.length === 0 ? notRead(pieces[0], before) : merged;
    });
  };
}

/** Says that it was the budget that ended before a file, where that was it. */
function endedBefore(outcome: FileOutcome, { budget }: ScanOptions): FileOutcome {
  if (budget === undefined) return outcome;
  const unchecked = outcome.unchecked.map((each) =>
    each.reason.startsWith('the scan was stopped')
      ? { ...each, reason: 'the time budget ended before it came to this file' }
      : each,
  );
  return { ...outcome, unchecked };
}

/** What the MANIFEST says of a table stands for what reading it would tell the checks of other files. */
function notRead({ entry, kind, context }: PlannedUnit, why: 'skipped' | Trusted): FileOutcome {
  const outcome: FileOutcome = {
    entry,
    findings: [],
    unchecked: [],
    vanished: false,
    bytesRead: 0,
    notRead: why,
  };
  const live = kind === 'table' ? context.live : undefined;
  if (live === undefined) return outcome;
  const facts: TableFacts = {
    kind: 'table',
    file: entry.file,
    number: live.number,
    size: entry.size,
    readable: false,
    dataBlocks: 0,
    smallestSequence: live.smallestSequence,
    largestSequence: live.largestSequence,
    blobReferences: [],
  };
  return { ...outcome, facts };
}
