import type { Rule } from '../rule.js';

const modes =
  'absolute-consistency and tolerate-corrupted-tail refuse to open, point-in-time keeps what comes before, ' +
  'skip-any-corrupted drops the record and the rest of its 32 KiB block.';

const look = 'kvdoctor simulate shows what each recovery mode would keep and lose; copy the directory first.';

const disk =
  'A flipped bit or a bad sector, a lost or torn write at a power failure without barriers, bytes written by something ' +
  'else, or memory that changed between checksum and write.';

export const walRules = {
  'wal/checksum-mismatch': {
    severity: 'error',
    title: 'Log record does not match its checksum',
    meaning: `The record is not what was written. RocksDB reports "checksum mismatch": ${modes}`,
    origin: disk,
    action: look,
    references: ['rocksdb db/log_reader.cc'],
  },
  'wal/zeroed-range': {
    severity: 'error',
    title: 'Zeros stand where log records should be',
    meaning:
      'Whole records follow, so these zeros are not the unused end of the file. RocksDB skips zeros to the end of the 32 KiB block silently in ' +
      'every recovery mode, absolute-consistency too: the records are lost in silence. Inside a record of several ' +
      'fragments it says "error in middle of record".',
    origin:
      'A sector or page that never reached the disk or was trimmed, a hole in a sparse copy, a file system that lost data at ' +
      'a power failure.',
    action: look,
    references: ['rocksdb db/log_reader.cc'],
  },
  'wal/bad-length': {
    severity: 'error',
    title: 'Length of a log record is wrong',
    meaning:
      'The record claims to run past the end of its 32 KiB block, or the checksum holds for another length. RocksDB says ' +
      `"bad record length": ${modes} In the last block it takes it for a torn write ("truncated record body") and ` +
      'tolerate-corrupted-tail drops all that follows.',
    origin: `The length is not covered by the checksum. ${disk}`,
    action: look,
    references: ['rocksdb db/log_reader.cc'],
  },
  'wal/unknown-record-type': {
    severity: 'error',
    title: 'Log record is of a type that does not exist',
    meaning:
      'The checksum holds, so a program wrote it. RocksDB says "unknown record type"; a few numbers are its reader\'s own ' +
      'result codes, and a record of such a type ends the log or damages it in silence.',
    origin:
      'A newer or patched RocksDB, or another engine: Pebble uses these numbers for records of its own.',
    action: 'Open the database with the program that wrote it.',
    references: ['rocksdb db/log_format.h'],
  },
  'wal/ignorable-record': {
    severity: 'note',
    title: 'Log record of an unknown type that may be skipped',
    meaning:
      'Types from 128 on are marked as safe to skip since RocksDB 9.11, and skipped. Older versions refuse them: "unknown ' +
      'record type".',
    origin: 'A newer RocksDB.',
    action: 'Nothing, unless an older RocksDB is to open the database.',
    references: ['rocksdb db/log_format.h'],
  },
  'wal/orphan-fragment': {
    severity: 'error',
    title: 'Fragment of a log record without its beginning',
    meaning: `The record cannot be put together. RocksDB says "missing start of fragmented record": ${modes}`,
    origin:
      'The block with the first fragment was lost or put back to an older state, or the file is pieced together.',
    action: look,
    references: ['rocksdb db/log_reader.cc'],
  },
  'wal/unfinished-record': {
    severity: 'error',
    title: 'Log record breaks off and another begins',
    meaning: `The last fragments are not there, yet the log goes on. RocksDB says "partial record without end": ${modes}`,
    origin:
      'A lost block, a file that is pieced together, or a program that went on writing after a failed write. LevelDB with ' +
      'reuse_logs appends after a torn record.',
    action: look,
    references: ['rocksdb db/log_reader.cc'],
  },
  'wal/torn-tail': {
    severity: 'warning',
    title: 'Log ends inside a record',
    meaning:
      'The last record is not complete. In the newest log of a killed process that is normal: if writes are synced, this one was ' +
      'never acknowledged. absolute-consistency refuses to open ("truncated header", "truncated record body", ' +
      '"error reading trailing data"), point-in-time and the others drop the record. In a log that is not the newest, or ' +
      'in a copy, the file was cut: point-in-time then drops the later logs, tolerate-corrupted-tail and ' +
      'skip-any-corrupted replay them over the hole.',
    origin:
      'A process that was killed, a full disk, a copy taken while the log was written, a truncated copy.',
    action: `In the newest log after a crash: nothing. ${look}`,
    references: ['rocksdb db/log_reader.cc', 'facebook/rocksdb#7701', 'restatedev/restate#3154'],
  },
  'wal/trailing-garbage': {
    severity: 'error',
    title: 'Log ends in bytes that are no records',
    meaning:
      'Nothing there is or was a record of this log. What the engine makes of them depends on what the first of them happen ' +
      'to look like: a torn write, a bad length or a bad checksum.',
    origin: 'Something else wrote into the file or appended to it, a file system that gave back old blocks.',
    action: look,
    references: ['rocksdb db/log_reader.cc'],
  },
  'wal/zero-fill': {
    severity: 'note',
    title: 'Log ends in zeros',
    meaning:
      'Space that was allocated and not written. RocksDB skips it. When the zeros end within 6 bytes of the file’s last ' +
      'header, absolute-consistency says "truncated header".',
    origin: 'Preallocation, writing through mmap, a crash before the file was cut to its length.',
    action: 'Nothing.',
    references: ['rocksdb db/log_writer.cc'],
  },
  'wal/recycled-remains': {
    severity: 'note',
    title: 'Recycled log holds remains of an earlier one',
    meaning:
      'With recycle_log_file_num RocksDB writes over an old log; after the last record the old content goes on. Point-in-time ' +
      'ends there. absolute-consistency may refuse such a healthy log ("truncated record body", "checksum mismatch"): bytes ' +
      'of an old record’s middle look like damage.',
    origin: 'recycle_log_file_num > 0.',
    action: 'Nothing.',
    references: ['rocksdb db/log_reader.cc', 'facebook/rocksdb#12403'],
  },
  'wal/stale-record': {
    severity: 'error',
    title: 'Old records inside a recycled log, with new ones after',
    meaning:
      'A part of the log is what an earlier log left there, so the blocks that should have replaced it are lost. RocksDB ' +
      'takes the first old record for the end of the log and drops what follows without an error.',
    origin: 'A lost write: the disk or a cache below it acknowledged data that it did not keep.',
    action: look,
    references: ['rocksdb db/log_reader.cc'],
  },
  'wal/wrong-log-number': {
    severity: 'error',
    title: 'Log records carry the number of another log',
    meaning:
      'Recyclable records name their log. A number above the file’s own cannot be left over from an earlier log: the file is ' +
      'another log under this name. RocksDB takes the records for old ones and the log for empty.',
    origin: 'A log that was renamed or copied over another.',
    action: 'Find the log that belongs here; the number in its records tells.',
    references: ['rocksdb db/log_reader.cc'],
  },
  'wal/number-too-large': {
    severity: 'error',
    title: 'Number of a recyclable log does not fit 32 bits',
    meaning:
      'Recyclable records hold the low 32 bits of their log’s number, and RocksDB compares them with the whole number: it ' +
      'takes every record for an old one and the log for empty, without an error.',
    origin:
      'A database that has numbered more than 4,294,967,295 files, or a log that was given such a name.',
    action: 'Turn off recycle_log_file_num. The records themselves are readable: kvdoctor export.',
    references: ['rocksdb db/log_reader.cc'],
  },
  'wal/mixed-headers': {
    severity: 'error',
    title: 'Recyclable record after legacy ones',
    meaning:
      'A writer uses one kind of header for the whole file. RocksDB since 9.3 never gets past this place: opening the ' +
      'database hangs in every recovery mode.',
    origin: 'A file that is pieced together, or a program that appends to a log of another configuration.',
    action: 'Do not start the server on it. kvdoctor repair cuts the log here.',
    references: ['facebook/rocksdb#12643'],
  },
  'wal/nonzero-trailer': {
    severity: 'note',
    title: 'Bytes at the end of a block that no reader looks at',
    meaning:
      'Where no header fits the rest of a block writers leave zeros. No engine reads them: no data is lost.',
    origin: 'A flipped bit or something else that wrote into the file: worth a look at the disk.',
    action: 'Check the disk and the memory; the data is whole.',
    references: ['rocksdb db/log_reader.cc'],
  },
  'wal/zero-gap-in-record': {
    severity: 'error',
    title: 'Healthy record that RocksDB takes for damage',
    meaning:
      'With compression and recycling the writer may leave 7 to 10 zeros at the end of a block inside a record. The record is ' +
      'whole, but the reader takes the zeros for damage: absolute-consistency and tolerate-corrupted-tail fail with "error ' +
      'in middle of record", point-in-time drops this record and everything after it.',
    origin: 'A defect of the engine: wal_compression together with recycle_log_file_num.',
    action: 'Repair rewrites the log so that the engine reads it. Turn off one of the two options.',
    references: ['rocksdb db/log_writer.cc', 'rocksdb db/log_reader.cc'],
  },
  'wal/misplaced-compression': {
    severity: 'error',
    title: 'Compression record in the middle of a log',
    meaning:
      'It may only be the first record. RocksDB reports it and stops or goes on as its recovery mode says.',
    origin: 'A file that is pieced together.',
    action: look,
    references: ['rocksdb db/log_reader.cc'],
  },
  'wal/malformed-metadata': {
    severity: 'error',
    title: 'Metadata record of a log does not decode',
    meaning:
      'A compression, timestamp or predecessor record with a valid checksum holds nonsense. RocksDB reports it and stops ' +
      'or goes on as its recovery mode says.',
    origin: 'A newer RocksDB, or a fault of the program or the memory: the disk gave back what was written.',
    action: look,
    references: ['rocksdb db/log_reader.cc'],
  },
  'wal/decompression-failed': {
    severity: 'error',
    title: 'Compressed log record does not decompress',
    meaning:
      'The checksum over the compressed bytes holds, but they are no complete ZSTD frame. RocksDB drops such a record in ' +
      'silence in every recovery mode, or reads a batch that is too short.',
    origin:
      'A fault of the program or the memory: the disk gave back what was written. A missing fragment in the middle.',
    action: look,
    references: ['rocksdb db/log_reader.cc', 'facebook/rocksdb#11198'],
  },
} as const satisfies Record<`wal/${string}`, Rule>;
