import { BeyondLimit } from '../bytes/beyond-limit.js';
import type { Database } from '../engine/database.js';
import { atLeast } from '../engine/version.js';
import { MAX_SEQUENCE } from '../format/sst/internal-key.js';
import { databaseView } from '../recovery/database-view.js';
import { ownMode, type RecoveryMode } from '../recovery/mode.js';
import { type PreparedOpen, prepareOpen, simulateOpen } from '../recovery/open.js';
import type { RecoveryOutcome } from '../recovery/outcome.js';
import { inventoryFiles } from './inventory-files.js';
import { mergeOperators } from './operator-names.js';
import { View } from './view.js';
import type { MemtableOptions } from './windows.js';

/** Memory for the replayed operations of a view that is one of several, in bytes: 64 MiB. */
const SHARED_MEMTABLES = 64 * 1024 * 1024;

/**
 * What a reader sees of a database that recovery has opened, as `outcome` has it. `asEngine`: as the engine's own iterator shows it:
 * of LevelDB whatever the checksums of blocks say, of Pebble a key as often as it comes up.
 */
export async function recoveredView(
  database: Database,
  prepared: PreparedOpen,
  outcome: Pick<RecoveryOutcome, 'mode' | 'lastSequence' | 'hidden' | 'wals'>,
  memtables: MemtableOptions = { budget: SHARED_MEMTABLES },
  asEngine = false,
): Promise<View> {
  const { version, options, inventory } = database;
  if (version === undefined) throw new RangeError('a database that opens has a version');
  const files = inventoryFiles(inventory);
  const operators = await mergeOperators(version, options, files);
  return View.open({
    version,
    files,
    replay: (sink) => simulateOpen(prepared, outcome.mode, sink),
    dialect: database.dialect,
    unverified: asEngine && database.dialect === 'leveldb',
    byTrailer: asEngine && database.dialect === 'pebble',
    byDepth: deletesByDepth(database),
    flushes: asEngine && flushesReplayed(database, outcome),
    sequence: seenUpTo(outcome.lastSequence),
    uncommitted: outcome.hidden,
    mergeOperator: ({ id }) => operators.get(id),
    memtables,
  });
}

/** Pebble 1.x flushes every WAL that it has replayed. Where there is more than one, how they share sublevels of level 0 is not gone into. */
export function flushesReplayed(
  { dialect, engineVersion }: Database,
  { wals }: Pick<RecoveryOutcome, 'wals'>,
): boolean {
  const applied = wals.filter(({ operations }) => operations > 0);
  return dialect === 'pebble' && !atLeast(engineVersion, 2) && applied.length === 1;
}

/**
 * Whether the iterator of RocksDB goes by where a range tombstone stands. From 7.10 on what is replayed stands above all tables, also
 * once it is flushed; before, level 0 is in the order of sequences, and so is what is flushed to it.
 */
function deletesByDepth({ dialect, engineVersion, options }: Database): boolean {
  if (dialect !== 'rocksdb') return false;
  return atLeast(engineVersion, 7, 10) || (atLeast(engineVersion, 7, 7) && options.avoidFlushDuringRecovery);
}

/** LevelDB may be led beyond the 56 bits of a sequence: then it sees all. */
function seenUpTo(lastSequence: bigint): bigint {
  if (lastSequence > MAX_SEQUENCE) return MAX_SEQUENCE;
  return lastSequence;
}

/** What a reader sees after recovery in the first of `modes` that opens, default the database's own; else why it does not open. */
export async function openView(
  database: Database,
  modes: readonly RecoveryMode[] = [ownMode(database)],
): Promise<{ view: View; reason?: undefined } | { view?: undefined; reason: string }> {
  if (database.version === undefined) return { reason: 'not a database that can be read' };
  const prepared = await prepareOpen(databaseView(database), database.engineVersion);
  try {
    for (const mode of modes) {
      const outcome = await simulateOpen(prepared, mode);
      if (outcome.opens) return { view: await recoveredView(database, prepared, outcome) };
    }
  } catch (error) {
    if (!(error instanceof BeyondLimit)) throw error;
    return { reason: `cannot be looked at (${error.message})` };
  }
  return { reason: `does not open in its recovery mode, ${modes[0]}` };
}
