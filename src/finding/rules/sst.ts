import type { Rule } from '../rule.js';

const disk =
  'A flipped bit or a bad sector, a lost or torn write at a power failure, bytes written by something else, or a copy of the ' +
  'file that went wrong.';

const software =
  'Every checksum around it holds, so the bytes were wrong before they were written: a bug in the engine or in a program that ' +
  'writes tables, or memory that changed (test it, and see whether other tables of the same days have it too).';

const restore =
  'Take the file from a backup, checkpoint or replica if the MANIFEST there names the same one. Without one, keep a copy of ' +
  'the directory before anything else is tried.';

const report =
  'Rule out bad memory, then report it to those who maintain the engine, with its version and this report. Reads and ' +
  'compactions that touch the place may fail or give wrong results; a restored backup from before is the safe way out.';

const checksumRefs = ['rocksdb table/format.cc', 'rocksdb table/block_fetcher.cc'];

export const sstRules = {
  'sst/empty': {
    severity: 'error',
    title: 'Table is empty',
    meaning:
      'The file has no bytes. RocksDB refuses to open a database whose MANIFEST names it; an empty table that the MANIFEST ' +
      'does not name is the output of a flush or compaction that was killed, and is removed at the next open.',
    origin:
      'The file system lost the data at a power failure (the name was durable, the contents were not), a copy that ran out ' +
      'of space, a restore that was interrupted.',
    action: restore,
    references: ['rocksdb db/version_builder.cc'],
  },
  'sst/truncated': {
    severity: 'error',
    title: 'Table ends too early',
    meaning:
      'The file is shorter than the MANIFEST says, or ends without a footer or inside a block. RocksDB says "Sst file size ' +
      'mismatch", "file is too short" or "Bad table magic number" and does not open the database. What comes before the cut ' +
      'may be whole, but nothing in the file leads to it any more.',
    origin:
      'A copy or restore that was cut off or ran out of space, a file system that lost the end at a power failure, or an ' +
      'object store that delivered a part.',
    action: restore,
    references: ['rocksdb table/format.cc', 'rocksdb db/version_builder.cc'],
  },
  'sst/zeroed': {
    severity: 'error',
    title: 'End of the table is zeros',
    meaning:
      'Where metadata and footer should be there are only zeros: the file got its size, but its last pages never reached the ' +
      'disk. RocksDB says "Bad table magic number".',
    origin:
      'A power failure or a crash of the machine with a file system or a device that reorders writes; fsync turned off or not ' +
      'honoured.',
    action: `${restore} Look at how the storage treats fsync.`,
    references: ['rocksdb table/format.cc'],
  },
  'sst/bad-magic': {
    severity: 'error',
    title: 'Magic number of the table is damaged',
    meaning:
      'The last 8 bytes are a few bits away from what marks a table, and the rest of the footer leads to intact metadata. ' +
      'RocksDB says "Bad table magic number" and does not open the database, although everything else may be whole.',
    origin: disk,
    action:
      'The right bytes are known, so the repair is exact: write the magic number back on a copy, or take the file from a backup.',
    references: ['rocksdb table/format.cc'],
  },
  'sst/bad-footer': {
    severity: 'error',
    title: 'Footer of the table is damaged',
    meaning:
      'The last bytes of the file, which say where metadata and index are, do not make sense. RocksDB cannot open the table, ' +
      'and so not the database. Footers before format version 6 have no checksum: a damaged one is noticed only by where it ' +
      'leads.',
    origin: disk,
    action: restore,
    references: ['rocksdb table/format.cc'],
  },
  'sst/footer-checksum': {
    severity: 'error',
    title: 'Footer of the table does not match its checksum',
    meaning:
      'The footer (format version 6 and later) is not what was written. RocksDB says "Footer at … checksum mismatch" and does ' +
      'not open the database.',
    origin: disk,
    action: restore,
    references: ['rocksdb table/format.cc'],
  },
  'sst/trailing-bytes': {
    severity: 'error',
    title: 'Bytes follow the end of the table',
    meaning:
      'The file is longer than the table in it. RocksDB looks for the footer in the last bytes, so it says "Bad table magic ' +
      'number" or "Sst file size mismatch", although the table itself may be whole.',
    origin:
      'A copy that was appended to instead of replaced, a file system that rounded the size up at a crash, a transfer that ' +
      'added its own bytes.',
    action:
      'If nothing else is wrong with the file, cutting it to where the footer ends makes it whole. Do so on a copy first.',
    references: ['rocksdb table/format.cc'],
  },
  'sst/block-checksum': {
    severity: 'error',
    title: 'Block does not match its checksum',
    meaning:
      'The block is not what was written. In metadata or index RocksDB says "block checksum mismatch" and cannot open the ' +
      'table. A data block fails when it is read: that range of keys cannot be read, and compactions over it fail until the ' +
      'database turns read-only. A damaged filter is passed over when checksums are verified, and hides keys when they are ' +
      'not.',
    origin: disk,
    action:
      `${restore} When several files of one disk have it, look at the disk (SMART, dmesg) and at the memory before restoring ` +
      'to it.',
    references: checksumRefs,
  },
  'sst/decompression': {
    severity: 'error',
    title: 'Block does not decompress',
    meaning:
      'The checksum of the block holds, and yet what it covers is not the output of a compressor. RocksDB fails to read that ' +
      'range of keys.',
    origin: software,
    action: report,
    references: ['rocksdb util/compression.cc'],
  },
  'sst/bad-handle': {
    severity: 'error',
    title: 'Reference to a block leads to the wrong place',
    meaning:
      'A footer, metaindex or index gives a block a place outside the file, inside another block, or one that cannot be ' +
      'decoded. What stands behind it cannot be read.',
    origin: `Where the block that holds the reference is itself damaged: ${disk} Otherwise: ${software}`,
    action: report,
    references: ['rocksdb table/format.cc'],
  },
  'sst/bad-block': {
    severity: 'error',
    title: 'Block has no usable restart points',
    meaning:
      'The last words of a block say where its entries end and where a search may begin. They do not fit the block, so none of ' +
      'its entries can be read.',
    origin: software,
    action: report,
    references: ['rocksdb table/block_based/block.cc', 'rocksdb table/block_based/data_block_footer.cc'],
  },
  'sst/bad-entry': {
    severity: 'error',
    title: 'Entry of a block does not fit',
    meaning:
      'A length in the entry leads out of the block, or it shares more bytes with the key before than that has. RocksDB checks ' +
      'only some of this in release builds: it may stop with "bad entry in block", or read past the end and deliver what it ' +
      'finds.',
    origin: software,
    action: report,
    references: ['rocksdb table/block_based/block.cc'],
  },
  'sst/bad-restart': {
    severity: 'error',
    title: 'Restart point of a block is wrong',
    meaning:
      'A restart point does not lead to the start of an entry with a whole key. Searches that go through it find nothing or ' +
      'the wrong entry; iterating from the front of the block does not notice. RocksDB never checks them.',
    origin: software,
    action: report,
    references: ['rocksdb table/block_based/block.cc'],
  },
  'sst/bad-key': {
    severity: 'error',
    title: 'Internal key is malformed',
    meaning:
      'A key in a data block is too short for its sequence and type, or has a type that tables do not hold, or a sequence that ' +
      'no database reaches. RocksDB says "Corrupted Key" or returns the entry as something that it is not.',
    origin: software,
    action: report,
    references: ['rocksdb db/dbformat.h'],
  },
  'sst/key-order': {
    severity: 'error',
    title: 'Keys are out of order',
    meaning:
      'A key does not come after the one before it. Binary search over the block misses keys, so reads say that they do not ' +
      'exist or return an older version; a compaction fails with "Compaction sees out-of-order keys". Both neighbours are ' +
      'shown: either may be the wrong one.',
    origin: `${software} Also a comparator that changed its order while its name stayed.`,
    action: report,
    references: ['rocksdb db/compaction/compaction_outputs.cc', 'rocksdb db/output_validator.cc'],
  },
  'sst/hash-index': {
    severity: 'error',
    title: 'Hash index of a data block denies a key',
    meaning:
      'The block carries a hash table from keys to restart points, and it leads past a key that is there: Get says that the key ' +
      'does not exist, an iterator finds it.',
    origin: software,
    action: report,
    references: ['rocksdb table/block_based/data_block_hash_index.cc'],
  },
  'sst/bad-hash-index': {
    severity: 'error',
    title: 'Prefix hash index of the table is inconsistent',
    meaning:
      'The blocks that map prefixes to index entries (index type kHashSearch) contradict each other or the index. Lookups by ' +
      'prefix may miss keys; iterating in total order does not use them.',
    origin: software,
    action: report,
    references: ['rocksdb table/block_based/block_prefix_index.cc'],
  },
  'sst/filter-misses-key': {
    severity: 'error',
    title: 'Filter denies a key that the table holds',
    meaning:
      'A Bloom or Ribbon filter may claim too much, never too little. Here Get says that a key does not exist, or returns an ' +
      'older version from below, while an iterator finds it.',
    origin:
      `${software} One or two keys point at the keys themselves, many at the filter. Also tables written with one prefix ` +
      'extractor and read with another of the same name.',
    action: report,
    references: ['rocksdb table/block_based/filter_policy.cc'],
  },
  'sst/bad-filter': {
    severity: 'warning',
    title: 'Filter is of a form that no writer leaves',
    meaning:
      'The bytes that say what kind of filter it is make no sense to kvdoctor. RocksDB treats such a filter as one that matches ' +
      'everything: reads are right and slower.',
    origin: `A newer or patched RocksDB. Otherwise: ${software}`,
    action: 'Compacting the file writes a new filter.',
    references: ['rocksdb table/block_based/filter_policy.cc'],
  },
  'sst/bad-blob-index': {
    severity: 'error',
    title: 'Reference to a blob cannot be decoded',
    meaning:
      'The entry should say where in which blob file its value is, and does not: the value of that key is lost.',
    origin: software,
    action: report,
    references: ['rocksdb db/blob/blob_index.h'],
  },
  'sst/bad-value': {
    severity: 'error',
    title: 'Structured value is malformed',
    meaning:
      'The value of a wide-column entity or of a timed put has a form of its own and does not follow it. RocksDB returns ' +
      'Corruption when the key is read.',
    origin: software,
    action: report,
    references: ['rocksdb db/wide/wide_column_serialization.cc'],
  },
  'sst/global-sequence': {
    severity: 'error',
    title: 'Global sequence number does not fit',
    meaning:
      'All entries of an ingested table have sequence 0 in the file and the one that the MANIFEST gives it in truth. Here the ' +
      'file has another one, or entries with sequences of their own, or was not written for ingestion. RocksDB refuses to ' +
      'open the table.',
    origin:
      'A table that was ingested twice under the same name, one that was copied from another database after ingestion there, ' +
      `or a changed file. Otherwise: ${software}`,
    action: 'Ingest the original file again, from before its first ingestion.',
    references: [
      'rocksdb table/block_based/block_based_table_reader.cc',
      'rocksdb db/external_sst_file_ingestion_job.cc',
    ],
  },
  'sst/bad-metaindex': {
    severity: 'error',
    title: 'Directory of meta blocks is out of order',
    meaning:
      'The metaindex is searched by name, and its names are not sorted: a filter, the properties or the range tombstones may ' +
      'not be found, and deleted keys come back.',
    origin: software,
    action: report,
    references: ['rocksdb table/meta_blocks.cc'],
  },
  'sst/bad-property': {
    severity: 'warning',
    title: 'Table property is malformed',
    meaning:
      'A property is out of order (RocksDB says "properties unsorted" and does not open the table) or a number that cannot be ' +
      'decoded (RocksDB goes on without it).',
    origin: software,
    action: report,
    references: ['rocksdb table/meta_blocks.cc'],
  },
  'sst/missing-properties': {
    severity: 'error',
    title: 'Table has no properties',
    meaning:
      'RocksDB says "Cannot find Properties block from file": without them it does not know how index and keys are written.',
    origin: software,
    action: report,
    references: ['rocksdb table/meta_blocks.cc'],
  },
  'sst/missing-index': {
    severity: 'error',
    title: 'Table has no index',
    meaning:
      'The metaindex names no index block: RocksDB cannot open the table, and nothing leads to its data blocks.',
    origin: software,
    action: report,
    references: ['rocksdb table/block_based/block_based_table_reader.cc'],
  },
  'sst/bad-range-tombstone': {
    severity: 'error',
    title: 'Range tombstone is malformed',
    meaning:
      'An entry among the range tombstones is of another type, too short, or ends before it begins. RocksDB drops it or ' +
      'refuses the table: keys that were deleted may come back.',
    origin: software,
    action: report,
    references: ['rocksdb db/range_tombstone_fragmenter.cc'],
  },
  'sst/bad-dictionary': {
    severity: 'error',
    title: 'Compression dictionary is empty',
    meaning: 'The data blocks need it to be decompressed. RocksDB says "Decompression dictionary is empty".',
    origin: software,
    action: report,
    references: ['rocksdb table/block_based/uncompression_dict_reader.cc'],
  },
  'sst/bad-separator': {
    severity: 'error',
    title: 'Index does not match its data block',
    meaning:
      'The keys of a block do not lie between the separators that the index has around it, or the index gives another first ' +
      'key. A search for such a key goes to a neighbouring block and finds nothing, while an iterator finds it.',
    origin: software,
    action: report,
    references: ['rocksdb table/block_based/index_builder.cc'],
  },
  'sst/gap': {
    severity: 'warning',
    title: 'Bytes in the table belong to no block',
    meaning:
      'Blocks follow each other, at most with zeros for alignment in between. Here are other bytes that nothing refers to. ' +
      'Reads are not affected; the table was not written as it should be, or an index has lost an entry.',
    origin: software,
    action: report,
  },
  'sst/undeclared-compression': {
    severity: 'warning',
    title: 'Block is compressed by another method than declared',
    meaning:
      'The properties say which compression the data blocks have, and this one has another. RocksDB picks its decompressor ' +
      'by the properties: some versions take such a block for an uncompressed one, or for Snappy.',
    origin: software,
    action: report,
    references: ['rocksdb util/compression.cc', 'rocksdb table/format.cc'],
  },
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
