import { numberBorne, spanOfLog } from '../../check/directory/renamed-files.js';
import type { Database } from '../../engine/database.js';
import { logName, segmentIn, segmentNamed } from '../../format/filename.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { fileState } from '../content.js';
import { emptyPlan } from '../empty-plan.js';
import { placeIn, walRoot } from '../place.js';
import type { RepairPlan, RepairStep } from '../plan.js';

interface Renamed {
  /** What the file is called under its own name. */
  name: string;
  entry: InventoryEntry;
}

/**
 * Plans that logs under names which Pebble does not read get their own again: every record bears the number of its log, under the record's
 * checksum. Those that an open would read and that are not there are put back, and of two of one number none. `undefined`: there are none.
 */
export async function planRenamedLogs(database: Database): Promise<RepairPlan | undefined> {
  const { inventory, target, engineVersion, walCutoff } = database;
  const logs = inventory.entries.filter(({ kind, size }) => kind === 'wal' && size > 0);
  const found = new Map<string, Renamed[]>();
  for (const entry of inventory.entries) {
    if (!isStrange(entry)) continue;
    const number = await numberBorne(entry, 'pebble');
    if (number === undefined || number < walCutoff) continue;
    const segment = segmentNamed(entry.name, number);
    const isHere = (log: InventoryEntry) =>
      log.number === number && (segment === undefined || segmentIn(log.name) === segment);
    if (logs.some(isHere) || (await spanOfLog(entry, database)) === undefined) continue;
    const name = logName(number, segment);
    found.set(name, [...(found.get(name) ?? []), { name, entry }]);
  }
  const renamed = [...found.values()].flatMap((files) => (files.length === 1 ? files : []));
  if (renamed.length === 0) return undefined;
  return {
    ...emptyPlan({ target, engineVersion }, 'metadata'),
    inputs: await Promise.all(
      renamed.map(({ entry: { root, file } }) => fileState(target, placeIn(root, file))),
    ),
    steps: renamed.map(
      ({ name, entry: { root, file, size } }): RepairStep => ({
        action: 'write',
        ...placeIn(root ?? walRoot(database), name),
        why: `the records of ${file} bear the number of this log, which is not there`,
        changes: [{ kind: 'create-file', offset: 0, length: size, detail: `the content of ${file}` }],
        content: [{ from: 'file', ...placeIn(root, file), offset: 0, length: size }],
      }),
    ),
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
