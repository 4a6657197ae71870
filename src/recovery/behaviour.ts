import { atLeast, type EngineVersion } from '../engine/version.js';
import { RecordType } from '../format/log/types.js';

/**
 * Where RocksDB's releases differ in how they read and replay WALs. Each line was read off the release tags; the first
 * release that has the behaviour stands beside it. Releases before 6.0 are treated as 6.0.
 */
export interface ReplayBehaviour {
  /** 6.14.6: absolute and point-in-time recovery report a cut record. Before, only absolute did, and a cut body was a cut header. */
  reportsTornTails: boolean;
  /** 9.2: `… due to encountering EOF`. */
  namesWhatEndedTheTail: boolean;
  /** 7.0: type 9. Before, it reads as the end of the file: a compressed WAL is empty, without an error. */
  compression: boolean;
  /** 8.3 (types 10 and 11). */
  timestampSizes: boolean;
  /** 8.4: keys are padded or stripped where recorded and running timestamp sizes differ. */
  reconcilesTimestamps: boolean;
  /** 9.11 (types 130 and 131). */
  predecessorRecords: boolean;
  /** 9.11: an unknown type with bit 7 set is ignored. */
  ignoresUnknownHighTypes: boolean;
  /**
   * 9.3: any recyclable record makes the file a recycled one, and a recyclable record after a delivered legacy one is
   * refused without being consumed, for ever (facebook/rocksdb#12643). Before, only a recyclable record at offset 0 counts.
   */
  recycledByAnyRecord: boolean;
  /**
   * 8.9: the length is checked before the log number, and a record of another log is stepped over. Before, skip-any-corrupted
   * met the same old record for ever (facebook/rocksdb#11979).
   */
  consumesOldRecords: boolean;
  /** 9.1: in point-in-time recovery an old record is a stop, not only an end (facebook/rocksdb#12403). */
  oldRecordStopsPointInTime: boolean;
  /** 7.4: a batch is decoded whole before anything of it is applied, and fails the open in every mode when it does not decode. */
  decodesBatchFirst: boolean;
  /** 7.5: and its bytes must hash to what the reader hashed while it put them together. */
  verifiesContentHash: boolean;
  /** 9.7.3: `unknown WriteBatch tag: 95`. Before, without the number. */
  namesUnknownTag: boolean;
  /** 8.9. */
  rejectsLargeSequences: boolean;
  /** 9.11: skip-any-corrupted goes on after a batch that could not be inserted. Before, the rest of its WAL is dropped. */
  skipContinuesAfterInsertError: boolean;
  /** 10.1. */
  refusesBackwardSequences: boolean;
  /** 6.29.5, 7.0.4 and 7.1.2 (facebook/rocksdb#9715): WALs below every column family's log number are not read. */
  skipsFlushedWals: boolean;
  /**
   * 6.11 (facebook/rocksdb#6788): a range delete that ends before it begins cannot be inserted, and one that ends where it begins
   * takes no sequence number. Before, both go into the memtable like any other and delete nothing.
   */
  checksRanges: boolean;
  /**
   * Before 6.16 an operation that the memtable refuses, since it has the key under that sequence number, is tried again under the next
   * one. From then on under the same one, so that the batch fails.
   */
  refusedKeysTakeSequence: boolean;
  /** 6.15. */
  tracksWals: boolean;
  /** 6.20.3 (facebook/rocksdb#8207): a column family without tables cannot be ahead of the WALs. */
  emptyFamiliesAreConsistent: boolean;
  /** 10.6: the long text; before, `SST file is ahead of WALs in CF …` and, before 6.20.3, without the name. */
  inconsistencyText: 'long' | 'named' | 'bare';
  /** 10.0: a predecessor mismatch marks the predecessor as the corrupted WAL. */
  blamesPredecessor: boolean;
  /** 10.6: `Mismatched predecessor log number of WAL file …`; before, `Missing WAL of log number …`. */
  namesMismatchedPredecessor: boolean;
  /** The reader's own result codes start after the last record type; a record with a good checksum may carry one of them. */
  firstResultCode: number;
}

export function replayBehaviour(version: EngineVersion): ReplayBehaviour {
  const from = (major: number, minor: number, patch = 0) => atLeast(version, major, minor, patch);
  const { major, minor } = version;
  const { recyclableLast, setCompression, recyclableTimestampSizes, recyclablePredecessor } = RecordType;
  const lastType = from(9, 11)
    ? recyclablePredecessor
    : from(8, 3)
      ? recyclableTimestampSizes
      : from(7, 0)
        ? setCompression
        : recyclableLast;
  const backported =
    (major === 6 && minor === 29 && from(6, 29, 5)) || (major === 7 && minor === 0 && from(7, 0, 4));
  return {
    reportsTornTails: from(6, 14, 6),
    namesWhatEndedTheTail: from(9, 2),
    compression: from(7, 0),
    timestampSizes: from(8, 3),
    reconcilesTimestamps: from(8, 4),
    predecessorRecords: from(9, 11),
    ignoresUnknownHighTypes: from(9, 11),
    recycledByAnyRecord: from(9, 3),
    consumesOldRecords: from(8, 9),
    oldRecordStopsPointInTime: from(9, 1),
    decodesBatchFirst: from(7, 4),
    verifiesContentHash: from(7, 5),
    namesUnknownTag: from(9, 7, 3),
    rejectsLargeSequences: from(8, 9),
    skipContinuesAfterInsertError: from(9, 11),
    refusesBackwardSequences: from(10, 1),
    skipsFlushedWals: from(7, 1, 2) || backported,
    checksRanges: from(6, 11),
    refusedKeysTakeSequence: !from(6, 16),
    tracksWals: from(6, 15),
    emptyFamiliesAreConsistent: from(6, 20, 3),
    inconsistencyText: from(10, 6) ? 'long' : from(6, 20, 3) ? 'named' : 'bare',
    blamesPredecessor: from(10, 0),
    namesMismatchedPredecessor: from(10, 6),
    firstResultCode: 1 + lastType,
  };
}
