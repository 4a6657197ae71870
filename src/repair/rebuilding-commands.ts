import type { KeyRebuild, RebuildOptions } from '../app/rebuild.js';
import { type DatabaseRequest, readDatabase } from '../engine/database.js';
import type { View } from '../lsm/view.js';
import { scanTarget } from '../scan/scan.js';
import { refuseAbsent } from './outside.js';
import type { ObjectChange } from './plan.js';
import { openIncoherent, refuseDamaged, refuseUnread } from './strategies/application.js';
import { readWalStates } from './strategies/wal-state.js';

/** Commands for a running server, and what they leave alone. Both are complete when `lines` has been read to its end. */
export interface RebuildingCommands {
  /** A command a line, as the application's own client takes it. */
  lines: AsyncGenerator<string>;
  left: ObjectChange[];
  emitted: { keys: number };
}

/**
 * What rebuilds incoherent keys through the server of their application, instead of in its files. The directory is only read. Rejects with
 * a `Refusal` where the files need a repair first.
 */
export async function rebuildingCommands(
  target: string,
  { jobs, bringBack, ...request }: DatabaseRequest & RebuildOptions & { jobs?: number } = {},
): Promise<RebuildingCommands> {
  const database = await readDatabase(target, request);
  refuseAbsent(database);
  const { findings } = await scanTarget(target, { ...request, ...(jobs && { jobs }) });
  refuseDamaged(database, await readWalStates(database), findings);
  const { view, rebuild } = await openIncoherent(database);
  const left: ObjectChange[] = [];
  const emitted = { keys: 0 };
  return { lines: linesOf(view, rebuild, { bringBack: bringBack ?? false }, left, emitted), left, emitted };
}

async function* linesOf(
  view: View,
  rebuild: KeyRebuild,
  options: RebuildOptions,
  left: ObjectChange[],
  emitted: { keys: number },
): AsyncGenerator<string> {
  try {
    const found = await rebuild.incoherent(view);
    refuseUnread(found);
    for (const key of found.keys) {
      const commands = await key.commands(options);
      if ('reason' in commands) {
        left.push({ action: 'leave', detail: commands.reason, facts: key.named });
        continue;
      }
      for await (const line of commands.lines) yield `${line}\n`;
      emitted.keys++;
    }
  } finally {
    view.close();
  }
}
