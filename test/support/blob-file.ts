import {
  encodeBlobFileFooter,
  encodeBlobFileHeader,
  encodeBlobRecord,
} from '../../src/encode/blob/blob-file.js';

/** A whole, closed blob file. */
export function encodeBlobFile(
  columnFamily: number,
  compression: number,
  records: readonly Parameters<typeof encodeBlobRecord>[0][],
): Uint8Array {
  return Buffer.concat([
    encodeBlobFileHeader(columnFamily, compression),
    ...records.map(encodeBlobRecord),
    encodeBlobFileFooter(records.length),
  ]);
}
