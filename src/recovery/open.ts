import { takesKeyType } from '../engine/supported-formats.js';
import { atLeast, type EngineVersion } from '../engine/version.js';
import type { DatabaseOptions } from '../format/database-options.js';
import type { DialectName } from '../format/dialect.js';
import { newFileEntry } from '../format/manifest/new-file.js';
import type { LiveTable, Version } from '../format/manifest/version.js';
import { comparatorNamed } from '../format/sst/comparator.js';
import { replayBehaviour } from './behaviour.js';
import type { FamilyState } from './family.js';
import { openLevelDb, refusedByLevelDb } from './leveldb-open.js';
import type { RecoveryMode } from './mode.js';
import { blankOutcome, type RecoveryOutcome, refusal } from './outcome.js';
import { openPebble } from './pebble-open.js';
import { ascending, type ReplayInput, replay, type WalFile } from './replay.js';
import type { ReplaySink } from './sink.js';
import { corruption, type EngineError } from './status.js';
import { type TableFile, tableOpenFailure } from './table-open.js';
import { afterOpen } from './transaction-db.js';
import type { WritePolicy } from './transactions.js';
import { writePolicyOf } from './write-policy.js';

/** A database as DB::Open meets it. Nothing in it is written to. */
export interface DatabaseView {
  dialect: DialectName;
  /** The MANIFEST that CURRENT names, replayed; or what stands in its way. */
  manifest:
    | {
        /** Relative to the target. */
        file: string;
        version: Version;
        /** The engine's complaint about the edits (`Corruption: checksum mismatch`), when it has one. */
        error?: string;
        /** Value types of the bounds of tables, and the tag under which the first one stands. */
        boundTypes?: ReadonlyMap<number, { tag: number }>;
      }
    | { error: EngineError };
  /** Pebble: why it refuses before it reads a WAL. */
  refused?: { error: EngineError; file?: string };
  /** Pebble: why it refuses a table that a WAL brings in. */
  refusedIngest?(table: bigint): { error: EngineError; file?: string } | undefined;
  /** Pebble: it makes a new database; it refuses one that holds anything. */
  beginsAnew?: boolean;
  mustBePristine?: boolean;
  /** Pebble: the format version that tables are written in. */
  formatVersion?: number;
  /** Of the newest OPTIONS file; the engine's defaults where there is none that can be read. */
  options: DatabaseOptions;
  /** The numbers of all files in the directory. */
  numbers: ReadonlySet<bigint>;
  /** Every WAL of the WAL directory, in any order. */
  wals: readonly WalFile[];
  /** The file of a table: `N.sst`, else `N.ldb`. */
  table(live: LiveTable): TableFile | undefined;
}

/** What does not depend on the recovery mode, found out once. */
export interface PreparedOpen {
  readonly database: DatabaseView;
  readonly version: EngineVersion;
  readonly policy: WritePolicy;
  /** Refuses in every mode. */
  readonly error?: EngineError;
  /** The file that the error is about. */
  readonly errorFile?: string;
}

export interface OpenOptions {
  /** Default: a plain DB without `allow_2pc`, else as the WALs tell. */
  policy?: WritePolicy;
}

/**
 * Everything that DB::Open looks at before it reads WALs: CURRENT, MANIFEST, live tables, tracked WALs. The engine looks
 * with the options that its caller passes; here those of the database itself are taken, with some liberties: tables are
 * all opened (table-open.ts), a missing CURRENT refuses also where `create_if_missing` would have the engine make an empty
 * database in its place, and `best_efforts_recovery`, under which no WAL is read, is not followed.
 */
export async function prepareOpen(
  database: DatabaseView,
  version: EngineVersion,
  { policy }: OpenOptions = {},
): Promise<PreparedOpen> {
  if (database.dialect === 'leveldb') {
    const error = refusedByLevelDb(database);
    return { database, version, policy: 'none', ...(error && { error }) };
  }
  if (database.dialect === 'pebble') {
    const { refused } = database;
    return {
      database,
      version,
      policy: 'none',
      ...(refused && { error: refused.error, errorFile: refused.file }),
    };
  }
  const { manifest, options } = database;
  const wals = ascending(database.wals);
  if (!('version' in manifest)) return { database, version, policy: policy ?? 'none', error: manifest.error };
  const { file } = manifest;
  if (manifest.error !== undefined) {
    return {
      database,
      version,
      policy: policy ?? 'none',
      error: inManifest(asStatus(manifest.error), file, version),
      errorFile: file,
    };
  }
  const untaken = boundError(manifest.boundTypes, version);
  if (untaken !== undefined) {
    const error = inManifest(untaken, file, version);
    return { database, version, policy: policy ?? 'none', error, errorFile: file };
  }
  // Without paranoid checks a table that cannot be opened is left for later.
  const refused = options.paranoidChecks
    ? await tablesError(database, manifest.version, file, version)
    : undefined;
  const chosen = policy ?? (options.allow2pc ? await writePolicyOf(wals, version) : 'none');
  if (refused !== undefined) return { database, version, policy: chosen, ...refused };
  return { database, version, policy: chosen, ...walsError(wals, manifest.version, options, version) };
}

/** Opens the database in one recovery mode, as far as its files are concerned. What it applies goes to `sink`. */
export async function simulateOpen(
  prepared: PreparedOpen,
  mode: RecoveryMode,
  sink?: ReplaySink,
  fatalRecordsStop = false,
): Promise<RecoveryOutcome> {
  const { database, version, policy } = prepared;
  if (database.dialect === 'leveldb') return openLevelDb(database, prepared.error, mode, sink);
  if (database.dialect === 'pebble') {
    const outcome = await openPebble(database, prepared, sink, fatalRecordsStop);
    return prepared.errorFile === undefined ? outcome : { ...outcome, errorFile: prepared.errorFile };
  }
  const { manifest, options } = database;
  const lastSequence = 'version' in manifest ? (manifest.version.lastSequence ?? 0n) : 0n;
  if (prepared.error !== undefined || !('version' in manifest)) {
    return {
      ...blankOutcome(mode, policy, lastSequence),
      ...refusal(prepared.error),
      errorFile: prepared.errorFile,
    };
  }
  const input: ReplayInput = {
    mode,
    version,
    families: familiesOf(manifest.version, options),
    minLogNumberToKeep: manifest.version.minLogNumberToKeep,
    lastSequence,
    wals: ascending(database.wals),
    policy,
    trackAndVerifyWals: options.trackAndVerifyWals,
    paranoidChecks: options.paranoidChecks,
    sink,
    fatalRecordsStop,
  };
  const replayed = await replay(input);
  const failed = replayed.error;
  const errorFile = replayed.wals.find(({ number }) => number === replayed.errorWal)?.file;
  if (failed !== undefined) return { ...replayed, opens: false, ...refusal(failed), errorFile, hidden: [] };
  const after = afterOpen(replayed);
  return {
    ...replayed,
    opens: after.error === undefined,
    ...refusal(after.error),
    lastSequence: after.lastSequence,
    hidden: after.hidden,
  };
}

/**
 * The live column families as replay sees them. Any merge operator will do, as replay only keeps operands; it is taken to
 * be absent only where OPTIONS says so in as many words.
 */
export function familiesOf(version: Version, options: DatabaseOptions): FamilyState[] {
  const hasOperator = (name: string) =>
    options.columnFamilies.get(name)?.values.get('merge_operator') !== 'nullptr';
  return [...version.columnFamilies.values()].map((family) => ({
    id: family.id,
    name: family.name,
    logNumber: family.logNumber,
    comparator: comparatorNamed(family.comparator),
    mergeOperator: hasOperator(family.name),
    tableBytes: [...family.tables.values()].reduce((sum, { size }) => sum + size, 0n),
  }));
}

/** A bound of a type that a newer release wrote and this one does not know. */
function boundError(
  types: ReadonlyMap<number, { tag: number }> = new Map(),
  version: EngineVersion,
): EngineError | undefined {
  const [found] = [...types].filter(([type]) => !takesKeyType(version, type));
  if (found === undefined) return undefined;
  const [, { tag }] = found;
  return corruption('unsupported', `VersionEdit: ${newFileEntry(tag)}`);
}

async function tablesError(
  database: DatabaseView,
  version: Version,
  manifest: string,
  engine: EngineVersion,
): Promise<{ error: EngineError; errorFile: string } | undefined> {
  // up to 10.4 what is longer than the MANIFEST says is found once all tables are open
  let longer: { error: EngineError; errorFile: string } | undefined;
  for (const family of version.columnFamilies.values()) {
    const tables = [...family.tables.values()].sort(
      (a, b) => a.level - b.level || (a.number < b.number ? -1 : 1),
    );
    for (const live of tables) {
      const table = database.table(live);
      const name = table?.file ?? `${String(live.number).padStart(6, '0')}.sst`;
      const error =
        table === undefined ? missingTable(name, engine) : await tableOpenFailure(live, table, engine);
      if (error === undefined) continue;
      const isLonger = table !== undefined && BigInt(table.size) > live.size && !atLeast(engine, 10, 5);
      if (error.kind !== 'size-mismatch' || !isLonger)
        return { error: inManifest(error, manifest, engine), errorFile: name };
      longer ??= { error, errorFile: name };
    }
  }
  return longer;
}

/**
 * A table is looked for as `.sst` and then as `.ldb` (rocksdb db/table_cache.cc). 7.8 names the second in its message, 9.7 the first;
 * the change is taken to have come with the other words of 8.6.
 */
function missingTable(name: string, engine: EngineVersion): EngineError {
  const file = atLeast(engine, 8, 6) ? name : name.replace(/\.sst$/, '.ldb');
  const text = `Corruption: IO error: No such file or directory: While open a file for random read: ${file}: No such file or directory`;
  return corruption('missing-file', text);
}

function walsError(
  wals: readonly WalFile[],
  version: Version,
  options: DatabaseOptions,
  engine: EngineVersion,
): { error: EngineError; errorFile?: string } | undefined {
  const behaviour = replayBehaviour(engine);
  if (options.trackAndVerifyWals && behaviour.predecessorRecords && wals.length === 0) {
    return { error: corruption('missing-file', 'Opening an existing DB with no WAL files') };
  }
  if (!options.trackAndVerifyWalsInManifest || !behaviour.tracksWals) return undefined;
  const found = checkTrackedWals(
    version.trackedWals,
    new Map(wals.map(({ number, size }) => [number, size])),
  );
  if (found === undefined) return undefined;
  const errorFile =
    wals.find(({ number }) => number === found.wal)?.file ?? `${String(found.wal).padStart(6, '0')}.log`;
  return { error: found.error, errorFile };
}

/** Corruption met while the MANIFEST is replayed, in a table too, names the MANIFEST. */
function inManifest(error: EngineError, file: string, version: EngineVersion): EngineError {
  if (error.code !== 'corruption') return error;
  const suffix = atLeast(version, 8, 6) ? `  The file ${file} may be corrupted.` : ` in file ${file}`;
  return { ...error, message: error.message + suffix };
}

function asStatus(text: string): EngineError {
  const found = /^(Corruption|Invalid argument|IO error|Not implemented): /.exec(text);
  const message = found === null ? text : text.slice(found[0].length);
  const codes = {
    'Invalid argument': 'invalid-argument',
    'IO error': 'io-error',
    'Not implemented': 'not-supported',
  } as const;
  const code = codes[(found?.[1] ?? '') as keyof typeof codes] ?? 'corruption';
  return { code, kind: 'manifest', message };
}

/**
 * What `track_and_verify_wals_in_manifest` (6.15) refuses before any WAL is read, in every mode: a tracked WAL with a known
 * size that is missing or shorter (rocksdb db/wal_edit.cc, WalSet::CheckWals). A longer one is fine, one without a
 * size is not looked at.
 */
function checkTrackedWals(
  tracked: ReadonlyMap<bigint, bigint | undefined>,
  onDisk: ReadonlyMap<bigint, number>,
): { error: EngineError; wal: bigint } | undefined {
  const numbers = [...tracked.keys()].sort((a, b) => (a < b ? -1 : 1));
  for (const number of numbers) {
    const synced = tracked.get(number);
    if (synced === undefined) continue;
    const size = onDisk.get(number);
    if (size === undefined) {
      return { wal: number, error: corruption('missing-file', `Missing WAL with log number: ${number}.`) };
    }
    if (BigInt(size) < synced) {
      const text = `Size mismatch: WAL (log number: ${number}) in MANIFEST is ${synced} bytes , but actually is ${size} bytes on disk.`;
      return { wal: number, error: corruption('size-mismatch', text) };
    }
  }
  return undefined;
}
