import { KeyElements } from '../app/kvrocks/check/key-elements.js';
import { keyEvidence } from '../app/kvrocks/check/metadata-check.js';
import { decodeUserKey } from '../app/kvrocks/key.js';
import type { KvrocksLayout } from '../app/kvrocks/layout.js';
import { brokenKeys } from '../app/kvrocks/rebuild/broken-keys.js';
import { reasonNotToEmit, rebuildingKey } from '../app/kvrocks/rebuild/commands.js';
import type { RebuildOptions } from '../app/kvrocks/rebuild/rebuild.js';
import { redisCommand } from '../app/redis/word.js';
import { type DatabaseRequest, readDatabase } from '../engine/database.js';
import type { View } from '../lsm/view.js';
import { scanTarget } from '../scan/scan.js';
import { refuseAbsent } from './outside.js';
import type { ObjectChange } from './plan.js';
import { openKvrocks, refuseDamaged, refuseUnread } from './strategies/application.js';
import { readLiveWals } from './strategies/wal-state.js';

/** Commands for a running server, and what they leave alone. Both are complete when `lines` has been read to its end. */
export interface RebuildingCommands {
  /** A command a line, as redis-cli takes it. */
  lines: AsyncGenerator<string>;
  left: ObjectChange[];
  emitted: { keys: number };
}

/**
 * What rebuilds incoherent keys of Kvrocks through the server, instead of in its files. The directory is only read. Rejects with
 * a `Refusal` where the files need a repair first.
 */
export async function rebuildingCommands(
  target: string,
  { jobs, bringBack, ...request }: DatabaseRequest & RebuildOptions & { jobs?: number } = {},
): Promise<RebuildingCommands> {
  const database = await readDatabase(target, request);
  refuseAbsent(database);
  const { findings } = await scanTarget(target, { ...request, ...(jobs && { jobs }) });
  refuseDamaged(database, await readLiveWals(database), findings);
  const { view, layout } = await openKvrocks(database);
  const left: ObjectChange[] = [];
  const emitted = { keys: 0 };
  return { lines: linesOf(view, layout, { bringBack: bringBack ?? false }, left, emitted), left, emitted };
}

async function* linesOf(
  view: View,
  layout: KvrocksLayout,
  options: RebuildOptions,
  left: ObjectChange[],
  emitted: { keys: number },
): AsyncGenerator<string> {
  try {
    const broken = await brokenKeys(view, layout);
    refuseUnread(broken);
    for (const key of broken.keys) {
      const elements = await KeyElements.find(view, layout, key.metadataKey);
      const reason = await reasonNotToEmit(key, elements, options);
      if (reason !== undefined || elements === undefined) {
        const facts = keyEvidence(decodeUserKey(key.metadataKey, layout.slots)!);
        left.push({ action: 'leave', detail: reason ?? 'it is not there', facts });
        continue;
      }
      for await (const words of rebuildingKey(elements)) yield `${redisCommand(words)}\n`;
      emitted.keys++;
    }
  } finally {
    view.close();
  }
}
