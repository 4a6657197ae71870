import type { Database } from '../engine/database.js';
import { openView } from '../lsm/recovered-view.js';
import { repairDbView } from '../lsm/repairdb-view.js';
import { sideBySide } from '../lsm/side-by-side.js';
import type { RepairDbReport } from '../report/report.js';
import { databaseAfter } from './preview.js';
import { Refusal } from './refusal.js';
import { planAuto } from './strategies/auto.js';

/** Bytes of tables and WALs that are compared unless entries are counted anyway: 64 MiB. */
const MOST_COMPARED = 64 << 20;

/**
 * What RepairDB would leave of a LevelDB directory, held against what `repair --strategy auto` keeps. Both are put together without
 * a byte written. `undefined`: the files are too large for a look in passing (`all` looks all the same), or nothing can be said.
 */
export async function repairDbOutcome(database: Database, all: boolean): Promise<RepairDbReport | undefined> {
  const own = database.inventory.entries.filter(({ place }) => place === 'database');
  if (!all && own.reduce((sum, { size }) => sum + size, 0) > MOST_COMPARED) return undefined;
  const after = await asRepaired(database);
  if (after?.version === undefined) return undefined;
  const { view: kept } = await openView(after);
  if (kept === undefined) return undefined;
  const order = kept.order(0);
  const left = order.known ? await repairDbView(database, order.comparator) : undefined;
  try {
    if (left === undefined) return undefined;
    const report = { entries: 0, kept: 0, lost: 0, changed: 0, added: 0 };
    const sides = [kept.visible(0), left.visible(0, { lenient: true })] as const;
    const { entries, stopped } = await sideBySide(order, sides, (ours, its) => {
      if (its === undefined) report.lost++;
      else if (ours === undefined) report.added++;
      else report.changed++;
    });
    if (stopped !== undefined) return undefined;
    return { ...report, kept: entries[0], entries: entries[1] };
  } finally {
    kept.close();
    left?.close();
  }
}

/** The database as `repair --strategy auto` would leave it. */
async function asRepaired(database: Database): Promise<Database | undefined> {
  try {
    return await databaseAfter(database, await planAuto(database, {}));
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}
