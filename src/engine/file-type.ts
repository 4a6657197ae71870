/**
 * What a file is by its bytes, for one that was named on its own or carries a strange name. Magic numbers: rocksdb
 * table/format.cc, db/blob/blob_log_format.h; leveldb table/format.h; pebble sstable/blob.
 */
import { crc32c, unmaskCrc } from '../bytes/crc32c.js';
import { pebbleBlobFormat } from '../format/blob/pebble-blob.js';
import type { FileNameKind } from '../format/filename.js';
import { magicAt } from '../format/sst/footer.js';

const BLOB_MAGIC = 0x00248f37;

/** Enough of a file's end and beginning to tell. */
export const SNIFF_BYTES = 64 << 10;

interface Sniffed {
  kind: FileNameKind;
  engine?: 'rocksdb' | 'leveldb' | 'pebble';
  evidence: string;
}

/** `head`: the first bytes of the file, up to 64 KiB; `tail`: the last eight. */
export function sniffFile(head: Uint8Array, tail: Uint8Array): Sniffed | undefined {
  const magic = tail.length < 8 ? undefined : magicAt(tail, tail.length);
  if (magic !== undefined) {
    // RocksDB wrote LevelDB's magic number in its first format version
    const engine = magic.format === 'legacy' ? undefined : magic.format === 'pebble' ? 'pebble' : 'rocksdb';
    return { kind: 'table', engine, evidence: `ends in the magic number of a ${magic.format} table` };
  }
  if (pebbleBlobFormat(tail) !== undefined)
    return { kind: 'blob', engine: 'pebble', evidence: 'ends in the magic number of a blob file of Pebble' };
  if (head.length >= 4 && new DataView(head.buffer, head.byteOffset).getUint32(0, true) === BLOB_MAGIC) {
    return { kind: 'blob', engine: 'rocksdb', evidence: 'begins with the magic number of a blob file' };
  }
  const text = Buffer.from(head.subarray(0, 4096)).toString('latin1');
  if (/^MANIFEST-\d+\n$/.test(text)) return { kind: 'current', evidence: 'holds the name of a MANIFEST' };
  if (/^\s*(#[^\n]*\n\s*)*\[Version\]\s/.test(text)) {
    return { kind: 'options', evidence: 'begins like an OPTIONS file' };
  }
  return sniffLog(head);
}

/** A log by its first physical record; a MANIFEST by the comparator or database id that its first edit holds. */
function sniffLog(head: Uint8Array): Sniffed | undefined {
  if (head.length < 7) return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const length = view.getUint16(4, true);
  const type = head[6];
  const stored = unmaskCrc(view.getUint32(0, true));
  // types 9 to 12 are Pebble's with 19 bytes of header, or RocksDB's with fewer
  const header = headersOf(type).find((size) => {
    const end = size + length;
    return end <= head.length && end <= 32768 && stored === crc32c(head, 6, end);
  });
  if (header === undefined) return undefined;
  const end = header + length;
  const payload = head.subarray(header, end);
  const beginsLikeEdit =
    namesComparator(payload) ||
    (payload[0] === 0x81 && payload[1] === 0x40) ||
    (payload[0] === 2 && length < 12);
  return beginsLikeEdit && header === 7
    ? { kind: 'manifest', evidence: 'begins with a version edit in a log record' }
    : { kind: 'wal', evidence: 'begins with a whole log record' };
}

function headersOf(type: number): number[] {
  if (type >= 5 && type <= 8) return [11];
  return type >= 9 && type <= 12 ? [7, 11, 19] : [7];
}

/** The first edit names a comparator (tag 1); a batch may begin with the same byte, as its sequence number. */
function namesComparator(payload: Uint8Array): boolean {
  const [tag, length] = payload;
  if (tag !== 1 || !length || length > 127 || payload.length < 2 + length) return false;
  return payload.subarray(2, 2 + length).every((byte) => byte >= 0x20 && byte < 0x7f);
}
