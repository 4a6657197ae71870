import type { ByteSource } from '../../bytes/source.js';
import { BLOB } from '../../format/blob/layout.js';
import { decodeBlobRecordHeader, isHeaderIntact } from '../../format/blob/record.js';
import { comparatorNamed } from '../../format/sst/comparator.js';
import type { BlobReference } from '../sst/data-rules.js';
import type { TableFacts } from '../unit.js';

/**
 * Whether a blob file holds, where a table refers to, a record of that key and size: what RocksDB compares before it gives a value
 * out ("Key mismatch when reading blob", rocksdb db/blob/blob_file_reader.cc). The value is not read. `timestampSize`: bytes of a
 * timestamp that the key in the record has and the one in the table has not, or the other way round.
 */
export async function isHeld(
  source: ByteSource,
  { offset, size, key }: BlobReference,
  timestampSize: number,
): Promise<boolean> {
  const lengths =
    timestampSize === 0 ? [key.length] : [0, timestampSize, -timestampSize].map((more) => key.length + more);
  for (const length of lengths) {
    const start = offset - BLOB.recordHeaderLength - length;
    if (length < 0 || start < BLOB.headerLength) continue;
    const bytes = new Uint8Array(BLOB.recordHeaderLength + length);
    if ((await source.read(bytes, start)) < bytes.length) continue;
    const header = decodeBlobRecordHeader(bytes);
    if (!isHeaderIntact(header) || header.keyLength !== length || header.valueLength !== size) continue;
    const common = Math.min(length, key.length);
    const own = bytes.subarray(BLOB.recordHeaderLength, BLOB.recordHeaderLength + common);
    if (Buffer.compare(own, key.subarray(0, common)) === 0) return true;
  }
  return false;
}

/** References of which it is asked whether they are held, with the bytes of their keys' timestamps. */
export interface SampledReference extends BlobReference {
  /** The table that has it. */
  table: string;
  timestampSize: number;
}

/** Samples of what tables refer to, by the number of the blob file. */
export function samplesOf(tables: Iterable<TableFacts>): Map<bigint, SampledReference[]> {
  const samples = new Map<bigint, SampledReference[]>();
  for (const { file: table, comparator, blobReferences } of tables) {
    const { timestampSize } = comparatorNamed(comparator);
    for (const { number, samples: taken } of blobReferences) {
      const known = samples.get(number) ?? [];
      for (const sample of taken) known.push({ ...sample, table, timestampSize });
      samples.set(number, known);
    }
  }
  return samples;
}
