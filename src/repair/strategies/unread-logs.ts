import { spanOfLog } from '../../check/directory/renamed-files.js';
import { type Database, liveWals } from '../../engine/database.js';
import { counted } from '../../finding/quantity.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { max } from '../../states/join.js';
import type { LossStatement } from '../plan.js';

/**
 * What logs hold that the engine does not read, by their number or their name, beyond everything that it does read. `database`: as a plan
 * leaves it.
 */
export async function lossOfUnreadLogs(database: Database): Promise<LossStatement[]> {
  const { inventory, version } = database;
  if (version === undefined) return [];
  const read = new Set(liveWals(database));
  const unread = inventory.entries.filter(
    (entry) => !read.has(entry) && (entry.kind === 'wal' || entry.kind === 'other') && isHere(entry),
  );
  if (unread.length === 0) return [];
  let reach = version.lastSequence ?? 0n;
  for (const wal of read) reach = max(reach, (await spanOfLog(wal, database))?.last ?? 0n);
  const loss: LossStatement[] = [];
  for (const entry of unread) {
    const span = await spanOfLog(entry, database);
    if (span === undefined || span.last <= reach) continue;
    const first = max(span.first, reach + 1n);
    const { file, root } = entry;
    loss.push({
      file,
      ...(root !== undefined && { root }),
      detail: `${counted(Number(span.last - first + 1n), 'write')}, sequences ${first} to ${span.last}, in a log that the engine does not read under this name: the file stays, and what it holds is not in the result`,
      facts: { firstSequence: String(first), lastSequence: String(span.last) },
    });
  }
  return loss;
}

function isHere({ place, size, source }: InventoryEntry): boolean {
  return (place === 'database' || place === 'wal-dir') && size > 0 && source.kind !== 'archived';
}
