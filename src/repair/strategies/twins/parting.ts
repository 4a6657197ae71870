import type { Database } from '../../../engine/database.js';
import { segmentIn } from '../../../format/filename.js';
import type { InventoryEntry } from '../../../io/inventory.js';
import { liveTables } from '../../../scan/plan.js';
import { beginTheSame } from './composition.js';
import { checkedOf, checker, usual } from './part.js';
import type { SecondSource } from './sources.js';

/**
 * The smallest number of a table or log that is whole in two directories and holds other bytes in one than in the other: they were one
 * database before it, if ever, and went their own ways since. A number is given to one file in a life, a table is written once, and a log
 * only grows. Tables that have ids are not looked at: their ids tell. `undefined`: nothing differs that is whole in both.
 * `isFaulty`: a scan finds something of a file here.
 */
export async function partingOf(
  database: Database,
  { database: other }: Pick<SecondSource, 'database'>,
  isFaulty: (file: string) => boolean,
): Promise<bigint | undefined> {
  let first: bigint | undefined;
  const live = [...liveTables(database).values()];
  const ofIds = new Set(
    live.filter(({ table }) => table.uniqueId !== undefined).map(({ table }) => table.number),
  );
  const theirs = new Map(
    other.inventory.entries
      .filter(usual)
      .toReversed()
      .map((entry) => [keyOf(entry), entry]),
  );
  for (const mine of database.inventory.entries) {
    const { kind, number } = mine;
    if ((kind !== 'table' && kind !== 'wal') || number === undefined || !usual(mine) || isFaulty(mine.file))
      continue;
    if ((first !== undefined && number > first) || (kind === 'table' && ofIds.has(number))) continue;
    const its = theirs.get(keyOf(mine));
    if (its !== undefined && (await isAnother(database, mine, its))) first = number;
  }
  return first;
}

const keyOf = ({ kind, number, name }: InventoryEntry) => `${kind} ${number} ${segmentIn(name)}`;

async function isAnother(database: Database, mine: InventoryEntry, its: InventoryEntry): Promise<boolean> {
  const shared = Math.min(mine.size, its.size);
  if (shared === 0) return false;
  const isGrowing = mine.kind === 'wal';
  if ((isGrowing || mine.size === its.size) && (await beginTheSame(mine.source, its.source, shared)))
    return false;
  const [one, two] = await Promise.all([wholeOf(database, mine), wholeOf(database, its)]);
  if (one === undefined || two === undefined) return false;
  return !isGrowing || !(await beginTheSame(mine.source, its.source, Math.min(one, two)));
}

/** Bytes up to the end of what a file holds; `undefined` where it is damaged. */
async function wholeOf(database: Database, entry: InventoryEntry): Promise<number | undefined> {
  const result = await checker(database, entry)(entry.source, entry.size);
  if (!checkedOf(result).clean) return undefined;
  return result.facts.kind === 'wal' ? result.facts.end : entry.size;
}
