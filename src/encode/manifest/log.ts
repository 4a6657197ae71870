import { crc32c, maskCrc } from '../../bytes/crc32c.js';
import { BLOCK_SIZE, HEADER_SIZE, recordTypes } from '../../format/manifest/log-record.js';

/**
 * Frames records as RocksDB's log writer does (db/log_writer.cc), in legacy headers. `at` is the file offset behind which
 * they are to be appended; 0 gives a file of its own.
 */
export function encodeLogRecords(records: Iterable<Uint8Array>, at = 0): Uint8Array {
  const parts: Uint8Array[] = [];
  let position = at;
  const put = (part: Uint8Array) => {
    parts.push(part);
    position += part.length;
  };
  for (const record of records) {
    let done = 0;
    do {
      let left = BLOCK_SIZE - (position % BLOCK_SIZE);
      if (left < HEADER_SIZE) {
        put(new Uint8Array(left));
        left = BLOCK_SIZE;
      }
      const length = Math.min(record.length - done, left - HEADER_SIZE);
      const ends = done + length === record.length;
      const type =
        done === 0
          ? ends
            ? recordTypes.full
            : recordTypes.first
          : ends
            ? recordTypes.last
            : recordTypes.middle;
      put(physicalRecord(record.subarray(done, done + length), type));
      done += length;
    } while (done < record.length);
  }
  const out = new Uint8Array(position - at);
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/** One physical record: header and payload, of at most 32,761 bytes. */
export function physicalRecord(payload: Uint8Array, type: number): Uint8Array {
  const record = new Uint8Array(HEADER_SIZE + payload.length);
  const view = new DataView(record.buffer);
  view.setUint16(4, payload.length, true);
  record[6] = type;
  record.set(payload, HEADER_SIZE);
  view.setUint32(0, maskCrc(crc32c(record, 6)), true);
  return record;
}
