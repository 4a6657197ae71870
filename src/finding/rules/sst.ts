import type { Rule } from '../rule.js';
import { checksumRefs, disk, report, restore, software } from './sst-origins.js';

/** The file, its blocks and their entries. */
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
      'decoded. What stands after it cannot be read.',
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
  'sst/deletion-with-value': {
    severity: 'warning',
    title: 'A deletion in a LevelDB table has a value',
    meaning:
      'LevelDB writes deletions without a value. The type of a put was changed before the checksum was computed: the key is ' +
      'deleted to every reader, and older values of it are hidden.',
    origin: 'Faulty memory while the table was written, or a defective program.',
    action: 'kvdoctor find shows what the value is.',
    references: ['leveldb db/dbformat.h'],
  },
  'sst/footer-padding': {
    severity: 'note',
    title: 'The padding of a table footer is not zero',
    meaning: 'Nothing reads these bytes.',
    origin: 'A disk or memory that changed a bit where it does no harm: it may not be the only one.',
    action: 'Nothing to repair. Check the memory and disk of this machine.',
    references: ['leveldb table/format.cc'],
  },
} as const satisfies Record<`sst/${string}`, Rule>;
