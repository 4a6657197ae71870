import type { Database } from '../../engine/database.js';
import { fileName } from '../../format/filename.js';
import { replayBehaviour } from '../../recovery/behaviour.js';
import { emptyPlan } from '../empty-plan.js';
import type { RepairPlan } from '../plan.js';

/**
 * An empty WAL where there is none at all: with `track_and_verify_wals` RocksDB from 9.11 on refuses a database without one, in every mode
 * ("Opening an existing DB with no WAL files"). A database has one from its first moment on, so it is gone. `undefined`: not the case.
 */
export function planFirstWal(database: Database, mode: string): RepairPlan | undefined {
  const { options, version, inventory, engineVersion, dialect } = database;
  if (dialect !== 'rocksdb' || version === undefined || !options.trackAndVerifyWals) return undefined;
  if (!replayBehaviour(engineVersion).predecessorRecords || options.walDir !== undefined) return undefined;
  if (inventory.entries.some(({ kind, place }) => kind === 'wal' && place !== 'archive')) return undefined;
  let number = version.minLogNumberToKeep;
  for (const { logNumber } of version.columnFamilies.values()) if (logNumber > number) number = logNumber;
  const file = fileName('wal', number);
  return {
    ...emptyPlan(database, mode),
    steps: [
      {
        action: 'write',
        path: file,
        why: 'OPTIONS sets track_and_verify_wals, and RocksDB then refuses a database without any WAL: it gets an empty one',
        changes: [{ kind: 'create-file', offset: 0, length: 0, detail: 'an empty WAL' }],
        content: [],
      },
    ],
    loss: [
      {
        file,
        detail: `what the WALs held that are gone, which nothing here tells: writes after sequence ${version.lastSequence ?? 0n}`,
        facts: {},
      },
    ],
  };
}
