import path from 'node:path';
import type { Database } from '../../engine/database.js';
import { checkTogether } from '../../engine/wals-alone.js';
import type { Finding } from '../../finding/finding.js';
import { type FindingPlace, findingAt, placeOf } from '../../finding/finding-at.js';
import { shellWord } from '../../finding/shell-word.js';
import { fileName } from '../../format/filename.js';
import { manifestLeftBehind } from './left-behind.js';

const notThere = 'IO error: No such file or directory: While opening a file for sequentially reading';

/** CURRENT: that it is there, is well-formed, and names a MANIFEST that is there. */
export async function checkCurrent(database: Database): Promise<Finding[]> {
  const { current, manifest } = database;
  if (current === undefined) {
    const unread = [...database.unread, ...database.unreadable].some(({ entry }) => entry.kind === 'current');
    if (unread) return [];
    return [database.detection.kind === 'wals' ? walsAlone(database) : missingCurrent(database)];
  }
  const findings = current.decoded.anomalies.map(({ rule, message, evidence, offset, length }) =>
    findingAt(placeOf(current.entry), rule, {
      offset,
      length,
      message,
      evidence: { ...evidence, ...(manifest === undefined ? {} : { newestManifest: manifest.entry.file }) },
    }),
  );
  const { number, manifest: name } = current.decoded;
  const unreadManifest = database.unread.some(({ entry }) => entry.kind === 'manifest');
  if (number !== undefined && name !== undefined && manifest?.named !== true && !unreadManifest) {
    const others = manifests(database);
    findings.push(
      findingAt(missingManifestPlace(database, number, others), 'directory/missing-manifest', {
        message: `CURRENT names ${name}, which is not in the directory`,
        evidence: {
          ...(others.length > 0 ? { otherManifests: others } : {}),
          engine: `${notThere}: ${name}`,
        },
      }),
    );
  }
  return [...findings, ...(await checkFreshStart(database))];
}

/** LevelDB names no MANIFEST in CURRENT before it is there: with another one in the directory it is CURRENT that is wrong. */
function missingManifestPlace(
  { dialect, current }: Database,
  number: bigint,
  others: readonly string[],
): FindingPlace {
  const isCurrent = dialect === 'leveldb' && current !== undefined && others.length > 0;
  return isCurrent ? placeOf(current.entry) : { file: fileName('manifest', number) };
}

/** WALs without their database. */
export function walsAlone({ inventory, target }: Database): Finding {
  const wals = inventory.entries.filter(({ kind }) => kind === 'wal').length;
  return {
    ...findingAt({ file: '.' }, 'directory/wals-only', {
      message: 'these are WALs without their database: each is checked by itself',
      evidence: { wals },
    }),
    next: checkTogether(target),
  };
}

/** Tables, and nothing else that a database has. */
function tablesAlone({ inventory, detection, target }: Database): Partial<Finding> {
  const { entries } = inventory;
  if (detection.kind !== 'loose-files' || !entries.every(({ kind }) => kind === 'table' || kind === 'other'))
    return {};
  const tables = entries.filter(({ kind }) => kind === 'table');
  const what =
    tables.length === 1
      ? 'a table without its database, checked by itself'
      : `${tables.length} tables without their database, each checked by itself`;
  return {
    message: `there is no CURRENT, no MANIFEST, no OPTIONS and no log: ${tables.length === 1 ? 'this is' : 'these are'} ${what}`,
    next: `kvdoctor scan ${shellWord(path.join(target, tables[0].file))}`,
  };
}

function missingCurrent(database: Database): Finding {
  const others = manifests(database);
  const { manifest } = database;
  const whole = manifest?.replay.complete === true;
  const hint = whole
    ? `; ${manifest.entry.file} is whole and is most likely what it named`
    : others.length === 0
      ? ', and there is no MANIFEST either'
      : '';
  return {
    ...findingAt({ file: 'CURRENT' }, 'directory/current-missing', {
      message: `there is no CURRENT file${hint}`,
      evidence: { manifests: others, engine: `${notThere}: CURRENT` },
    }),
    ...tablesAlone(database),
  };
}

function manifests({ inventory }: Database): string[] {
  return inventory.entries.filter((e) => e.kind === 'manifest' && e.place === 'database').map((e) => e.file);
}

/**
 * RocksDB, told to create a missing database while CURRENT was lost, has begun a new MANIFEST beside the old files; the next
 * open deletes them all.
 */
async function checkFreshStart(database: Database): Promise<Finding[]> {
  const { current, manifest, version, inventory } = database;
  if (current === undefined || manifest?.named !== true || version === undefined) return [];
  const tables = [...version.columnFamilies.values()].reduce((sum, family) => sum + family.tables.size, 0);
  const own = manifest.entry;
  const older = inventory.entries.filter(
    (e) =>
      e.kind === 'manifest' &&
      e.place === 'database' &&
      (e.number ?? 0n) > (own.number ?? 0n) &&
      e.size > own.size,
  );
  const orphans = inventory.entries.filter((e) => e.kind === 'table' && e.place !== 'lost');
  if (tables > 0 || orphans.length === 0) return [];
  if (older.length === 0) {
    const left = await manifestLeftBehind(database);
    if (left === undefined) return [];
    const { entry, replay } = left;
    const sequence = String(replay.version.lastSequence ?? 0n);
    return [
      findingAt(placeOf(current.entry), 'directory/current-names-empty-manifest', {
        offset: 0,
        length: current.entry.size,
        message:
          `${own.file} never had a table and goes up to sequence ${version.lastSequence ?? 0n}, while ${entry.file} is ` +
          `whole, goes up to ${sequence} and names ${left.tables} tables that are there`,
        evidence: { named: own.file, larger: [entry.file], tables: left.tables, lastSequence: sequence },
      }),
    ];
  }
  return [
    findingAt(placeOf(current.entry), 'directory/current-names-empty-manifest', {
      offset: 0,
      length: current.entry.size,
      message: `${own.file} has no tables, while ${older[0].file} is larger and ${orphans.length} tables are in the directory`,
      evidence: { named: own.file, larger: older.map((e) => e.file), tables: orphans.length },
    }),
  ];
}
