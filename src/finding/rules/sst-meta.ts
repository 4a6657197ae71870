import type { Rule } from '../rule.js';
import { report, software } from './sst-origins.js';

/** Filters, values, and the blocks that tell of the others. */
export const sstMetaRules = {
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
    title: 'Filter has an unknown format',
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
      'An entry among the range tombstones is of another type or too short. RocksDB drops it or refuses the table: keys that ' +
      'were deleted may come back.',
    origin: software,
    action: report,
    references: ['rocksdb db/range_tombstone_fragmenter.cc'],
  },
  'sst/empty-range-tombstone': {
    severity: 'note',
    title: 'Range tombstone covers no key',
    meaning:
      'A range deletion ends where it begins, or before. It deletes nothing, the engine reads past it, and nothing is lost. ' +
      'Where the ends were exchanged by mistake, the keys that the application wanted to delete are still there.',
    origin:
      'DeleteRange with exchanged or equal ends. RocksDB before 6.11 writes such a range into WAL and tables, and ' +
      'SstFileWriter before 8.2 into tables; later ones refuse it or leave it out.',
    action:
      'Nothing for the database. In the application: look for DeleteRange calls whose end may lie before their begin; newer ' +
      'engines answer them with "end key comes before start key". Flush with the engine that wrote them before an upgrade to ' +
      '6.11 or later: one in a WAL stops its recovery (kvdoctor simulate --engine-version VERSION shows it).',
    references: ['facebook/rocksdb#6788', 'rocksdb db/range_tombstone_fragmenter.cc'],
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
} as const satisfies Record<`sst/${string}`, Rule>;
