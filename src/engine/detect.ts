import path from 'node:path';
import { BATCH_HEADER } from '../format/batch/tags.js';
import { databaseOptions } from '../format/database-options.js';
import { dialectNamed } from '../format/dialect.js';
import { type FileNameKind, segmentIn } from '../format/filename.js';
import { checksumHolds, decodePhysicalHeader } from '../format/log/physical.js';
import { LEGACY_HEADER } from '../format/log/types.js';
import { decodeVersionEdit } from '../format/manifest/decode.js';
import { readManifestLog } from '../format/manifest/log.js';
import { levelDbTags, tags } from '../format/manifest/tags.js';
import { parseOptions } from '../format/options.js';
import { isArchiveName } from '../io/archive-stream.js';
import type { Inventory, InventoryEntry } from '../io/inventory.js';
import type { FileReader } from '../io/reader.js';
import { memorySource } from '../io/source.js';
import { SNIFF_BYTES, sniffFile } from './file-type.js';
import {
  encryption,
  isRaftEngine,
  isRegionTransfer,
  isTitan,
  RAFT_ENGINE_DIRECTORY,
} from './foreign-files.js';

type EngineName = 'rocksdb' | 'leveldb' | 'pebble';

type TargetKind =
  /** The directory of a database that is or was in use. */
  | 'database'
  /** A copy that the engine made of one. No process writes to it, so it must be complete. */
  | 'checkpoint'
  /** A BackupEngine directory. */
  | 'backup'
  /** What one backup of a BackupEngine directory does not share with others. Its tables lie elsewhere in that directory. */
  | 'backup-part'
  /** Holds databases in subdirectories, as servers keep them: see `databases`. */
  | 'container'
  /** Tables or WALs with nothing that says how they belong together. */
  | 'loose-files'
  /** Only WALs: a wal_dir or an archive/, whose database is elsewhere. */
  | 'wals'
  /** A raft log of raft-engine, which is no database of any engine here. */
  | 'raft-engine'
  | 'empty'
  | 'not-a-database';

export interface Detection {
  kind: TargetKind;
  engine?: EngineName;
  /** Why, in half sentences. */
  evidence: string[];
  /** Of a container: its databases and backups, relative to the target. */
  databases?: string[];
}

/** Directories that BackupEngine writes. */
export const BACKUP_DIRECTORIES = ['meta', 'private', 'shared', 'shared_checksum'] as const;

/** Bytes at the end of a table in which a metaindex has its names. */
const TABLE_TAIL = 4096;

/** What a directory is, from its names and, where they leave it open, from the beginning of a few small files. */
export async function detectTarget(inventory: Inventory, read: FileReader): Promise<Detection> {
  const { entries, directories } = inventory;
  const own = entries.filter((entry) => entry.place === 'database');
  const has = (kind: FileNameKind) => own.some((entry) => entry.kind === kind);

  // one of them may have been lost
  const backup = BACKUP_DIRECTORIES.filter((name) => directories.includes(name));
  if (backup.length >= 2 && !has('manifest')) {
    return {
      kind: 'backup',
      engine: 'rocksdb',
      evidence: [`has ${backup.map((name) => `${name}/`).join(' and ')}`],
    };
  }
  if (own.length === 0 && directories.length === 0) {
    return inventory.unlistable.length > 0
      ? { kind: 'not-a-database', evidence: ['nothing in it can be read'] }
      : { kind: 'empty', evidence: ['holds no files'] };
  }

  const binding = own.filter((entry) => isBinding(entry.kind));
  const data = own.filter((entry) => ['table', 'wal', 'blob'].includes(entry.kind));
  if (binding.length === 0 && data.length === 0) {
    if (isRaftEngine(inventory)) {
      const encrypted = await encryption(inventory, read);
      return encrypted === undefined
        ? { kind: 'raft-engine', evidence: [raftEngineEvidence] }
        : { kind: 'not-a-database', evidence: [encryptedEvidence(encrypted)] };
    }
    if (own.some(({ name }) => isRegionTransfer(name)))
      return { kind: 'not-a-database', evidence: [transferEvidence(own)] };
    const below = directories.length > 0 ? await read.databasesBelow() : [];
    const databases =
      below.length > 0 ? below : own.flatMap(({ name }) => (isArchiveName(name) ? [name] : []));
    return databases.length > 0
      ? { kind: 'container', evidence: containerEvidence(databases, directories), databases }
      : { kind: 'not-a-database', evidence: [contentEvidence(own, directories)] };
  }
  const tree = has('table') ? undefined : await backupAround(inventory, read);
  if (tree !== undefined) return { kind: 'backup-part', engine: 'rocksdb', evidence: [tree] };
  const encrypted = await encryption(inventory, read);
  if (encrypted !== undefined) return { kind: 'not-a-database', evidence: [encryptedEvidence(encrypted)] };
  if (await isTitan(own, read)) return { kind: 'not-a-database', evidence: [titanEvidence] };
  if (binding.length === 0) {
    const engine = engineOfFailover(own) ?? (await engineOfTables(own, read));
    // the engine keeps LOCK and LOG in the directory of the database
    const onlyWals =
      entries.every(({ kind }) => kind !== 'table' && kind !== 'blob') && !has('lock') && !has('info-log');
    if (onlyWals) return { kind: 'wals', ...engine, evidence: ['has WALs and nothing else of a database'] };
    return {
      kind: 'loose-files',
      ...engine,
      evidence: ['has tables, WALs or blob files, but no CURRENT, MANIFEST or OPTIONS', ...engine.evidence],
    };
  }
  const engine = await detectEngine(own, read);
  const inUse = ['lock', 'identity', 'info-log'].filter((kind) => has(kind as FileNameKind));
  const checkpoint = inUse.length === 0 && engine.engine === 'rocksdb' && has('manifest');
  return {
    kind: checkpoint ? 'checkpoint' : 'database',
    engine: engine.engine,
    evidence: [
      ...engine.evidence,
      ...(checkpoint ? ['no LOCK, IDENTITY or LOG: no process had it open'] : []),
    ],
  };
}

/** The BackupEngine directory in which files are those of one backup, `private/N`, and which has its list of files, `meta/N`. */
async function backupAround({ target }: Inventory, read: FileReader): Promise<string | undefined> {
  const directory = path.resolve(target);
  const [parent, number] = [path.dirname(directory), path.basename(directory)];
  if (path.basename(parent) !== 'private' || !/^\d+$/.test(number)) return undefined;
  const meta = await read.beside(path.join('..', 'meta', number), 1);
  return meta && path.dirname(parent);
}

const raftEngineEvidence = 'holds TiKV’s raft log in the format of raft-engine (.raftlog, .rewrite)';
function transferEvidence(own: readonly InventoryEntry[]): string {
  const names = own.map(({ name }) => name);
  const what = names.some((name) => name.endsWith('.meta'))
    ? 'snapshots of regions'
    : 'tables that are to be ingested';
  return `holds ${what} of a TiKV store, which are not checked: ${listed(names)}`;
}
const titanEvidence =
  'holds blob files of Titan, with a MANIFEST of its own: scan the database that it lies in';
const encryptedEvidence = (how: string) =>
  `its files are encrypted by TiKV, as file.dict says: without the key they cannot be told from damaged ones; ${how}`;

function containerEvidence(databases: string[], directories: string[]): string[] {
  const raftEngine = directories.includes(RAFT_ENGINE_DIRECTORY);
  return [
    `holds ${listed(databases)}`,
    ...(raftEngine ? [`${RAFT_ENGINE_DIRECTORY} ${raftEngineEvidence}: scan that too`] : []),
  ];
}

/** Files that say how the others belong together. */
function isBinding(kind: FileNameKind): boolean {
  return ['current', 'manifest', 'options', 'pebble-marker', 'identity'].includes(kind);
}

function contentEvidence(own: InventoryEntry[], directories: string[]): string {
  const names = [...own.map((entry) => entry.name), ...directories.map((name) => `${name}/`)];
  return `holds ${listed(names)}, none of them a database's`;
}

function listed(names: string[]): string {
  const shown = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}

type EngineEvidence = { engine?: EngineName; evidence: string[] };

async function detectEngine(own: InventoryEntry[], read: FileReader): Promise<EngineEvidence> {
  const marker = own.find((entry) => entry.kind === 'pebble-marker');
  if (marker) return { engine: 'pebble', evidence: [`has ${marker.name}, as only Pebble writes it`] };
  const fromOptions = await engineOfOptions(own, read);
  if (fromOptions) return fromOptions;
  if (own.some((entry) => entry.kind === 'blob')) {
    return { engine: 'rocksdb', evidence: ['has blob files'] };
  }
  if (own.some((entry) => entry.kind === 'identity')) {
    return { engine: 'rocksdb', evidence: ['has IDENTITY'] };
  }
  const ldb = own.find(({ kind, name }) => kind === 'table' && name.endsWith('.ldb'));
  if (ldb)
    return { engine: 'leveldb', evidence: [`no OPTIONS, and ${ldb.name} is named as LevelDB names tables`] };
  const fromManifest = await engineOfManifest(own, read);
  if (fromManifest !== undefined) return fromManifest;
  const fromTables = await engineOfTables(own, read);
  if (fromTables.engine !== undefined) return fromTables;
  const fromWals = await engineOfWals(own, read);
  return fromWals ?? fromTables;
}

async function engineOfOptions(own: InventoryEntry[], read: FileReader): Promise<EngineEvidence | undefined> {
  for (const entry of newestFirst(own, 'options')) {
    const bytes = await read.head(entry, SNIFF_BYTES).catch(() => new Uint8Array(0));
    const { rocksdbVersion, pebbleVersion, values } = databaseOptions(parseOptions(bytes));
    if (pebbleVersion !== undefined) {
      return { engine: 'pebble', evidence: [`${entry.name} states pebble_version ${pebbleVersion}`] };
    }
    if (rocksdbVersion !== undefined) {
      return { engine: 'rocksdb', evidence: [`${entry.name} states rocksdb_version ${rocksdbVersion}`] };
    }
    if (values.size > 0) return { engine: 'rocksdb', evidence: [`${entry.name} has [DBOptions]`] };
  }
  return undefined;
}

/**
 * LevelDB's edits are of few forms (leveldb db/version_set.cc): a snapshot of comparator, cursors and tables, which has no number in
 * it, and edits that have log number, next file number and last sequence together, with the previous log number or, in a new
 * database, with the comparator. Those of goleveldb (syndtr/goleveldb session_util.go) lack the previous log number, and after a
 * compaction all but the next file number; they name tables. RocksDB splits them otherwise, also where it uses no tag of its own:
 * before the first table.
 */
function isLevelDbEdit(present: ReadonlySet<number>): boolean {
  const numbers = [tags.logNumber, tags.nextFileNumber, tags.lastSequence].filter((tag) => present.has(tag));
  if (present.has(tags.newFile) || present.has(tags.deletedFile)) return true;
  // RocksDB writes the comparator in a separate edit
  if (present.has(tags.comparator) && numbers.length > 0) return true;
  if (numbers.length === 0) return !present.has(tags.previousLogNumber);
  return numbers.length === 3 && (present.has(tags.previousLogNumber) || present.has(tags.comparator));
}

/** Pebble (pebble version_set.go) and LevelDB state comparator and next file number together, RocksDB never does. */
function statesTogether(present: ReadonlySet<number>): boolean {
  return present.has(tags.comparator) && present.has(tags.nextFileNumber);
}

/** RocksDB's edits use tags that LevelDB does not know as soon as there is a table, and put others together differently. */
async function engineOfManifest(
  own: InventoryEntry[],
  read: FileReader,
): Promise<EngineEvidence | undefined> {
  for (const entry of newestFirst(own, 'manifest')) {
    const bytes = await read.head(entry, SNIFF_BYTES).catch(() => new Uint8Array(0));
    let edits = 0;
    let together = false;
    let withoutNumbers = false;
    let foreign: number | undefined;
    let otherForm = false;
    // RocksDB has written others since its first releases
    let namesTables = false;
    await readManifestLog(memorySource(bytes), {
      record: ({ payload }) => {
        edits++;
        const { fields } = decodeVersionEdit(payload);
        const present = new Set(fields.map(({ tag }) => tag));
        if (edits === 1 && statesTogether(present)) {
          together = true;
          withoutNumbers = !present.has(tags.logNumber) || !present.has(tags.lastSequence);
        }
        otherForm ||= !isLevelDbEdit(present);
        namesTables ||= present.has(tags.newFile);
        foreign ??= fields.find(({ tag }) => !levelDbTags.has(tag))?.tag;
      },
      damage: () => {},
      oversized: () => {},
    });
    // LevelDB has all numbers in such an edit, and no tag of RocksDB's in any
    if (together && (withoutNumbers || foreign !== undefined)) {
      return { engine: 'pebble', evidence: [`no OPTIONS, and ${entry.name} begins as Pebble's do`] };
    }
    if (namesTables) {
      return { engine: 'leveldb', evidence: [`no OPTIONS, and ${entry.name} names tables as LevelDB does`] };
    }
    if (foreign !== undefined) {
      return {
        engine: 'rocksdb',
        evidence: [`${entry.name} uses tag ${foreign}, which LevelDB does not know`],
      };
    }
    if (otherForm) {
      return {
        engine: 'rocksdb',
        evidence: [`${entry.name} has an edit of a form that LevelDB does not write`],
      };
    }
    if (edits > 0) {
      return {
        engine: 'leveldb',
        evidence: [`no OPTIONS, and ${entry.name} uses only tags that LevelDB knows`],
      };
    }
  }
  return undefined;
}

/** The second directory of Pebble's logs, and their names (pebble wal/failover_manager.go). */
function engineOfFailover(own: readonly InventoryEntry[]): EngineEvidence | undefined {
  const found = own.find(({ name }) => name === 'failover_source' || segmentIn(name) > 0);
  return found && { engine: 'pebble', evidence: [`has ${found.name}, as only Pebble writes it`] };
}

const PEBBLE_MERGER = 'pebble.concatenate';

async function engineOfTables(own: InventoryEntry[], read: FileReader): Promise<EngineEvidence> {
  for (const entry of own) {
    if (entry.kind !== 'table' && entry.kind !== 'blob') continue;
    const tail = await read.tail(entry, TABLE_TAIL).catch(() => new Uint8Array(0));
    const sniffed = sniffFile(new Uint8Array(0), tail.subarray(-8));
    // Pebble's first format is RocksDB's, but for the merger that it has where nothing else is asked for
    if (sniffed && Buffer.from(tail).includes(PEBBLE_MERGER))
      return { engine: 'pebble', evidence: [`${entry.name} names ${PEBBLE_MERGER}, Pebble's merger`] };
    if (sniffed?.engine) return { engine: sniffed.engine, evidence: [`${entry.name} ${sniffed.evidence}`] };
    // both engines end their first table format alike
    if (sniffed && Buffer.from(tail).includes('rocksdb.'))
      return { engine: 'rocksdb', evidence: [`${entry.name} has properties as RocksDB names them`] };
    if (sniffed) return { engine: 'leveldb', evidence: [`${entry.name} ${sniffed.evidence}`] };
    if (entry.name.endsWith('.ldb'))
      return { engine: 'leveldb', evidence: [`${entry.name} is named as LevelDB names tables`] };
  }
  return { evidence: ['nothing tells which engine wrote it'] };
}

/** RocksDB leaves an OPTIONS file and an IDENTITY, and other operations in its logs than puts and deletions sooner or later. */
async function engineOfWals(own: InventoryEntry[], read: FileReader): Promise<EngineEvidence | undefined> {
  const { batch, wal } = dialectNamed('leveldb');
  for (const entry of newestFirst(own, 'wal')) {
    const head = await read.head(entry, SNIFF_BYTES).catch(() => new Uint8Array(0));
    const header = decodePhysicalHeader(head, 0, head.length, wal);
    const end = LEGACY_HEADER + (header?.length ?? 0);
    if (header === undefined || header.length < BATCH_HEADER || end > head.length) continue;
    if ((header.kind !== 'full' && header.kind !== 'first') || !checksumHolds(head, 0, end)) continue;
    if (header.length > BATCH_HEADER && !batch.specs.has(head[LEGACY_HEADER + BATCH_HEADER])) continue;
    return {
      engine: 'leveldb',
      evidence: [`no OPTIONS, no IDENTITY, and ${entry.name} begins as LevelDB's do`],
    };
  }
  return undefined;
}

function newestFirst(own: InventoryEntry[], kind: FileNameKind): InventoryEntry[] {
  return own
    .filter((entry) => entry.kind === kind)
    .sort((a, b) => Number((b.number ?? 0n) - (a.number ?? 0n)));
}
