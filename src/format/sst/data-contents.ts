import { type BlockCompression, decompressBlock } from '../../codec/block.js';
import { type ColumnForm, rowsOfColumns } from './column-rows.js';

/** How the data blocks of a table are compressed, and whether they hold columns. */
export interface DataCompression extends BlockCompression {
  columns?: ColumnForm;
}

/** Rows of a data block, or why there are none. */
interface DataContents {
  bytes?: Uint8Array;
  error?: string;
  /** It decompresses, and the columns in it do not decode; the error is empty where only their keys are not known. */
  columnar?: true;
}

/**
 * The rows of a data block: `decompressBlock`, and columns put into rows. `limit` bounds either.
 */
export function dataContents(
  type: number,
  payload: Uint8Array,
  compression: DataCompression & { limit: number },
  into?: Uint8Array,
): DataContents {
  const { columns, limit } = compression;
  const plain = decompressBlock(type, payload, compression, into);
  if (columns === undefined || plain.bytes === undefined) return plain;
  const rows = rowsOfColumns(plain.bytes, 'data', columns, limit);
  return rows.bytes === undefined ? { ...rows, columnar: true } : rows;
}
