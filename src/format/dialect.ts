/**
 * What differs between the engines whose files have the same forms: one object for each engine. Contexts carry the name, which
 * crosses threads and stands in reports; the object is looked up where it is used.
 */
import { type BatchDialect, leveldbBatch, pebbleBatch, rocksdbBatch } from './batch/tags.js';
import { type LogDialect, leveldbWal, pebbleWal, rocksdbWal } from './log/types.js';
import { LEVELDB_LEVELS, levelDbTags, PEBBLE_LEVELS, pebbleTags } from './manifest/tags.js';
import { LEVELDB_POINT_TYPES, PEBBLE_POINT_TYPES, ROCKSDB_POINT_TYPES } from './sst/internal-key.js';

export type DialectName = 'rocksdb' | 'leveldb' | 'pebble';

/** What a version edit may hold. */
interface ManifestDialect {
  /** How the MANIFEST is framed. */
  log: LogDialect;
  /** Tags beyond which the engine refuses an edit. Absent: unknown tags with the bit for it are skipped. */
  tags?: ReadonlySet<number>;
  /** Levels from here on are refused. */
  levels?: number;
}

interface TableDialect {
  /** Types of entries in data blocks: 1 legal, 0 illegal. */
  pointTypes: Uint8Array;
}

export interface Dialect {
  name: DialectName;
  wal: LogDialect;
  batch: BatchDialect;
  manifest: ManifestDialect;
  table: TableDialect;
  /** Whose compression types the blocks of its tables have: a row of the codecs in codec/block.ts. */
  codecs: DialectName;
  /** Logs are written over old ones without a word in the options. */
  recycles: boolean;
  names: {
    /** What the engine calls itself. */
    engine: string;
    /** Ending of new tables; both endings are read. */
    table: '.sst' | '.ldb';
  };
}

const dialects: Record<DialectName, Dialect> = {
  rocksdb: {
    name: 'rocksdb',
    wal: rocksdbWal,
    batch: rocksdbBatch,
    manifest: { log: leveldbWal },
    table: { pointTypes: ROCKSDB_POINT_TYPES },
    codecs: 'rocksdb',
    recycles: false,
    names: { engine: 'RocksDB', table: '.sst' },
  },
  leveldb: {
    name: 'leveldb',
    wal: leveldbWal,
    batch: leveldbBatch,
    manifest: { log: leveldbWal, tags: levelDbTags, levels: LEVELDB_LEVELS },
    table: { pointTypes: LEVELDB_POINT_TYPES },
    codecs: 'leveldb',
    recycles: false,
    names: { engine: 'LevelDB', table: '.ldb' },
  },
  pebble: {
    name: 'pebble',
    wal: pebbleWal,
    batch: pebbleBatch,
    manifest: { log: leveldbWal, tags: pebbleTags, levels: PEBBLE_LEVELS },
    table: { pointTypes: PEBBLE_POINT_TYPES },
    codecs: 'pebble',
    recycles: true,
    names: { engine: 'Pebble', table: '.sst' },
  },
};

/** The dialect of that name. Files that nothing assigns to another engine are read as RocksDB's. */
export function dialectNamed(name: DialectName = 'rocksdb'): Dialect {
  return dialects[name];
}
