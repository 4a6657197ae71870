import { numberBorne, spanOfLog } from '../../check/directory/renamed-files.js';
import type { Database } from '../../engine/database.js';
import { formatVersion } from '../../engine/version.js';
import { fileName } from '../../format/filename.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { fileState } from '../content.js';
import { placeIn, walRoot } from '../place.js';
import type { RepairPlan, RepairStep } from '../plan.js';

/**
 * Plans that logs under names which Pebble does not read get their own again: every record bears the number of its log, under the record's
 * checksum. Those that an open would read and that are not there are put back, and of two of one number none. `undefined`: there are none.
 */
export async function planRenamedLogs(database: Database): Promise<RepairPlan | undefined> {
  const { inventory, target, engineVersion, walCutoff } = database;
  const here = new Set(
    inventory.entries.flatMap(({ kind, number, size }) => (kind === 'wal' && size > 0 ? [number] : [])),
  );
  const found = new Map<bigint, InventoryEntry[]>();
  for (const entry of inventory.entries) {
    if (!isStrange(entry)) continue;
    const number = await numberBorne(entry, 'pebble');
    if (number === undefined || number < walCutoff || here.has(number)) continue;
    if ((await spanOfLog(entry, database)) === undefined) continue;
    found.set(number, [...(found.get(number) ?? []), entry]);
  }
  const renamed = [...found].flatMap(([number, entries]) =>
    entries.length === 1 ? [{ number, entry: entries[0] }] : [],
  );
  if (renamed.length === 0) return undefined;
  return {
    schemaVersion: 1,
    target,
    strategy: 'metadata',
    engineVersion: formatVersion(engineVersion),
    inputs: await Promise.all(
      renamed.map(({ entry: { root, file } }) => fileState(target, placeIn(root, file))),
    ),
    steps: renamed.map(
      ({ number, entry: { root, file, size } }): RepairStep => ({
        action: 'write',
        ...placeIn(walRoot(inventory), fileName('wal', number)),
        why: `the records of ${file} bear the number of this log, which is not there`,
        changes: [{ kind: 'create-file', offset: 0, length: size, detail: `the content of ${file}` }],
        content: [{ from: 'file', ...placeIn(root, file), offset: 0, length: size }],
      }),
    ),
    loss: [],
    remarks: [],
  };
}

function isStrange({ kind, place, size, source }: InventoryEntry): boolean {
  return (
    kind === 'other' &&
    (place === 'database' || place === 'wal-dir') &&
    size > 0 &&
    source.kind !== 'archived'
  );
}
