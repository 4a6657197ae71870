import type { Rule } from '../rule.js';

const inMemory =
  'The checksum was computed over these bytes, so the disk gave back what was written: the batch was wrong in memory. Two ' +
  'threads that add to one WriteBatch (apache/kvrocks#2766), a batch that changes while it is written, or bad memory.';

const rewrite =
  'kvdoctor simulate shows what each recovery mode would do; kvdoctor repair cuts the log before the record or rewrites it ' +
  'from the operations that decode.';

export const batchRules = {
  'batch/too-short': {
    severity: 'error',
    title: 'Record is too short to be a WriteBatch',
    meaning:
      'A WriteBatch begins with 12 bytes of sequence number and count. RocksDB reports "log record too small" and treats it ' +
      'as damage at this place.',
    origin: inMemory,
    action: rewrite,
    references: ['rocksdb db/db_impl/db_impl_open.cc'],
  },
  'batch/unknown-tag': {
    severity: 'error',
    title: 'WriteBatch holds a tag that does not exist',
    meaning:
      'The bytes there are the middle of a key or value, or an operation that RocksDB does not know. Since RocksDB 7.4 the ' +
      'database does not open in any recovery mode: "unknown WriteBatch tag". A printable tag (101 is "e") means that ' +
      'operations overlap, not that a new kind of operation exists.',
    origin: inMemory,
    action: rewrite,
    references: ['rocksdb db/write_batch.cc', 'facebook/rocksdb#752', 'apache/kvrocks#2766'],
  },
  'batch/truncated-operand': {
    severity: 'error',
    title: 'Operation of a WriteBatch runs past its end',
    meaning:
      'A key or value says that it is longer than what is left of the batch, or its length does not decode. Since RocksDB ' +
      '7.4 the database does not open in any recovery mode: "bad WriteBatch Put" and the like.',
    origin:
      `${inMemory} In a record of several fragments: a fragment in the middle that is missing, which the log format ` +
      'cannot show.',
    action: rewrite,
    references: ['rocksdb db/write_batch.cc'],
  },
  'batch/wrong-count': {
    severity: 'error',
    title: 'WriteBatch holds another number of operations than it says',
    meaning:
      'All operations decode, but the count in the header differs. Since RocksDB 7.4 the database does not open in any ' +
      'recovery mode: "WriteBatch has wrong count". The operations themselves may be what was meant, or two writers may ' +
      'have mixed theirs.',
    origin: inMemory,
    action: rewrite,
    references: ['rocksdb db/write_batch.cc', 'apache/kvrocks#2766'],
  },
  'batch/sequence-too-large': {
    severity: 'error',
    title: 'Sequence number does not fit 56 bits',
    meaning:
      'Internal keys have room for 56 bits of sequence number. RocksDB since 8.9 reports "sequence N is too large" and ' +
      'treats it as damage at this place; older versions store it cut off.',
    origin: inMemory,
    action: rewrite,
    references: ['facebook/rocksdb#11979'],
  },
  'batch/short-timed-put': {
    severity: 'error',
    title: 'TimedPut has no room for its time',
    meaning:
      'The value of a TimedPut ends in 8 bytes of write time. RocksDB does not check that they are there and ends the ' +
      'process when it replays the batch.',
    origin: inMemory,
    action: rewrite,
    references: ['rocksdb db/write_batch.cc'],
  },
  'batch/malformed-entity': {
    severity: 'error',
    title: 'Wide-column entity does not decode',
    meaning:
      'Replay accepts the entity as it is; the flush at the end of recovery fails on it in every recovery mode, or, with ' +
      'avoid_flush_during_recovery, each read of the key does.',
    origin: inMemory,
    action: rewrite,
    references: ['rocksdb db/wide/wide_column_serialization.cc'],
  },
  'batch/malformed-blob-index': {
    severity: 'error',
    title: 'Blob index in a batch does not decode',
    meaning:
      'The value should say where in a blob file it lies. Replay accepts it as it is; the flush at the end of recovery, or ' +
      'each read of the key, fails on it.',
    origin: inMemory,
    action: rewrite,
    references: ['rocksdb db/blob/blob_index.h'],
  },
  'batch/unbalanced-prepare': {
    severity: 'error',
    title: 'Transaction markers do not pair up',
    meaning:
      'A prepared section begins or ends without its counterpart in the same batch. Release builds of RocksDB do not check ' +
      'it: operations of a section without an end are lost in silence.',
    origin: inMemory,
    action: 'Compare the transaction with the application; kvdoctor inspect shows the batch.',
    references: ['rocksdb db/write_batch.cc'],
  },
  'batch/short-key': {
    severity: 'error',
    title: 'Key is shorter than its timestamp',
    meaning:
      'The log says that keys of this column family end in a timestamp of so many bytes, and this key has fewer. RocksDB ' +
      'cuts keys without checking.',
    origin: inMemory,
    action: rewrite,
    references: ['rocksdb util/udt_util.cc'],
  },
} as const satisfies Record<`batch/${string}`, Rule>;
