import { numberBorne } from '../../check/directory/renamed-files.js';
import { type Database, filesOf } from '../../engine/database.js';
import { LogParser } from '../../format/log/parser.js';
import { readLog } from '../../format/log/read.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { fileState } from '../content.js';
import { emptyPlan } from '../empty-plan.js';
import { placeIn } from '../place.js';
import type { RepairPlan, RepairStep } from '../plan.js';

/**
 * Plans the exchange of logs that lie under each other's names, where the header of every record bears the number of its log, under the
 * record's checksum: Pebble's, and RocksDB's that may be recycled. `undefined`: there are none. Logs that hold records of one that is no
 * log here are left alone.
 */
export async function planSwappedLogs(database: Database): Promise<RepairPlan | undefined> {
  const logs = database.inventory.entries.filter(isOwnLog);
  const rightful = new Map<bigint, InventoryEntry>();
  for (const wal of logs) {
    const number = await numberBorne(wal, database.dialect);
    if (number === undefined || number === wal.number || rightful.has(number)) continue;
    if (await beginsWith(database, wal, number)) rightful.set(number, wal);
  }
  // a copy of a log beside the log itself is no exchange
  const moved = logs.filter(({ number }) => rightful.has(number!));
  const sources = new Set(rightful.values());
  if (moved.length === 0 || moved.some((wal) => !sources.has(wal))) return undefined;
  const content = new Map(moved.map((wal) => [wal, rightful.get(wal.number!)!]));
  const taken = new Set(content.values());
  const why = new Map(
    moved.map((wal) => [
      wal,
      `its records bear the number of another log, and those of ${content.get(wal)!.file} the number of this one`,
    ]),
  );
  // one that had not been written yet holds what an older log left, whose number is that of no log here
  for (const wal of moved) {
    const source = content.get(wal)!;
    if (content.has(source) || taken.has(wal)) continue;
    content.set(source, wal);
    why.set(source, `its records are those of ${wal.file}, whose place they take`);
  }
  const steps = [...content].map(
    ([wal, source]): RepairStep => ({
      action: 'write',
      ...placeIn(wal.root, wal.file),
      why: why.get(wal)!,
      changes: [{ kind: 'rewrite', offset: 0, length: wal.size, detail: `the content of ${source.file}` }],
      content: [{ from: 'file', ...placeIn(source.root, source.file), offset: 0, length: source.size }],
    }),
  );
  const { target, engineVersion } = database;
  return {
    ...emptyPlan({ target, engineVersion }, 'metadata'),
    inputs: await Promise.all(
      [...content.keys()].map(({ root, file }) => fileState(target, placeIn(root, file))),
    ),
    steps,
  };
}

/** A log under a name and in a place where the engine looks for logs. */
export function isOwnLog({ kind, number, suffix, place }: InventoryEntry): boolean {
  return (
    kind === 'wal' &&
    number !== undefined &&
    suffix === undefined &&
    (place === 'database' || place === 'wal-dir')
  );
}

/** Whether a log begins with a whole record of the log with that number. */
async function beginsWith(database: Database, wal: InventoryEntry, number: bigint): Promise<boolean> {
  const source = await filesOf(database).open(wal.source);
  try {
    let begins = false;
    await readLog(new LogParser(source, { dialect: database.dialect, number }), {
      record({ offset }) {
        begins = offset === 0;
        return 'stop';
      },
      damage: () => 'stop',
    });
    return begins;
  } finally {
    await source.close();
  }
}
