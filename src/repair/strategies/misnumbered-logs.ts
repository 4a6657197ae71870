import type { Database } from '../../engine/database.js';
import { fileName } from '../../format/filename.js';
import type { Version } from '../../format/manifest/version.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { max } from '../../states/join.js';
import { readWal, type WalContents } from '../../states/wals.js';
import { fileState } from '../content.js';
import { emptyPlan } from '../empty-plan.js';
import { placeIn, walRoot } from '../place.js';
import type { RepairPlan, RepairStep } from '../plan.js';
import { isOwnLog } from './swapped-logs.js';

/**
 * Plans that a log under a number from before the one that recovery begins with changes places with a log that recovery reads: it goes on
 * where tables and logs end, and what the other holds is in tables. `undefined`: there is none, or nothing tells with which.
 */
export async function planMisnumberedLogs(database: Database): Promise<RepairPlan | undefined> {
  const { version, manifest, walCutoff, target } = database;
  const flushed = version?.lastSequence;
  if (version === undefined || flushed === undefined) return undefined;
  const own = database.inventory.entries.filter(isOwnLog);
  const isObsolete = ({ number, size }: InventoryEntry) => number! < walCutoff && size > 0;
  if (manifest?.replay.complete !== true || !own.some(isObsolete)) return undefined;
  // which of several histories the logs are of is another question
  const manifests = database.inventory.entries.filter(
    ({ kind, place }) => kind === 'manifest' && place === 'database',
  );
  if (manifests.length > 1) return undefined;
  const logs = await Promise.all(own.map((entry) => readWal(database, entry, entry.number!)));
  const read = logs.filter(({ entry }) => entry.number! >= walCutoff);
  const late = logs.filter(({ entry, last }) => isObsolete(entry) && last !== undefined && last > flushed);
  const [log] = late;
  if (late.length !== 1) return undefined;
  const steps =
    read.length === 0 ? moved(database, log) : exchanged(log, placeFor(log, { read, logs, version }));
  if (steps.length === 0) return undefined;
  const inputs = steps.flatMap(({ path, root }) =>
    own.filter((each) => each.file === path && each.root === root),
  );
  return {
    ...emptyPlan(database, 'metadata'),
    inputs: await Promise.all(inputs.map(({ root, file }) => fileState(target, placeIn(root, file)))),
    steps,
  };
}

/** The one log that recovery reads and that holds nothing which is not in tables, in whose place the late one runs on. */
function placeFor(
  log: WalContents,
  { read, logs, version }: { read: readonly WalContents[]; logs: readonly WalContents[]; version: Version },
): WalContents | undefined {
  const fits = (at: WalContents) => {
    let reach = version.lastSequence!;
    for (const each of read) {
      if (each === at || each.last === undefined) continue;
      if (each.entry.number! > at.entry.number! && each.first! <= log.last!) return false;
      if (each.entry.number! > at.entry.number!) continue;
      if (each.last >= log.first!) return false;
      reach = max(reach, each.last);
    }
    return log.counting !== 'operations' || log.first! <= reach + 1n;
  };
  const places = read.filter(
    (each) =>
      (each.last === undefined || (each.last < log.first! && isInTables(each, logs, version))) && fits(each),
  );
  const filled = places.filter(({ operations }) => operations > 0);
  const [place, ...others] = filled.length > 0 ? filled : places;
  return others.length > 0 ? undefined : place;
}

/** A log that is older than one with a lower number, or of which tables reach as far in every column family. */
function isInTables(log: WalContents, logs: readonly WalContents[], { columnFamilies }: Version): boolean {
  if (log.operations === 0) return true;
  const isOlder = logs.some(
    ({ entry, first, last }) =>
      entry.number! < log.entry.number! && first !== undefined && first > log.last! && last !== undefined,
  );
  if (isOlder) return true;
  return [...log.families].every(([id, { last }]) => {
    const family = columnFamilies.get(id);
    return (
      family === undefined ||
      [...family.tables.values()].some(({ largestSequence }) => largestSequence >= last)
    );
  });
}

function exchanged(log: WalContents, other: WalContents | undefined): RepairStep[] {
  if (other === undefined) return [];
  const [late, early] = [log.entry, other.entry];
  return [
    {
      ...contentStep(early, late),
      why: `the log of this number lies in ${late.file}: it goes on where the tables end, and this one holds what is in them`,
    },
    { ...contentStep(late, early), why: `it takes the place of ${early.file}` },
  ];
}

function contentStep(
  { root, file, size }: InventoryEntry,
  from: InventoryEntry,
): Omit<RepairStep & { action: 'write' }, 'why'> {
  return {
    action: 'write',
    ...placeIn(root, file),
    changes: [{ kind: 'rewrite', offset: 0, length: size, detail: `the content of ${from.file}` }],
    content:
      from.size === 0
        ? []
        : [{ from: 'file', ...placeIn(from.root, from.file), offset: 0, length: from.size }],
  };
}

/** Where recovery finds no log at all, the late one gets the number that it begins with. */
function moved(database: Database, { entry, first, counting }: WalContents): RepairStep[] {
  const { walCutoff, version } = database;
  if (counting === 'operations' && first! > version!.lastSequence! + 1n) return [];
  const { root, file, size } = entry;
  return [
    {
      action: 'write',
      ...placeIn(walRoot(database), fileName('wal', walCutoff)),
      why: `recovery begins with this number, and ${file}, which goes on where the tables end, has one from before`,
      changes: [{ kind: 'create-file', offset: 0, length: size, detail: `the content of ${file}` }],
      content: [{ from: 'file', ...placeIn(root, file), offset: 0, length: size }],
    },
  ];
}
