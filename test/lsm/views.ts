import { readDatabase } from '../../src/engine/database.js';
import { END, ENTRY } from '../../src/lsm/cursor.js';
import { inventoryFiles } from '../../src/lsm/inventory-files.js';
import { View, type ViewInput, type WalkOptions } from '../../src/lsm/view.js';
import { databaseView } from '../../src/recovery/database-view.js';
import { prepareOpen, simulateOpen } from '../../src/recovery/open.js';

/** The view that recovery in the database's own mode gives. */
export async function viewOf(dir: string, more: Partial<ViewInput> = {}): Promise<View> {
  const database = await readDatabase(dir);
  const prepared = await prepareOpen(databaseView(database), database.engineVersion);
  const mode = database.options.walRecoveryMode;
  const outcome = await simulateOpen(prepared, mode);
  return View.open({
    version: database.version!,
    files: inventoryFiles(database.inventory),
    replay: (sink) => simulateOpen(prepared, mode, sink),
    sequence: outcome.lastSequence,
    uncommitted: outcome.hidden,
    mergeOperator: ({ name }) => database.options.columnFamilies.get(name)?.mergeOperator,
    ...more,
  });
}

/** Everything that is seen of a column family, as pairs in base64, as test/support/engine.ts gives them. */
export async function pairs(view: View, columnFamily: number, options: WalkOptions = {}) {
  const visible = view.visible(columnFamily, options);
  const found: [key: string, value: string][] = [];
  const base64 = (bytes: Uint8Array, from: number, to: number) =>
    Buffer.from(bytes.subarray(from, to)).toString('base64');
  for (let step = visible.step(); step !== END; step = visible.step()) {
    if (step !== ENTRY) await visible.load();
    else
      found.push([
        base64(visible.keyBytes, 0, visible.keyTo),
        base64(visible.valueBytes, visible.valueFrom, visible.valueTo),
      ]);
  }
  await visible.close();
  return { found, problems: visible.problems };
}
