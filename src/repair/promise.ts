import { type Database, filesOf } from '../engine/database.js';
import { Fnv1a64 } from '../lsm/fnv1a64.js';
import { databaseView } from '../recovery/database-view.js';
import type { RecoveryMode } from '../recovery/mode.js';
import { type PreparedOpen, prepareOpen, simulateOpen } from '../recovery/open.js';
import type { RecoveryOutcome } from '../recovery/outcome.js';
import { Refusal } from './refusal.js';
import { engineMode, type WalRepairRequest } from './strategies/wal-mode.js';

/**
 * Holds a planned repair against its promise before anything is written: what the engine would put into memtables from the
 * new WALs must be what the recovery mode puts there from the old ones, operation by operation, under the same sequence
 * numbers. Tables do not change, so that makes the states equal. A mismatch is a fault of kvdoctor, and nothing is done.
 * `prepared`: the databases as they were prepared before, where all their files can be read.
 */
export async function checkPromise(
  before: Database,
  after: Database,
  { mode: asked, acceptHole = false }: WalRepairRequest,
  prepared: { before?: PreparedOpen; after?: PreparedOpen } = {},
): Promise<void> {
  const mode = engineMode(before, asked);
  const old = prepared.before ?? (await opened(before));
  let promised = await appliedBy(old, mode, true);
  if (!promised.outcome.opens && acceptHole) promised = await appliedBy(old, 'skip-any-corrupted', true);
  const own = await appliedBy(
    prepared.after ?? (await opened(after)),
    after.dialect === 'leveldb' ? 'paranoid' : after.options.walRecoveryMode,
    false,
  );
  if (!own.outcome.opens) {
    throw new Refusal(
      'refused',
      `the repaired files would not open: ${own.outcome.errorText}; nothing was changed`,
      'this is a fault of kvdoctor: please report it, and keep the directory as it is',
    );
  }
  if (own.digest !== promised.digest || own.outcome.lastSequence !== promised.outcome.lastSequence) {
    throw new Refusal(
      'refused',
      `the repaired files would hold another state than ${mode} recovery promises; nothing was changed`,
      'this is a fault of kvdoctor: please report it, and keep the directory as it is',
    );
  }
}

/** As a copy of it would be met: what the medium does not give back is something else there. */
function opened(database: Database): Promise<PreparedOpen> {
  return prepareOpen(databaseView(database, filesOf(database).open), database.engineVersion);
}

/** Outcome of an open, and a hash of every operation that it takes from WALs. */
async function appliedBy(
  prepared: PreparedOpen,
  mode: RecoveryMode,
  fatalRecordsStop: boolean,
): Promise<{ outcome: RecoveryOutcome; digest: string }> {
  const hash = new Fnv1a64();
  const numbers = new Uint8Array(24);
  const view = new DataView(numbers.buffer);
  const outcome = await simulateOpen(
    prepared,
    mode,
    {
      apply(columnFamily, sequence, type, key, value) {
        view.setUint32(0, columnFamily, true);
        view.setUint32(4, type, true);
        view.setBigUint64(8, sequence, true);
        view.setUint32(16, key.length, true);
        view.setUint32(20, value.length, true);
        hash.update(numbers);
        hash.update(key);
        hash.update(value);
      },
    },
    fatalRecordsStop,
  );
  return { outcome, digest: hash.hex() };
}
