import type { BatchOp, WriteBatch } from '../format/batch/batch.js';
import type { KeyNames } from './node.js';

/** Lines of a batch that its own line has room for. */
const LINES = 6;

/** What the application calls a key and what is under it. */
export function entrySaid(
  keyNames: KeyNames | undefined,
  columnFamily: number | undefined,
  key: Uint8Array,
  value?: Uint8Array,
): { said?: string } {
  if (keyNames === undefined || columnFamily === undefined) return {};
  const named = keyNames.keyText(columnFamily, key);
  if (named === undefined) return {};
  const holds = value && keyNames.valueText(columnFamily, key, value);
  return { said: holds === undefined ? named : `${named} = ${holds}` };
}

export function operationSaid(keyNames: KeyNames | undefined, op: BatchOp): { said?: string } {
  if (!op.counted) return {};
  const { kind, columnFamily, key, value } = op;
  return entrySaid(keyNames, columnFamily, key, kind === 'put' ? value : undefined);
}

/** What the batch did: its commands. */
export function batchSaid(keyNames: KeyNames | undefined, { ops }: WriteBatch): { said?: string } {
  const { lines = [], remarks = [] } = keyNames?.batchWords(ops) ?? {};
  if (lines.length === 0) return {};
  const more = lines.length - LINES;
  const shown = [...remarks, ...lines.slice(0, LINES)].join('; ');
  return { said: `${shown}${more > 0 ? `; and ${more} more` : ''}` };
}
