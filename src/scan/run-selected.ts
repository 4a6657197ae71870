import type { TableFacts } from '../check/unit.js';
import type { ScanOptions } from './options.js';
import { keyOf, type PlannedUnit } from './plan.js';
import {
  byFile,
  type FileOutcome,
  mergePieces,
  mergeUnits,
  type RunHooks,
  type RunLimits,
  type UnitRunner,
} from './run.js';
import { selectUnits, type Trusted } from './select.js';

/** Why a file is unchecked that the time was over for. */
const OUT_OF_TIME = 'the time budget ended before it came to this file';

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
export async function runSelected(
  run: UnitRunner,
  units: readonly PlannedUnit[],
  jobs: number,
  options: ScanOptions,
  hooks: RunHooks,
): Promise<FileOutcome[]> {
  if (!isLimited(options)) return mergeUnits(units, await run(units, jobs, hooks));
  const limits = limitsOf(options);
  const selection = selectUnits(units, options);
  const outcomes = await run(selection.run, jobs, { ...hooks, limits });
  const unreached = options.budget === undefined ? undefined : OUT_OF_TIME;
  return byFile(units).map((pieces) => {
    const key = keyOf(pieces[0].entry);
    if (selection.skipped.has(key)) return notRead(pieces[0], 'skipped');
    const merged = mergePieces(pieces, outcomes, true, unreached);
    const before = selection.trusted.get(key);
    if (before === undefined) return merged;
    const unreadPieces = pieces.some(({ id }) => !outcomes.has(id));
    return unreadPieces && merged.findings.length === 0 ? notRead(pieces[0], before) : merged;
  });
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
