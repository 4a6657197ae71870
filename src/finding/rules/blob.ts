import type { Rule } from '../rule.js';

const restore =
  'Put the file back from a checkpoint or backup that has it (checkpoints hard-link blob files, so make sure that it is a ' +
  'copy and not the same damaged file).';

const whichKeys =
  'Only keys whose newest version points into the damaged range are hit: blob files also hold values that no table refers ' +
  'to any more.';

const disk =
  'The file is written once and never changed: a bad sector, a bad cable or memory, a copy that went wrong, or a file ' +
  'system that lost a write.';

export const blobRules = {
  'blob/truncated': {
    severity: 'error',
    title: 'Blob file is cut off',
    meaning:
      'The file ends inside a record or before its footer. RocksDB checks header and footer when it first opens a blob file, ' +
      'so every read of a value in it fails ("Magic number mismatch" in the footer, "Malformed blob file"), of values before ' +
      'the cut, too. The database itself opens.',
    origin: 'A copy that stopped, a full disk, or a file system that lost the tail of the file.',
    action: `${restore} Values before the cut are intact and can be exported with kvdoctor export.`,
    references: ['rocksdb db/blob/blob_file_reader.cc'],
  },
  'blob/bad-header': {
    severity: 'error',
    title: 'Blob file has no valid header',
    meaning:
      'The first 30 bytes say what no writer of this database says: another magic number, version, column family or ' +
      'compression. RocksDB refuses the file, and every read of a value in it fails. Nothing protects the header: a wrong ' +
      'compression byte only shows when values do not decompress, or in the tables that refer to them.',
    origin: disk,
    action: `${restore} The header is a function of column family and compression, so it can be written anew.`,
    references: ['rocksdb db/blob/blob_log_format.cc', 'rocksdb db/blob/blob_file_reader.cc'],
  },
  'blob/bad-footer': {
    severity: 'error',
    title: 'Footer of a blob file does not match its checksum',
    meaning:
      'RocksDB checks the footer when it first opens the file, and every read of a value in it fails: "Error while decoding ' +
      'blob log footer". The values may all be well.',
    origin: disk,
    action: `${restore} The footer is a function of the number of records, so it can be written anew.`,
    references: ['rocksdb db/blob/blob_log_format.cc'],
  },
  'blob/record-header-checksum': {
    severity: 'error',
    title: 'Header of a blob record does not match its checksum',
    meaning:
      'With verify_checksums, the default, reading the value fails: "Header CRC mismatch". Where the lengths in the header ' +
      `are hit, the record's extent is found from the next intact one. ${whichKeys}`,
    origin: disk,
    action: `${restore} The value itself may be intact.`,
    references: ['rocksdb db/blob/blob_file_reader.cc'],
  },
  'blob/record-checksum': {
    severity: 'error',
    title: 'Blob does not match its checksum',
    meaning:
      'Key or value changed after they were written. With verify_checksums, the default, reading the value fails: "Blob CRC ' +
      `mismatch". ${whichKeys}`,
    origin: disk,
    action: restore,
    references: ['rocksdb db/blob/blob_file_reader.cc'],
  },
  'blob/decompression': {
    severity: 'error',
    title: 'Blob matches its checksum but does not decompress',
    meaning:
      'The checksum covers the compressed bytes, so they are what was written: they were wrong before. Reading the value ' +
      'fails. If no value of the file decompresses, the compression byte of its header is wrong instead.',
    origin: 'Bad memory or a software fault in the writing process; a changed file header.',
    action: restore,
    references: ['rocksdb db/blob/blob_file_reader.cc'],
  },
  'blob/wrong-count': {
    severity: 'error',
    title: 'Blob file holds another number of records than it says',
    meaning:
      'All records match their checksums, and the footer, which matches its own, or the MANIFEST counts another number of ' +
      'them. RocksDB does not compare them. Records were lost or added as a whole: the file is of another state, or was ' +
      'put together by a tool.',
    origin: 'A file restored in another version, a file edited or stitched together.',
    action: `Compare with a checkpoint or backup. ${whichKeys}`,
    references: ['rocksdb db/blob/blob_file_addition.h'],
  },
  'blob/trailing-bytes': {
    severity: 'error',
    title: 'Bytes follow the footer of a blob file',
    meaning:
      'RocksDB looks for the footer in the last 32 bytes, does not find it there, and every read of a value in the file ' +
      'fails. Everything up to the real footer is well.',
    origin:
      'A copy into a longer file that was not truncated, a block-wise copy padded with zeros, an append.',
    action: 'Cut the file after the footer, at the offset of this finding.',
    references: ['rocksdb db/blob/blob_file_reader.cc'],
  },
  'blob/file-checksum': {
    severity: 'error',
    title: 'Blob file does not match the checksum in the MANIFEST',
    meaning:
      'The MANIFEST holds a CRC of the whole file. Every record and the footer match their own checksums, so what changed is ' +
      'the unprotected header, or the file is another one under this name.',
    origin: 'A changed header, a file of another database or another state.',
    action: restore,
    references: ['rocksdb include/rocksdb/file_checksum.h'],
  },
  'blob/wrong-file': {
    severity: 'error',
    title: 'Blob file is another one than tables refer to',
    meaning:
      'The file is whole in itself, but where tables say that values of theirs are, no record of their key and size stands. A blob ' +
      'file bears no number and has the length of many others; RocksDB notices when such a value is read: "Key mismatch when ' +
      'reading blob", "Header CRC mismatch". A few references of each table are followed; two files with the same keys at ' +
      'the same places are not told apart, by RocksDB neither.',
    origin:
      'Files renamed or copied by hand, a restore that mixes two moments, a file of another database under this name.',
    action:
      'Where two files were exchanged, kvdoctor repair puts both back. Otherwise restore the file from a checkpoint or backup.',
    references: ['rocksdb db/blob/blob_file_reader.cc (VerifyBlob)'],
  },
  'blob/values-footer': {
    severity: 'error',
    title: 'Blob file of Pebble has no valid footer',
    meaning:
      'The last 38 bytes (format 2: 70) say where the index of the values is. Pebble reads them when a value of the file is ' +
      'wanted first, and every such read fails: "invalid blob file footer checksum", "invalid blob file format". The database ' +
      'itself opens, and a compaction that needs a value of the file fails. The values may all be well.',
    origin: disk,
    action: restore,
    references: ['pebble sstable/blob/blob.go', 'cockroachdb/cockroach#160675'],
  },
  'blob/values-block': {
    severity: 'error',
    title: 'Block of a blob file of Pebble is damaged',
    meaning:
      'A block of values, or the index of all of them, does not match its checksum, does not decompress, or does not hold ' +
      `together. Reads of its values fail; without the index, those of all values of the file. ${whichKeys}`,
    origin: disk,
    action: restore,
    references: ['pebble sstable/blob/blob.go', 'pebble sstable/blob/blocks.go'],
  },
  'blob/unsealed': {
    severity: 'note',
    title: 'Blob file was not closed',
    meaning:
      'The file has no footer: the process ended while it was being written. The MANIFEST does not name it, so no table ' +
      'refers to it, and the next open deletes it.',
    origin: 'A crash or kill during a flush or compaction.',
    action: 'Nothing, if the MANIFEST is well.',
    references: ['rocksdb db/blob/blob_file_builder.cc'],
  },
} as const satisfies Record<`blob/${string}`, Rule>;
