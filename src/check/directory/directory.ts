import { append } from '../../bytes/append.js';
import { type AbsentPlace, absentReason, absentText, optionFor } from '../../engine/absent-places.js';
import type { Database } from '../../engine/database.js';
import { unknownSecond, unreadMetadata } from '../../engine/unseen.js';
import { keyBytes } from '../../finding/evidence.js';
import type { Finding } from '../../finding/finding.js';
import { findingAt, placeOf } from '../../finding/finding-at.js';
import { shellWord } from '../../finding/shell-word.js';
import { dialectNamed } from '../../format/dialect.js';
import { type FileNameKind, fileName } from '../../format/filename.js';
import { deniedText } from '../../io/file-user.js';
import { readHead } from '../../io/head.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { unusedFiles } from '../leveldb/version.js';
import { checkInvariants } from '../manifest/invariants.js';
import { checkManifest } from '../manifest/manifest.js';
import {
  checkPebbleNames,
  uncheckedFormat,
  uncheckedRemains,
  unusedPebbleFiles,
} from '../pebble/directory.js';
import type { Unchecked, UnitFacts } from '../unit.js';
import { checkCurrent } from './current.js';
import { checkLeftovers } from './leftovers.js';
import { checkLiveFiles } from './live-files.js';
import { checkOptions } from './options.js';
import { checkRenamedFiles } from './renamed-files.js';
import { checkWals } from './tracked-wals.js';
import { aroundUnreadable } from './unreadable.js';

/** How much of IDENTITY is worth reading; an id has 36 characters. Bytes. */
const IDENTITY_LIMIT = 1024;

/**
 * IDENTITY against the database id that the MANIFEST records (tag 8193, written since 5.17 where asked for and by default
 * since 9.7). A newline at the end is tolerated, as old releases wrote one.
 */
function checkIdentity(
  entry: InventoryEntry,
  content: Uint8Array,
  databaseId: string | undefined,
): Finding[] {
  const place = placeOf(entry);
  const id = Buffer.from(content).toString('latin1').replace(/\n$/, '');
  const whole = { offset: 0, length: content.length };
  if (!/^[\x21-\x7e]{1,128}$/.test(id)) {
    return [
      findingAt(place, 'directory/identity-malformed', {
        ...whole,
        message: content.length === 0 ? 'IDENTITY is empty' : 'IDENTITY does not hold a database id',
        evidence: {
          content: keyBytes(content.subarray(0, 64)),
          ...(databaseId === undefined ? {} : { manifest: databaseId }),
        },
      }),
    ];
  }
  if (databaseId === undefined || databaseId === id) return [];
  return [
    findingAt(place, 'directory/identity-mismatch', {
      ...whole,
      message: `IDENTITY says ${id}, the MANIFEST ${databaseId}`,
      evidence: { identity: id, manifest: databaseId },
    }),
  ];
}

export interface DirectoryCircumstances {
  /** Nobody was writing: a backup or checkpoint. */
  atRest: boolean;
  /** A running process holds the database. */
  owned: boolean;
  /** What reading tables, WALs and blob files has shown, by the inventory's `file`; empty before they are read. */
  facts?: ReadonlyMap<string, UnitFacts>;
  /**
   * What something else names and the MANIFEST lacks, in words: `column family 3 (000012.log)`. With a torn MANIFEST it
   * proves that the lost edit had taken effect.
   */
  lost?: readonly string[];
}

export interface DirectoryResult {
  findings: Finding[];
  unchecked: Unchecked[];
}

/**
 * Everything that CURRENT, IDENTITY, OPTIONS, the MANIFEST and the names and sizes of files tell, held against each other.
 * With `facts` a table whose size is not the MANIFEST's is blamed on the right side.
 */
export async function checkDirectory(
  database: Database,
  circumstances: DirectoryCircumstances,
): Promise<DirectoryResult> {
  const { facts, owned } = circumstances;
  const renamed = await checkRenamedFiles(database, owned ? undefined : facts);
  const known = new Set(renamed.map(({ file }) => file));
  const { findings, unchecked } = await checkOwnFiles(database, circumstances);
  const others = findings.filter(({ rule, file }) => rule !== 'directory/unused-file' || !known.has(file));
  return { findings: [...others, ...renamed], unchecked };
}

async function checkOwnFiles(
  database: Database,
  circumstances: DirectoryCircumstances,
): Promise<DirectoryResult> {
  const { engine } = database.detection;
  const unchecked = database.unread.map(({ entry, reason }) => ({ file: entry.file, reason }));
  append(unchecked, unreadOptions(database));
  append(unchecked, unlistable(database));
  if (engine === 'pebble') return checkPebbleDirectory(database, circumstances, unchecked);
  const identity = await readIdentity(database, unchecked);
  const findings = [
    ...(await checkCurrent(database)),
    ...checkOptions(database),
    ...(identity === undefined
      ? []
      : checkIdentity(identity.entry, identity.content, database.version?.databaseId)),
  ];
  if (database.manifest !== undefined && database.version !== undefined) {
    const manifest = checkManifestAndFiles(database, circumstances);
    append(findings, manifest.findings);
    append(unchecked, manifest.unchecked);
  }
  const places = checkPlaces(database);
  append(findings, places.findings);
  append(findings, checkLeftovers(database));
  if (database.dialect === 'leveldb') append(findings, unusedFiles(database));
  append(unchecked, places.unchecked);
  return { findings: withoutUnreadable(database, findings), unchecked };
}

function checkPebbleDirectory(
  database: Database,
  circumstances: DirectoryCircumstances,
  unchecked: Unchecked[],
): DirectoryResult {
  const newer = uncheckedFormat(database);
  if (newer !== undefined)
    unchecked.push({ file: database.pebble?.formatMarker?.file ?? '.', reason: newer });
  const remains = uncheckedRemains(database);
  if (remains !== undefined) unchecked.push({ file: '.', reason: remains });
  const facts = [...(circumstances.facts?.values() ?? [])];
  const findings = [...checkPebbleNames(database, facts), ...unusedPebbleFiles(database)];
  const manifest = checkManifestAndFiles(database, circumstances);
  // its words are RocksDB's where the MANIFEST's reader has none of Pebble's
  append(findings, manifest.findings.map(withoutRocksDbWords));
  append(unchecked, manifest.unchecked);
  const places = checkPlaces(database);
  append(findings, places.findings);
  append(unchecked, places.unchecked);
  return { findings: withoutUnreadable(database, findings), unchecked };
}

function withoutRocksDbWords(found: Finding): Finding {
  const { engine, ...evidence } = found.evidence;
  const isRocksDb = typeof engine === 'string' && /^(?:Corruption|IO error|Invalid argument): /.test(engine);
  return isRocksDb ? { ...found, evidence } : found;
}

/** The engine reads its data without OPTIONS: what this does not give back is not known, and nothing is lost by it. */
function unreadOptions(database: Database): Unchecked[] {
  return unreadMetadata({
    ...database,
    unread: [],
    unreadable: database.unreadable.filter(({ entry }) => entry.kind === 'options'),
  });
}

function withoutUnreadable(database: Database, findings: Finding[]): Finding[] {
  let left = findings;
  for (const { entry, ranges } of database.unreadable) {
    const place = placeOf(entry);
    const own = left.filter((f) => f.file === place.file && f.root === place.root);
    left = [
      ...left.filter((f) => !own.includes(f)),
      ...aroundUnreadable(place, own, ranges, entry.kind === 'options' ? 'note' : 'error'),
    ];
  }
  return left;
}

function checkManifestAndFiles(database: Database, circumstances: DirectoryCircumstances): DirectoryResult {
  const { manifest, version, inventory } = database;
  if (manifest === undefined || version === undefined) return { findings: [], unchecked: [] };
  const { entry, replay, named } = manifest;
  const { atRest, owned, facts, lost = [] } = circumstances;
  const live = checkLiveFiles(version, inventory, {
    manifest: entry.file,
    // one that CURRENT does not name is a guess, too
    complete: replay.complete && named,
    tableSuffix: dialectNamed(database.dialect).names.table,
    ...(facts === undefined ? {} : { facts }),
    ...(database.pebble && { remote: database.pebble.remote }),
    elsewhere: new Set(database.absent.flatMap(({ tables }) => tables.map(({ number }) => number))),
  });
  const findings = checkManifest(placeOf(entry), replay, {
    atRest,
    owned,
    lost: [...live.missing, ...lost],
  });
  append(findings, live.findings);
  if (replay.complete) {
    findings.push(
      ...checkInvariants(version, {
        manifest: entry.file,
        ...(database.optionsFile === undefined ? {} : { options: database.options }),
        stackedBlobs: inventory.directories.includes('blob_dir'),
      }),
      // of WALs in a wal_dir that is not here it is not known whether they are gone
      ...(database.dialect !== 'rocksdb' || database.absent.some(({ option }) => option === 'wal_dir')
        ? []
        : checkWals(database)),
    );
  }
  return { findings, unchecked: live.unchecked };
}

const binding: ReadonlySet<FileNameKind> = new Set(['current', 'manifest', 'options', 'wal', 'identity']);

/** Names that cannot be opened. A live table or blob file among them is reported as missing. */
function unlistable({ inventory }: Database): Unchecked[] {
  return inventory.unlistable
    .filter(({ kind, file }) => binding.has(kind) || file === 'archive' || file === 'lost')
    .map(({ file, reason }) => ({ file, reason }));
}

async function readIdentity({ inventory }: Database, unchecked: Unchecked[]) {
  const entry = inventory.entries.find((e) => e.kind === 'identity' && e.place === 'database');
  if (entry === undefined) return undefined;
  try {
    return { entry, content: await readHead(entry.source, IDENTITY_LIMIT) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    unchecked.push({ file: entry.file, reason: deniedText(error) ?? (error as Error).message });
    return undefined;
  }
}

/** wal_dir and db_paths that the database names and that are not here. What lies in them is not known, good or bad. */
function checkPlaces(database: Database): { findings: Finding[]; unchecked: Unchecked[] } {
  const { absent, target } = database;
  const second = unknownSecond(database);
  return {
    findings: absent.map((place) => notHere(place, target)),
    unchecked: [
      ...absent
        .filter(({ option }) => option === 'wal_dir')
        .map((place) => ({ file: place.namedBy, reason: absentReason(place, target) })),
      ...(second === undefined ? [] : [second]),
    ],
  };
}

function notHere(place: AbsentPlace, target: string): Finding {
  const { option, directory, namedBy, reason, tables, candidates } = place;
  const rule = option === 'wal_dir' ? 'directory/wal-dir-not-here' : 'directory/db-path-not-here';
  const flag = option === 'wal_dir' ? '--wal-dir' : '--db-path';
  const nearby = candidates.length === 0 ? '' : `. What lies in ${candidates.join(', ')} fits`;
  return findingAt({ file: namedBy }, rule, {
    message: `${absentText(place)}. ${flag} says where it is${nearby}`,
    evidence: {
      option,
      ...(directory !== undefined && { named: directory }),
      reason,
      ...(tables.length > 0 && {
        tables: tables
          .slice(0, 20)
          .map(({ number }) => fileName('table', number))
          .join(', '),
      }),
      ...(candidates.length > 0 && { nearby: candidates.join(', ') }),
    },
    ...(candidates.length > 0 && { next: `kvdoctor scan ${optionFor(place, target)} ${shellWord(target)}` }),
  });
}
