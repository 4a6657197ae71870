import type { Database } from '../engine/database.js';
import { keyBytes } from '../finding/evidence.js';
import { type Digest, digest } from '../lsm/digest.js';
import { MemoryPool } from '../lsm/memory-pool.js';
import { recoveredView } from '../lsm/recovered-view.js';
import { databaseView } from '../recovery/database-view.js';
import type { Loss } from '../recovery/loss.js';
import type { PreparedOpen } from '../recovery/open.js';
import { type SimulatedMode, simulateRecovery } from '../recovery/simulate.js';
import type { LossReport, RecoveryReport } from '../report/report.js';

export interface SimulateHooks {
  /** Share of the work done, from 0 to 1. */
  onProgress?(share: number): void;
  /** Ends the work early: the digests of modes that were not reached are left out. */
  signal?: AbortSignal;
}

/**
 * What RocksDB would do in each of its recovery modes with a database whose metadata has been read, and what each would show
 * if `withDigest`: that reads all tables, once for each mode that shows something else.
 */
export async function simulateDatabase(
  database: Database,
  withDigest = false,
  hooks: SimulateHooks = {},
): Promise<RecoveryReport[]> {
  const simulation = await simulateRecovery(databaseView(database), database.engineVersion);
  const reports = simulation.modes.map((mode) => modeReport(mode, database));
  if (withDigest) await addDigests(database, simulation.prepared, simulation.modes, reports, hooks);
  return reports;
}

function modeReport(mode: SimulatedMode, { options }: Database): RecoveryReport {
  const { lost } = mode;
  const flushFails = mode.opens && !options.avoidFlushDuringRecovery && mode.unflushable !== undefined;
  return {
    mode: mode.mode,
    ...(mode.mode === options.walRecoveryMode && { own: true as const }),
    opens: mode.opens,
    harmless: mode.opens && !flushFails && lost?.records === 0 && lost.damagedBytes === 0,
    ...(mode.errorText !== undefined && { error: mode.errorText }),
    ...(mode.errorKind !== undefined && { errorKind: mode.errorKind }),
    ...(mode.errorFile !== undefined && { errorFile: mode.errorFile }),
    ...(mode.opens && { lastSequence: String(mode.lastSequence) }),
    ...(mode.sameAs !== undefined && { sameAs: mode.sameAs }),
    lost: lost === undefined ? {} : lossReport(lost),
    wals: mode.wals
      .filter(({ state }) => state !== 'not-needed')
      .map(({ file, state, records, operations, stoppedAt, stopError }) => ({
        file,
        state,
        records,
        operations,
        ...(stoppedAt !== undefined && { stoppedAt }),
        ...(stopError !== undefined && { reason: stopError.message }),
      })),
    ...(flushFails && { flushFails: unflushableText(mode) }),
  };
}

function unflushableText({ unflushable }: SimulatedMode): string {
  return unflushable === undefined ? '' : `${unflushable.kind} at sequence ${unflushable.sequence}`;
}

function lossReport(loss: Loss): LossReport {
  const { firstSequence, lastSequence, columnFamilies, ...counts } = loss;
  return {
    ...counts,
    ...(firstSequence !== undefined && { firstSequence: String(firstSequence) }),
    ...(lastSequence !== undefined && { lastSequence: String(lastSequence) }),
    columnFamilies: columnFamilies.map(({ id, name, operations, firstKey, lastKey }) => ({
      id,
      name,
      operations,
      ...(firstKey && { firstKey: keyBytes(firstKey) }),
      ...(lastKey && { lastKey: keyBytes(lastKey) }),
    })),
  };
}

async function addDigests(
  database: Database,
  prepared: PreparedOpen,
  modes: readonly SimulatedMode[],
  reports: RecoveryReport[],
  hooks: SimulateHooks,
): Promise<void> {
  const pool = new MemoryPool();
  const different = modes.filter(({ opens, sameAs }) => opens && sameAs === undefined);
  for (const [i, mode] of different.entries()) {
    if (hooks.signal?.aborted) return;
    const digests = await digestMode(database, prepared, mode, pool, (share) =>
      hooks.onProgress?.((i + share) / different.length),
    );
    for (const [k, { opens, mode: name, sameAs }] of modes.entries()) {
      if (opens && (name === mode.mode || sameAs === mode.mode))
        reports[k].columnFamilies = digests.map(familyDigest);
    }
  }
}

function familyDigest({ name, entries, fnv1a64, unmerged, complete, problems }: Digest) {
  const [problem] = complete ? [] : problems.slice(-1);
  return {
    name,
    entries,
    fnv1a64,
    ...(unmerged > 0 && { unmerged }),
    ...(problem && { problem: { file: problem.file, message: problem.message } }),
  };
}

async function digestMode(
  database: Database,
  prepared: PreparedOpen,
  outcome: SimulatedMode,
  pool: MemoryPool,
  onShare: (share: number) => void,
): Promise<Digest[]> {
  if (database.version === undefined) return [];
  const view = await recoveredView(database, prepared, outcome, { pool });
  try {
    const digests: Digest[] = [];
    for (const [i, { id }] of view.columnFamilies.entries()) {
      digests.push(await digest(view, id));
      onShare((i + 1) / view.columnFamilies.length);
    }
    return digests;
  } finally {
    view.close();
  }
}
