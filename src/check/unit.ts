import type { Finding } from '../finding/finding.js';
import type { DialectName } from '../format/dialect.js';
import type { LiveBlobFile, LiveTable } from '../format/manifest/version.js';
import type { IndexSize } from '../format/sst/table.js';
import type { BlobReference } from './sst/data-rules.js';

/**
 * How much a scan reads: `structure`, footers, indexes, metadata and record headers; `checksums`, every block's and
 * record's checksum; `full`, every entry of every block.
 */
export type Depth = 'structure' | 'checksums' | 'full';

/** What a check could not look at, and why. Any of these makes a scan incomplete (exit status 3). */
export interface Unchecked {
  file: string;
  reason: string;
  offset?: number;
  length?: number;
}

/** What the directory's metadata promises of a table, given to the unit that checks the file. Survives a structured clone. */
export interface TableContext {
  dialect: DialectName;
  /** Relative to the target. */
  file: string;
  /** From the file's name. */
  number?: bigint;
  depth: Depth;
  /** Absent when the MANIFEST does not name the file or there is none. */
  live?: LiveTable;
  columnFamilyName?: string;
  /** Comparator of the column family, from the MANIFEST. Absent: trust the table's own property. */
  comparator?: string;
  databaseId?: string;
  /** The database keeps values in blob files of Titan's. */
  titan?: true;
  /**
   * A MANIFEST was read and does not name the file: an unfinished output or an obsolete table. Nothing depends on it, so
   * whatever is wrong with it is a note, and what cannot be checked in it is not missed.
   */
  orphan?: boolean;
  /**
   * Data blocks to check, by position in the index: [from, to). Absent: all. The unit with `from` 0 checks everything else
   * in the file too. What needs all blocks is decided after the merge: `mergeTableFacts`, `checkTableTotals`.
   */
  blocks?: { from: number; to: number };
}

/** What the data blocks of one unit hold, found by reading every entry. */
export interface TableTotals {
  /** False when a block could not be read or decoded: the sums are then too small. */
  complete: boolean;
  blocks: number;
  points: number;
  /** Delete, SingleDelete, DeleteWithTimestamp. */
  deletions: number;
  merges: number;
  /** Stored internal keys and values, bytes. */
  keyBytes: number;
  valueBytes: number;
  /** As stored, that is 0 in an ingested table. Absent when there is no entry. */
  minSequence?: number;
  maxSequence?: number;
  /** The data block with the largest sequence, in file offsets, and the largest sequence outside it. Of a whole table. */
  highest?: { offset: number; length: number; others: number };
  /** First and last internal key of a point entry, as stored. */
  first?: Uint8Array;
  last?: Uint8Array;
}

/** What the table says of itself, from the unit that reads its metadata. */
export interface TableStatement {
  /** Numbers in the properties block and where each stands in the file. Empty when the block is damaged. */
  properties: { name: string; value: bigint; offset: number; length: number }[];
  /** File range of the properties block. */
  propertiesAt?: { offset: number; length: number };
  rangeTombstones: {
    complete: boolean;
    count: number;
    /** Internal start keys and end keys, bytes. */
    keyBytes: number;
    endBytes: number;
    minSequence?: bigint;
    maxSequence?: bigint;
    /** Internal keys of the bounds. */
    smallest?: Uint8Array;
    largest?: Uint8Array;
  };
  /** File range of the block of range tombstones. */
  rangeTombstonesAt?: { offset: number; length: number };
  /**
   * Data blocks that the index names, the end of the last one, and how large its blocks are (not told where a hash index counts
   * in, too); absent when the index is damaged.
   */
  index?: { blocks: number; dataEnd: number; size?: IndexSize; partitions: number };
  /** Payload bytes of all filter blocks; absent when one is damaged. */
  filterSize?: number;
  hasDictionary: boolean;
  timestampsStripped: boolean;
  /** The sequence of all entries of an ingested table. */
  globalSequence?: bigint;
  /** The file is another one than the MANIFEST means: nothing in it is compared with the MANIFEST. */
  wrongFile: boolean;
  /** The bytes of a property were changed after its checksum, so that a checksum of the file is stale. */
  globalSequenceEdited: boolean;
}

/** What cross checks need from a table after the units are merged. */
export interface TableFacts {
  kind: 'table';
  file: string;
  number?: bigint;
  /** File size in bytes. */
  size: number;
  /** Footer, metaindex, properties and index could be read. */
  readable: boolean;
  /** Of a block-based table, where the footer can be read; 0 for one under the magic number of LevelDB. */
  formatVersion?: number;
  /** Of a table in a format of Pebble's own, where the footer can be read. */
  pebbleFormat?: number;
  dataBlocks: number;
  databaseId?: string;
  sessionId?: string;
  originalFileNumber?: bigint;
  /** Internal unique id, 16 bytes, computed from the properties. */
  uniqueId?: Uint8Array;
  columnFamily?: number;
  columnFamilyName?: string;
  comparator?: string;
  mergeOperator?: string;
  entries?: bigint;
  /** First and last internal key found (range tombstones included), with the global sequence number applied. */
  smallest?: Uint8Array;
  largest?: Uint8Array;
  smallestSequence?: bigint;
  largestSequence?: bigint;
  /** Pebble's range keys: how many, and their sequences; absent where their block is damaged. */
  rangeKeys?: { count: number; minSequence?: bigint; maxSequence?: bigint };
  /** Blob files referenced: number to references, bytes of values, and the range of value offsets seen. */
  blobReferences: {
    number: bigint;
    count: number;
    bytes: bigint;
    from: bigint;
    to: bigint;
    /** At most two of them. */
    samples: BlobReference[];
  }[];
  /** Values in blob files of Pebble's: the file's place in the list of the table, how many, and the highest block. */
  valueReferences?: { reference: number; count: number; block: number }[];
  /** References to blob files of Titan's: file number, offset and size of each; how many more there are. */
  titan?: { places: readonly number[]; leftOut: number };
  /** The range of blocks that the facts are of; absent for all. */
  blocks?: { from: number; to: number };
  /** Present at full depth. */
  totals?: TableTotals;
  /** Absent in the facts of a range that does not begin at the first block. */
  stated?: TableStatement;
  /** CRC-32C of pieces of the file, where the MANIFEST has one of the whole. */
  crcs?: { offset: number; length: number; crc: number }[];
  /** Findings of severity error in this unit: what follows from damage is not reported on top of it. */
  errors?: number;
}

export interface WalContext {
  dialect: DialectName;
  file: string;
  number: bigint;
  depth: Depth;
  /** recycle_log_file_num > 0 in OPTIONS. */
  recycling: boolean;
}

/** What cross checks and recovery rules need from a WAL. */
export interface WalFacts {
  kind: 'wal';
  /** Absent in reports of before there were several: RocksDB's. */
  dialect?: DialectName;
  file: string;
  number: bigint;
  size: number;
  /** Physical and logical records that were whole. */
  physicalRecords: number;
  records: number;
  /** Header sequence of the first and of the last whole batch. */
  firstSequence?: bigint;
  lastSequence?: bigint;
  /** The sequence that the next batch would take by default counting (last header sequence plus counted operations). */
  nextSequence?: bigint;
  /** Offset after the last whole logical record, 0 when there is none. */
  end: number;
  /** How the file ends: at a record, in Pebble's mark of a closed log, torn inside one, in zero fill, in remains of a recycled file, damaged. */
  tail: 'clean' | 'closed' | 'torn' | 'zero-fill' | 'recycled' | 'damaged';
  /** Where the tail begins: findings from here on are about how the file ends. The file's size when it ends clean. */
  tailOffset: number;
  /** Number of the log whose record stands after those of this one, or in their place. */
  heldBefore?: number;
  /** Offset of the first damage that is not a tail. */
  firstDamage?: number;
  recyclable: boolean;
  compressed: boolean;
  /** Column families that batches name, with the operations on each. */
  columnFamilies: { id: number; operations: number }[];
  /** Predecessor record at the start of the file. */
  predecessor?: { number: bigint; size: bigint; lastSequence: bigint; offset: number; length: number };
  /** Transaction markers were seen. */
  transactions: boolean;
  /** Pebble: tables that the log brings in, each with the sequence of all its entries. */
  ingested?: { number: bigint; sequence: bigint }[];
  /** Markers of WritePrepared or WriteUnprepared were seen: a batch takes one sequence number, whatever it holds. */
  sequencePerBatch: boolean;
}

export interface BlobContext {
  file: string;
  number?: bigint;
  depth: Depth;
  live?: LiveBlobFile;
  /** Whose it is. Default: RocksDB's. */
  dialect?: DialectName;
  /** A MANIFEST was read and does not name the file. Default: whenever `live` is absent. */
  orphan?: boolean;
}

export interface BlobFacts {
  kind: 'blob';
  file: string;
  number?: bigint;
  size: number;
  /** Header and footer could be read. */
  readable: boolean;
  columnFamily?: number;
  /** Type byte of the header, which every blob index that refers to the file must repeat. */
  compression?: number;
  /** Records whose header could be read, and their bytes (headers, keys, values). */
  records: number;
  bytes: number;
  hasFooter: boolean;
  /** Pebble: value blocks by the numbers that tables use; absent where the index could not be read. */
  valueBlocks?: number;
}

export type UnitFacts = TableFacts | WalFacts | BlobFacts;

/** What one unit of work returns. Plain data: it crosses a thread boundary. */
export interface UnitResult {
  findings: Finding[];
  unchecked: Unchecked[];
  facts: UnitFacts;
  /** Bytes read from the file. */
  bytesRead: number;
  /** CRC-32C of the whole file, where it was asked for and all of the file could be read. */
  crc?: number;
}
