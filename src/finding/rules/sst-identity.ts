import type { Rule } from '../rule.js';
import { disk, report, software } from './sst-origins.js';

/** What a table is against what the MANIFEST says of it. */
export const sstIdentityRules = {
  'sst/wrong-file': {
    severity: 'error',
    title: 'Another table stands under this name',
    meaning:
      'The file is a whole table, but its unique id or size is not that of the table which the MANIFEST means. RocksDB says ' +
      '"Mismatch in unique ID" or "Sst file size mismatch"; without that check it would serve the keys of one table for ' +
      'those of another.',
    origin:
      'A restore that mixed files of two databases or of two times, files renamed or swapped by hand, two processes writing ' +
      'to one directory.',
    action:
      'Find out where the file belongs: its properties name the database, the session and its original number (in the ' +
      'evidence). Restore the whole directory from one backup rather than file by file.',
    references: ['rocksdb table/unique_id.cc', 'rocksdb db/version_builder.cc'],
  },
  'sst/wrong-comparator': {
    severity: 'error',
    title: 'Table is ordered by another comparator',
    meaning:
      'The order of keys in the table is not the one of its column family, so searches in it and merges with other tables go ' +
      'wrong.',
    origin:
      'A table that belongs to another column family or database; ingestion of a file that was written with another comparator.',
    action:
      'Find out where the table comes from (its properties name database and column family) and ingest its data anew.',
    references: ['rocksdb table/meta_blocks.cc'],
  },
  'sst/wrong-count': {
    severity: 'error',
    title: 'Table holds another number of entries than it says',
    meaning:
      'The properties and the blocks disagree about how many entries, deletions, merge operands or blocks there are. Entries ' +
      'may be missing or the property wrong; compactions that verify the number of input records (RocksDB 8.9 and later) ' +
      'fail on the file.',
    origin: software,
    action: report,
    references: [
      'rocksdb table/block_based/block_based_table_builder.cc',
      'rocksdb db/compaction/compaction_job.cc',
    ],
  },
  'sst/wrong-size': {
    severity: 'warning',
    title: 'Sizes in the table properties are wrong',
    meaning:
      'A property gives a size or sequence that differs from what the blocks hold. The engine uses these for estimates and ' +
      'statistics; reads are not affected.',
    origin: software,
    action: report,
    references: ['rocksdb table/block_based/block_based_table_builder.cc'],
  },
  'sst/manifest-bounds': {
    severity: 'error',
    title: 'Keys of the table lie outside its MANIFEST bounds',
    meaning:
      'RocksDB looks for a key only in tables whose smallest and largest key in the MANIFEST enclose it: keys outside are not ' +
      'found, and an older version below may be returned instead. Bounds that are only too wide cost time, not data.',
    origin: `A table under the wrong name, a MANIFEST that was edited, or another table of the same unique id. Otherwise: ${software}`,
    action: report,
    references: ['rocksdb db/version_set.cc'],
  },
  'sst/manifest-sequences': {
    severity: 'error',
    title: 'Sequences in the table exceed those in the MANIFEST',
    meaning:
      'The MANIFEST gives each table its smallest and largest sequence number; the engine orders level 0 by them and decides ' +
      'from them which versions may be dropped. Entries beyond them can be shadowed or dropped wrongly.',
    origin: `A table under the wrong name or a MANIFEST that was edited. Otherwise: ${software}`,
    action: report,
    references: ['rocksdb db/version_edit.h'],
  },
  'sst/manifest-mismatch': {
    severity: 'warning',
    title: 'Table and MANIFEST disagree',
    meaning:
      'A figure that the MANIFEST keeps of the table (the size of its tail, the oldest blob file that it refers to) is not what ' +
      'the table has. A wrong oldest blob file can let the engine delete a blob file that is still needed.',
    origin: `A MANIFEST that was edited. Otherwise: ${software}`,
    action: report,
    references: ['rocksdb db/version_edit.h'],
  },
  'sst/file-checksum': {
    severity: 'warning',
    title: 'File does not match its checksum in the MANIFEST',
    meaning:
      'The checksum of the whole file differs although every block matches its own: bytes that no block checksum covers have ' +
      'changed (padding, a footer before format version 6), or the checksum in the MANIFEST is of another file. Reads are ' +
      'not affected; backups and VerifyFileChecksums fail.',
    origin: `A tool that edited the file in place, a MANIFEST that was edited. Otherwise: ${disk}`,
    action: 'Compare the file with the one in a backup byte by byte.',
    references: ['rocksdb util/file_checksum_helper.cc', 'rocksdb db/version_edit.h'],
  },
} as const satisfies Record<`sst/${string}`, Rule>;
