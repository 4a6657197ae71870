import { setBatchHeader } from '../../encode/batch/encode.js';
import { decodeBatch } from '../../format/batch/decode.js';
import type { DialectName } from '../../format/dialect.js';

/** A batch of the first operations of another one, up to an offset between two of them, with the count that fits them. */
export function encodeBatchPrefix(batch: Uint8Array, end: number, dialect: DialectName): Uint8Array {
  const part = batch.slice(0, end);
  setBatchHeader(part, { count: decodeBatch(part, { dialect }).counted });
  return part;
}
