/** Bytes of a block: physical records do not cross its end. */
export const BLOCK_SIZE = 32_768;

/** Bytes of the headers; the recyclable one carries the log number, Pebble's third one also how much was synced. */
export const LEGACY_HEADER = 7;
export const RECYCLABLE_HEADER = 11;
export const SYNC_HEADER = 19;

/** Record types as stored (rocksdb db/log_format.h). */
export const RecordType = {
  zero: 0,
  full: 1,
  first: 2,
  middle: 3,
  last: 4,
  recyclableFull: 5,
  recyclableFirst: 6,
  recyclableMiddle: 7,
  recyclableLast: 8,
  setCompression: 9,
  timestampSizes: 10,
  recyclableTimestampSizes: 11,
  predecessor: 130,
  recyclablePredecessor: 131,
} as const;

/** Types that mean something else in Pebble's logs (pebble record/record.go). */
const PebbleRecordType = { syncFull: 9, syncFirst: 10, syncMiddle: 11, syncLast: 12 } as const;

/** A type with this bit that a reader does not know may be skipped (RocksDB 9.11). */
export const SAFE_TO_IGNORE = 0x80;

/** What a record type means to a reader. */
export const RecordKind = {
  unknown: 0,
  zero: 1,
  full: 2,
  first: 3,
  middle: 4,
  last: 5,
  compression: 6,
  timestampSizes: 7,
  predecessor: 8,
  /** Not known, and marked as safe to skip by its high bit. */
  ignorable: 9,
} as const;

/** By kind: its name in output. */
export const recordKindNames: readonly string[] = Object.keys(RecordKind).map((name) =>
  name.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`),
);

/** How one engine frames its logs. */
export interface LogDialect {
  name: string;
  /** By type: bytes of header. */
  headerSizes: Uint8Array;
  /** By type: a `RecordKind`. */
  kinds: Uint8Array;
  /** By type: 1 when it begins a logical record of data. */
  begins: Uint8Array;
  /** Some types carry the log's number in their header. */
  hasRecyclable: boolean;
  /** A closed log ends in the header of a record of the next log, without payload and checksum. */
  hasEndMark: boolean;
  /** A record may say that those after it are compressed. */
  hasCompression: boolean;
  /**
   * Types from here on are the reader's own result codes (end of file, bad record, bad header, old record, bad length, bad
   * checksum), so that a whole record of such a type acts as one.
   */
  firstResultCode: number;
}

function dialect(
  name: string,
  table: [number, number, number?][],
  { ignorableFrom = 256, hasEndMark = false } = {},
): LogDialect {
  const headerSizes = new Uint8Array(256).fill(LEGACY_HEADER);
  const kinds = new Uint8Array(256);
  kinds.fill(RecordKind.ignorable, ignorableFrom);
  let last = 0;
  for (const [type, kind, header] of table) {
    kinds[type] = kind;
    headerSizes[type] = header ?? LEGACY_HEADER;
    last = Math.max(last, type);
  }
  const begins = kinds.map((kind) => (kind === RecordKind.full || kind === RecordKind.first ? 1 : 0));
  return {
    name,
    headerSizes,
    kinds,
    begins,
    hasRecyclable: headerSizes.includes(RECYCLABLE_HEADER),
    hasEndMark,
    hasCompression: kinds.includes(RecordKind.compression),
    firstResultCode: last + 1,
  };
}

const data: [number, number, number?][] = [
  [RecordType.zero, RecordKind.zero],
  [RecordType.full, RecordKind.full],
  [RecordType.first, RecordKind.first],
  [RecordType.middle, RecordKind.middle],
  [RecordType.last, RecordKind.last],
];

const recyclable: [number, number, number?][] = [
  [RecordType.recyclableFull, RecordKind.full, RECYCLABLE_HEADER],
  [RecordType.recyclableFirst, RecordKind.first, RECYCLABLE_HEADER],
  [RecordType.recyclableMiddle, RecordKind.middle, RECYCLABLE_HEADER],
  [RecordType.recyclableLast, RecordKind.last, RECYCLABLE_HEADER],
];

/** RocksDB 11.9. Types from 128 on were errors before 9.11. */
export const rocksdbWal = dialect(
  'rocksdb',
  [
    ...data,
    ...recyclable,
    // Legacy header in every file: it is written before the writer knows better.
    [RecordType.setCompression, RecordKind.compression],
    [RecordType.timestampSizes, RecordKind.timestampSizes],
    [RecordType.recyclableTimestampSizes, RecordKind.timestampSizes, RECYCLABLE_HEADER],
    [RecordType.predecessor, RecordKind.predecessor],
    [RecordType.recyclablePredecessor, RecordKind.predecessor, RECYCLABLE_HEADER],
  ],
  { ignorableFrom: SAFE_TO_IGNORE },
);

/** leveldb db/log_format.h; also the framing of RocksDB's MANIFEST. */
export const leveldbWal = dialect('leveldb', data);

/** pebble record/record.go: legacy types in logs that RocksDB left, recyclable ones, and from format version 20 on the third kind. */
export const pebbleWal = dialect(
  'pebble',
  [
    ...data,
    ...recyclable,
    [PebbleRecordType.syncFull, RecordKind.full, SYNC_HEADER],
    [PebbleRecordType.syncFirst, RecordKind.first, SYNC_HEADER],
    [PebbleRecordType.syncMiddle, RecordKind.middle, SYNC_HEADER],
    [PebbleRecordType.syncLast, RecordKind.last, SYNC_HEADER],
  ],
  { hasEndMark: true },
);
