import type { BatchOp } from '../../format/batch/batch.js';

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
