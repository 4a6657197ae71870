/**
 * The options that decide how files are read: what OPTIONS says where it says it, RocksDB's default elsewhere
 * (rocksdb include/rocksdb/options.h).
 */
import { type OptionsFile, type OptionsSection, parseStruct } from './options.js';
import { type PebbleOptions, pebbleOptions } from './pebble-options.js';

export type WalRecoveryMode =
  | 'tolerate-corrupted-tail'
  | 'absolute-consistency'
  | 'point-in-time'
  | 'skip-any-corrupted';

const recoveryModes: Record<string, WalRecoveryMode> = {
  kTolerateCorruptedTailRecords: 'tolerate-corrupted-tail',
  kAbsoluteConsistency: 'absolute-consistency',
  kPointInTimeRecovery: 'point-in-time',
  kSkipAnyCorruptedRecords: 'skip-any-corrupted',
};

/** An object that OPTIONS names, such as a merge operator: its id and what it was configured with. */
export interface NamedObject {
  id: string;
  fields: Map<string, string>;
}

interface ColumnFamilyOptions {
  name: string;
  /** Name as it also stands in the MANIFEST: `leveldb.BytewiseComparator`. */
  comparator?: string;
  mergeOperator?: NamedObject;
  prefixExtractor?: NamedObject;
  compactionFilter?: NamedObject;
  /** `kCompactionStyleLevel`, … */
  compactionStyle?: string;
  compression?: string;
  numLevels: number;
  forceConsistencyChecks: boolean;
  persistUserDefinedTimestamps: boolean;
  blobFiles: boolean;
  allowIngestBehind: boolean;
  /** `BlockBasedTable`, `PlainTable`, … */
  tableFactory?: string;
  /** Everything, as written. */
  values: ReadonlyMap<string, string>;
  tableValues?: ReadonlyMap<string, string>;
}

export interface DatabaseOptions {
  /** `11.9.0` */
  rocksdbVersion?: string;
  /** Pebble writes this instead. */
  pebbleVersion?: string;
  /** What Pebble's own section says, where it was Pebble that wrote the file. */
  pebble?: PebbleOptions;
  walRecoveryMode: WalRecoveryMode;
  /** False where the file is cut before it, or an unknown word stands there: then the mode is the default. */
  walRecoveryModeStated: boolean;
  /** Directory of the WALs as the engine saw it; absent: the database's own. */
  walDir?: string;
  dbLogDir?: string;
  recycleLogFileNum: number;
  /** `kNoCompression`, `kZSTD`, … */
  walCompression: string;
  manualWalFlush: boolean;
  trackAndVerifyWals: boolean;
  trackAndVerifyWalsInManifest: boolean;
  avoidFlushDuringRecovery: boolean;
  atomicFlush: boolean;
  /** The write policy of a TransactionDB is not in OPTIONS; these three bound it. */
  allow2pc: boolean;
  twoWriteQueues: boolean;
  unorderedWrite: boolean;
  allowIngestBehind: boolean;
  bestEffortsRecovery: boolean;
  createIfMissing: boolean;
  paranoidChecks: boolean;
  /** −1: every table is opened when the database is. */
  maxOpenFiles: number;
  writeDbIdToManifest?: boolean;
  writeIdentityFile: boolean;
  verifySstUniqueIdInManifest: boolean;
  reuseManifestOnOpen: boolean;
  persistStatsToDisk: boolean;
  walTtlSeconds: number;
  walSizeLimitMb: number;
  fileChecksumGenFactory?: NamedObject;
  columnFamilies: Map<string, ColumnFamilyOptions>;
  /** Everything in [DBOptions], as written. */
  values: ReadonlyMap<string, string>;
}

const none: ReadonlyMap<string, string> = new Map();

function flag(values: ReadonlyMap<string, string>, name: string, fallback: boolean): boolean {
  const value = values.get(name);
  return value === 'true' || value === '1' ? true : value === 'false' || value === '0' ? false : fallback;
}

function integer(values: ReadonlyMap<string, string>, name: string, fallback: number): number {
  const value = values.get(name);
  return value !== undefined && /^-?\d{1,18}$/.test(value) ? Number(value) : fallback;
}

function text(values: ReadonlyMap<string, string>, name: string): string | undefined {
  return values.get(name) || undefined;
}

/** `nullptr`, `rocksdb.FixedPrefix.8` or `{id=StringAppendOperator;delimiter=,;}`. */
function namedObject(values: ReadonlyMap<string, string>, name: string): NamedObject | undefined {
  const value = values.get(name);
  if (!value || value === 'nullptr') return undefined;
  const fields = parseStruct(value);
  const id = fields.get('id') ?? value;
  return id === 'nullptr' ? undefined : { id, fields };
}

function columnFamilyOptions(section: OptionsSection, table?: OptionsSection): ColumnFamilyOptions {
  const { values } = section;
  return {
    name: section.argument ?? '',
    comparator: namedObject(values, 'comparator')?.id,
    mergeOperator: namedObject(values, 'merge_operator'),
    prefixExtractor: namedObject(values, 'prefix_extractor'),
    compactionFilter:
      namedObject(values, 'compaction_filter') ?? namedObject(values, 'compaction_filter_factory'),
    compactionStyle: text(values, 'compaction_style'),
    compression: text(values, 'compression'),
    numLevels: integer(values, 'num_levels', 7),
    forceConsistencyChecks: flag(values, 'force_consistency_checks', true),
    persistUserDefinedTimestamps: flag(values, 'persist_user_defined_timestamps', true),
    blobFiles: flag(values, 'enable_blob_files', false),
    allowIngestBehind: flag(values, 'cf_allow_ingest_behind', false),
    tableFactory: text(values, 'table_factory') ?? table?.title.replace('TableOptions/', ''),
    values,
    tableValues: table?.values,
  };
}

function columnFamilies(sections: OptionsSection[]): Map<string, ColumnFamilyOptions> {
  const families = new Map<string, ColumnFamilyOptions>();
  for (const [i, section] of sections.entries()) {
    if (section.title !== 'CFOptions' || section.argument === undefined) continue;
    const next = sections[i + 1];
    const table =
      next?.title.startsWith('TableOptions/') && next.argument === section.argument ? next : undefined;
    if (!families.has(section.argument)) {
      families.set(section.argument, columnFamilyOptions(section, table));
    }
  }
  return families;
}

/** The typed view of a parsed OPTIONS file; of `undefined`, RocksDB's defaults. */
export function databaseOptions(file?: OptionsFile): DatabaseOptions {
  const sections = file?.sections ?? [];
  const version = sections.find((s) => s.title === 'Version')?.values ?? none;
  const values = sections.find((s) => s.title === 'DBOptions')?.values ?? none;
  const mode = recoveryModes[values.get('wal_recovery_mode') ?? ''];
  const pebbleVersion = text(version, 'pebble_version');
  const pebble = file && pebbleVersion !== undefined ? pebbleOptions(file) : undefined;
  return {
    rocksdbVersion: text(version, 'rocksdb_version'),
    pebbleVersion,
    ...(pebble && { pebble }),
    walRecoveryMode: mode ?? 'point-in-time',
    walRecoveryModeStated: mode !== undefined,
    walDir: pebble?.walDir ?? text(values, 'wal_dir'),
    dbLogDir: text(values, 'db_log_dir'),
    recycleLogFileNum: integer(values, 'recycle_log_file_num', 0),
    walCompression: text(values, 'wal_compression') ?? 'kNoCompression',
    manualWalFlush: flag(values, 'manual_wal_flush', false),
    trackAndVerifyWals: flag(values, 'track_and_verify_wals', false),
    trackAndVerifyWalsInManifest: flag(values, 'track_and_verify_wals_in_manifest', false),
    avoidFlushDuringRecovery: flag(values, 'avoid_flush_during_recovery', false),
    atomicFlush: flag(values, 'atomic_flush', false),
    allow2pc: flag(values, 'allow_2pc', false),
    twoWriteQueues: flag(values, 'two_write_queues', false),
    unorderedWrite: flag(values, 'unordered_write', false),
    allowIngestBehind: flag(values, 'allow_ingest_behind', false),
    bestEffortsRecovery: flag(values, 'best_efforts_recovery', false),
    createIfMissing: flag(values, 'create_if_missing', false),
    paranoidChecks: flag(values, 'paranoid_checks', true),
    maxOpenFiles: integer(values, 'max_open_files', -1),
    writeDbIdToManifest: values.has('write_dbid_to_manifest')
      ? flag(values, 'write_dbid_to_manifest', false)
      : undefined,
    writeIdentityFile: flag(values, 'write_identity_file', true),
    verifySstUniqueIdInManifest: flag(values, 'verify_sst_unique_id_in_manifest', true),
    reuseManifestOnOpen: flag(values, 'reuse_manifest_on_open', false),
    persistStatsToDisk: flag(values, 'persist_stats_to_disk', false),
    walTtlSeconds: integer(values, 'WAL_ttl_seconds', 0),
    walSizeLimitMb: integer(values, 'WAL_size_limit_MB', 0),
    fileChecksumGenFactory: namedObject(values, 'file_checksum_gen_factory'),
    columnFamilies: columnFamilies(sections),
    values,
  };
}
