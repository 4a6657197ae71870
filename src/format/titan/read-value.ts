import type { ByteSource } from '../../bytes/source.js';
import { decompressBlock } from '../../codec/block.js';
import {
  TITAN_RECORD_HEADER,
  type TitanBlobFile,
  titanPayload,
  titanRecordHolds,
  titanRecordLength,
} from './blob-file.js';

/** Records of more bytes are not read: 256 MiB. */
const LARGEST = 256 << 20;

/**
 * The value at a place that a table refers to, as Titan reads it: size, checksum and, beyond that, key must fit. Rejects only when
 * the medium fails.
 */
export async function readTitanValue(
  source: ByteSource,
  { end, dictionary }: TitanBlobFile,
  { offset, size, key }: { offset: number; size: number; key: Uint8Array },
): Promise<{ value: Uint8Array; error?: undefined } | { value?: undefined; error: string }> {
  if (offset + size > end || size < TITAN_RECORD_HEADER)
    return { error: `offset ${offset} with ${size} bytes lies outside of the ${end} bytes of values` };
  if (size > LARGEST) return { error: `a value of ${size} bytes is above the limit of ${LARGEST}` };
  const record = new Uint8Array(size);
  if ((await source.read(record, offset)) < size) return { error: 'the blob file ends inside the record' };
  if (titanRecordLength(record) !== size)
    return { error: `a record of ${titanRecordLength(record)} bytes is there` };
  if (!titanRecordHolds(record, 0, size)) return { error: 'the record does not match its checksum' };
  const { bytes, error } = decompressBlock(record[8], record.subarray(TITAN_RECORD_HEADER), {
    ...(dictionary && { dictionary }),
  });
  if (bytes === undefined) return { error };
  const payload = titanPayload(bytes);
  if (payload === undefined) return { error: 'the record is no key and value' };
  return Buffer.compare(payload.key, key) === 0
    ? { value: payload.value }
    : { error: 'the record is of another key' };
}
