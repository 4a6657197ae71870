import type { EngineVersion } from '../engine/version.js';
import { type Loss, type LostBatch, lossesOf } from './loss.js';
import { modesOf, type RecoveryMode } from './mode.js';
import {
  type DatabaseView,
  familiesOf,
  type OpenOptions,
  type PreparedOpen,
  prepareOpen,
  simulateOpen,
} from './open.js';
import type { RecoveryOutcome } from './outcome.js';

/** A recovery mode's outcome and its price. */
export interface SimulatedMode extends RecoveryOutcome {
  /** Absent when the mode does not open: then nothing changes, and nothing is lost. */
  lost?: Loss;
  /** Another mode of the same simulation that leaves the same data under the same sequence numbers. */
  sameAs?: RecoveryMode;
}

export interface Simulation {
  prepared: PreparedOpen;
  modes: SimulatedMode[];
}

/**
 * What each recovery mode would open and lose. Nothing is kept of the data: to look at what a mode leaves, run
 * `simulateOpen` with a sink; `sameAs` tells which modes need not be run again. `onLost` gets what is lost, by the places of
 * the modes in `modes`. `prepared`: the same database, prepared before.
 */
export async function simulateRecovery(
  database: DatabaseView,
  version: EngineVersion,
  {
    modes = modesOf(database.dialect),
    onLost,
    prepared: opened,
    ...options
  }: OpenOptions & { modes?: readonly RecoveryMode[]; onLost?: LostBatch; prepared?: PreparedOpen } = {},
): Promise<Simulation> {
  const prepared = opened ?? (await prepareOpen(database, version, options));
  const strictest = await simulateOpen(prepared, modesOf(database.dialect)[0]);
  const outcomes: RecoveryOutcome[] = [];
  for (const mode of modes) {
    // Where the strictest mode had nothing to complain about, the others read the same.
    const known =
      mode === strictest.mode || prepared.error !== undefined || (strictest.opens && strictest.uneventful);
    outcomes.push(known ? { ...strictest, mode } : await simulateOpen(prepared, mode));
  }
  const { manifest } = database;
  const families = 'version' in manifest ? familiesOf(manifest.version, database.options) : [];
  const losses = await lossesOf(database.wals, families, outcomes, {
    dialect: database.dialect,
    recycling: database.options.recycleLogFileNum > 0,
    ...(onLost && { onLost }),
  });
  const states = outcomes.map(stateKey);
  return {
    prepared,
    modes: outcomes.map((outcome, i) => {
      const same = states.indexOf(states[i]);
      return {
        ...outcome,
        ...(losses[i] && { lost: losses[i] }),
        // LevelDB's modes also read tables differently
        ...(database.dialect === 'rocksdb' &&
          outcome.opens &&
          same < i &&
          outcomes[same].opens && { sameAs: outcomes[same].mode }),
      };
    }),
  };
}

/** Equal for two outcomes over the same files exactly when they applied the same records. */
function stateKey({ opens, wals, lastSequence }: RecoveryOutcome): string {
  const applied = wals.map(({ number, applied: ranges, torn }) => [
    String(number),
    ranges.map(({ from, to }) => `${from}-${to}`),
    torn === undefined ? '' : `${torn.offset}+${torn.taken}`,
  ]);
  return JSON.stringify([opens, String(lastSequence), applied]);
}
