import type { BatchOp } from '../../format/batch/batch.js';
import type { DetectProfile, Profile } from '../profile.js';
import { kvrocksBatchText } from './batch-text.js';
import { checkKvrocks } from './check/check.js';
import { checkReplicationIds } from './check/replication-ids.js';
import { commandsOf } from './commands.js';
import { kvrocksCompare } from './compare.js';
import { DEFAULT_NAMESPACE } from './key.js';
import { kvrocksKeyText, kvrocksRangeText } from './key-text.js';
import { type KvrocksLayout, kvrocksLayout } from './layout.js';
import { ReaderView } from './reader-view.js';
import { kvrocksRebuild } from './rebuild/key-rebuild.js';
import { kvrocksValueText } from './value-text.js';

/** Kvrocks, told by the names of its column families. */
export const detectKvrocks: DetectProfile = async (facts) => {
  const layout = await kvrocksLayout(facts);
  return layout && kvrocksProfile(layout);
};

/** What the bytes of a Kvrocks database mean whose keys are written so. */
export function kvrocksProfile(layout: KvrocksLayout): Profile {
  return {
    name: 'kvrocks',
    title: 'Kvrocks',
    ...(layout.slots && { detail: 'keys carry cluster slots' }),
    keyText: (family, key) => kvrocksKeyText(layout, family, key),
    valueText: (family, key, value) => kvrocksValueText(layout, family, key, value),
    batchWords: (ops) => kvrocksBatchText(ops, layout),
    rangeText: (family, smallest, largest) => kvrocksRangeText(layout, family, smallest, largest),
    wholeCommands,
    rebuild: kvrocksRebuild(layout),
    compare: kvrocksCompare(layout),
    replies: {
      defaultNamespace: DEFAULT_NAMESPACE,
      commandsOf: (ops) => commandsOf(ops, layout),
      reader: (view) => new ReaderView(view, layout),
    },
    check: (view, found) => checkKvrocks(view, layout, found),
    checkLogs: (database, view, found) => checkReplicationIds(database, view, layout, found),
  };
}

/**
 * How many of the first operations of a torn batch are the work of whole commands. A command begins with log data that names
 * it and is whole where the next one begins, so the last one never counts: what tore it may stand anywhere in it.
 */
export function wholeCommands(ops: readonly BatchOp[]): number {
  return Math.max(
    0,
    ops.findLastIndex(({ kind, key }) => kind === 'log-data' && !isReplicationId(key)),
  );
}

/** `r ` and the id of the history: at the end of each batch, where the server writes it at all. */
function isReplicationId(log: Uint8Array): boolean {
  return log[0] === 0x72 && log[1] === 0x20;
}
