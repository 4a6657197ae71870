import path from 'node:path';
import { checkTitan, type TitanResult } from '../check/titan/directory.js';
import type { Depth, TableFacts } from '../check/unit.js';
import type { Database } from '../engine/database.js';
import { hasTitan, TITAN_DIRECTORY } from '../engine/foreign-files.js';
import { type Inventory, takeInventory } from '../io/inventory.js';
import { TargetError } from '../io/target-error.js';
import { followedReferences } from '../lsm/followed-references.js';
import { openView } from '../lsm/recovered-view.js';
import { liveTables } from './plan.js';
import type { FileOutcome } from './run.js';

const UNREAD =
  'values in blob files of Titan: they are checked in a directory on this machine that no process has open';

/** `sizes`: bytes of the files that are there, by their path below the target. */
export type TitanScan = TitanResult & { sizes?: ReadonlyMap<string, number> };

/** What is said of Titan's files where they are not looked at. */
export function unseenTitan(inventory: Inventory, reason = UNREAD): TitanScan {
  const unchecked = hasTitan(inventory) ? [{ file: TITAN_DIRECTORY, reason }] : [];
  return { findings: [], unchecked, bytesRead: 0 };
}

/** Checks Titan's files in the directory of a database that no process has open, against what its tables hold. */
export async function scanTitan(
  database: Database,
  outcomes: readonly FileOutcome[],
  depth: Depth,
): Promise<TitanScan> {
  const live = liveTables(database);
  const tables = outcomes.flatMap(({ facts }): TableFacts[] =>
    facts?.kind === 'table' && facts.number !== undefined && live.has(facts.number) ? [facts] : [],
  );
  try {
    const inventory = await takeInventory(path.join(database.target, TITAN_DIRECTORY));
    const sizes = inventory.entries.map(({ file, size }) => [`${TITAN_DIRECTORY}/${file}`, size] as const);
    const result = await checkTitan(inventory, {
      tables,
      depth,
      async followed(absent) {
        const { view } = await openView(database);
        if (view === undefined) return undefined;
        try {
          return await followedReferences(view, absent);
        } finally {
          view.close();
        }
      },
    });
    return { ...result, sizes: new Map(sizes) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined && !(error instanceof TargetError)) throw error;
    return unseenTitan(
      database.inventory,
      TargetError.from(error, path.join(database.target, TITAN_DIRECTORY)).message,
    );
  }
}
