/**
 * What the names in a Pebble directory, CURRENT and OPTIONS say, held against each other (pebble open.go, options.go,
 * vfs/atomicfs/marker.go).
 */

import type { Database } from '../../engine/database.js';
import { NEWEST_FORMAT_VERSION, type PebbleState } from '../../engine/pebble.js';
import { PROBE } from '../../engine/unseen.js';
import type { EvidenceValue } from '../../finding/evidence.js';
import type { Finding } from '../../finding/finding.js';
import { findingAt, placeOf } from '../../finding/finding-at.js';
import { type FileNameKind, fileName, isCanonical } from '../../format/filename.js';
import { fileBehind, numbersOfValueFiles } from '../../format/manifest/version.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { walsAlone } from '../directory/current.js';
import { spanOfTable, spanOfWal } from '../sequence-spans.js';
import type { TableFacts, UnitFacts } from '../unit.js';
import { checkOptionsNames } from './options.js';

/** Format versions that releases of the next years may have. */
const TO_COME = 30;
/** From here on CURRENT names a MANIFEST that there is not. */
const FIRST_WITH_SENTINEL = 3;

export function checkPebbleNames(database: Database, facts: readonly UnitFacts[]): Finding[] {
  const { pebble } = database;
  if (pebble === undefined) return [];
  const tables = facts.filter((f): f is TableFacts => f.kind === 'table');
  if (database.detection.kind === 'wals') return [walsAlone(database)];
  const byOptions = checkOptionsNames(database, tables);
  if (isTablesAlone(database))
    return [tablesAlone(database), ...(database.optionsFile === undefined ? [] : byOptions)];
  return [
    ...checkMarkers(pebble),
    ...checkFormatVersion(database, pebble),
    ...checkNamed(database, pebble, facts),
    ...checkCurrentFile(database, pebble),
    ...byOptions,
  ];
}

/** Why a directory is not all checked: a newer release wrote it than kvdoctor knows. */
export function uncheckedFormat({ pebble }: Database): string | undefined {
  const version = pebble?.formatVersion ?? 0;
  if (version <= NEWEST_FORMAT_VERSION || version > NEWEST_FORMAT_VERSION + TO_COME) return undefined;
  return `format version ${version} is newer than kvdoctor knows: what is new in it is not checked`;
}

function checkMarkers({ malformed, obsolete, formatMarker, manifestMarker }: PebbleState): Finding[] {
  const findings = malformed.map((entry) =>
    findingAt(placeOf(entry), 'directory/marker-malformed', {
      message: 'the name begins like that of a marker and goes on otherwise: Pebble refuses to open',
      evidence: { engine: `invalid marker filename: ${JSON.stringify(entry.name)}` },
    }),
  );
  for (const entry of obsolete) {
    const name = entry.marker?.name;
    const newer = name === 'manifest' ? manifestMarker : name === 'format-version' ? formatMarker : undefined;
    findings.push(
      findingAt(placeOf(entry), 'directory/obsolete-marker', {
        message: `${newer?.name ?? 'another marker of this name'} has a higher iteration and counts`,
        evidence: newer === undefined ? {} : { counts: newer.name },
      }),
    );
  }
  return findings;
}

/** What OPTIONS says may lag behind the marker and is never ahead of it. */
function checkFormatVersion(
  { options, optionsFile, current }: Database,
  { formatVersion, formatMarker, manifestMarker }: PebbleState,
): Finding[] {
  const stated = options.pebble?.formatVersion;
  const said = stated === undefined ? '' : `; ${optionsFile?.entry.name} says ${stated}`;
  const evidence: Record<string, EvidenceValue> = stated === undefined ? {} : { options: stated };
  if (formatMarker === undefined) {
    const isLost = manifestMarker !== undefined || (stated ?? 1) > 1 || current?.decoded.number === 0n;
    if (!isLost) return [];
    return [
      findingAt({ file: likelyFormatMarker(stated) }, 'directory/format-version', {
        message: `there is no marker of the format version (it was most likely called so): Pebble takes the version for 1 and goes by CURRENT${said}`,
        evidence,
      }),
    ];
  }
  const place = placeOf(formatMarker);
  if (formatVersion === undefined) {
    const value = formatMarker.marker?.value ?? '';
    return [
      findingAt(place, 'directory/marker-malformed', {
        message: `the marker does not say a format version${said}`,
        evidence: {
          ...evidence,
          engine: `parsing format major version: strconv.ParseUint: parsing ${JSON.stringify(value)}: invalid syntax`,
        },
      }),
    ];
  }
  const problem =
    formatVersion === 0
      ? 'no format version is 0'
      : formatVersion > NEWEST_FORMAT_VERSION + TO_COME
        ? `no release has format version ${formatVersion}: kvdoctor knows them up to ${NEWEST_FORMAT_VERSION}`
        : stated !== undefined && stated > formatVersion
          ? `the marker says format version ${formatVersion}, and a directory never goes back`
          : undefined;
  if (problem === undefined) return [];
  const engine: Record<string, EvidenceValue> =
    formatVersion > NEWEST_FORMAT_VERSION + TO_COME
      ? { engine: `written in unknown format major version ${formatVersion}` }
      : {};
  return [
    findingAt(place, 'directory/format-version', {
      message: `${problem}${said}`,
      evidence: { ...evidence, ...engine },
    }),
  ];
}

/** The name that a marker most likely had: releases before 2.0 go from version 1 up, one move each. */
function likelyFormatMarker(version: number | undefined): string {
  if (version === undefined) return 'marker.format-version';
  const iteration = String(Math.max(version - 1, 1)).padStart(6, '0');
  return `marker.format-version.${iteration}.${String(version).padStart(3, '0')}`;
}

/** The same of the MANIFEST's: its iteration counts MANIFESTs, of which the one before the last is kept. */
function likelyManifestMarker(database: Database): string {
  const { manifest } = database;
  const least = String(manifestNames(database).length).padStart(6, '0');
  return manifest === undefined ? 'marker.manifest' : `marker.manifest.${least}.${manifest.entry.name}`;
}

/** That what counts names a MANIFEST, and that it is there. */
function checkNamed(database: Database, pebble: PebbleState, facts: readonly UnitFacts[]): Finding[] {
  const { manifest, unread } = database;
  const { formatMarker, manifestMarker, isNew, manifest: number } = pebble;
  const byMarker = formatMarker !== undefined;
  if (isNew) return holdsData(database) ? [deletesAll(database, pebble)] : [];
  if (byMarker && number === undefined && manifestMarker !== undefined) {
    const value = manifestMarker.marker?.value ?? '';
    return [
      findingAt(placeOf(manifestMarker), 'directory/marker-malformed', {
        message: 'the marker does not name a MANIFEST',
        evidence: { engine: `pebble: MANIFEST name ${JSON.stringify(value)} is malformed` },
      }),
    ];
  }
  const isUnread = unread.some(({ entry }) => entry.kind === 'manifest');
  if (number === undefined || manifest?.named === true || isUnread) return freshStart(database, facts);
  const name = fileName('manifest', number);
  const evidence = {
    otherManifests: manifestNames(database),
    engine: `pebble: could not open manifest file "${name}": no such file or directory`,
  };
  // Pebble names no MANIFEST before it is there: with another one in the directory it is CURRENT that is wrong
  const place = number === 0n || evidence.otherManifests.length > 0 ? 'CURRENT' : name;
  if (byMarker && manifestMarker !== undefined) {
    return [
      findingAt(placeOf(manifestMarker), 'directory/marker-dangling', {
        message: `the marker names ${name}, which is not in the directory`,
        evidence,
      }),
      findingAt({ file: name }, 'directory/missing-manifest', {
        message: `${manifestMarker.name} names it, and it is not there`,
        evidence,
      }),
    ];
  }
  return [
    findingAt({ file: place }, 'directory/missing-manifest', {
      message:
        number === 0n
          ? 'CURRENT names MANIFEST-000000, which stands there where markers name the MANIFEST: a marker is missing'
          : `CURRENT names ${name}, which is not in the directory`,
      evidence,
    }),
  ];
}

function manifestNames({ inventory }: Database): string[] {
  return inventory.entries.filter((e) => e.kind === 'manifest' && e.place === 'database').map((e) => e.file);
}

function holdsData({ inventory }: Database): boolean {
  return inventory.entries.some(
    ({ kind, place }) => place === 'database' && (kind === 'table' || kind === 'manifest' || kind === 'wal'),
  );
}

/** Files that a directory has in which Pebble has ever been open; OPTIONS is copied along with tables. */
const OF_A_DATABASE: ReadonlySet<FileNameKind> = new Set([
  'current',
  'manifest',
  'wal',
  'blob',
  'lock',
  'pebble-marker',
  'pebble-remote-catalog',
]);

/** Tables, with OPTIONS or without: a copy of them, or the remains of a database. Nothing tells which. */
function isTablesAlone({ inventory: { entries, unlistable }, unread, unreadable }: Database): boolean {
  const own = entries.filter(({ place }) => place === 'database');
  const isUnknown = unlistable.length + unread.length + unreadable.length > 0;
  return (
    !isUnknown &&
    own.some(({ kind }) => kind === 'table') &&
    !own.some(({ kind, name }) => OF_A_DATABASE.has(kind) || name.startsWith('marker.'))
  );
}

function tablesAlone({ inventory }: Database): Finding {
  const tables = inventory.entries.filter((e) => e.kind === 'table' && e.place === 'database').length;
  return findingAt({ file: '.' }, 'directory/marker-missing', {
    severity: 'warning',
    message:
      'these are tables without their database (no CURRENT, marker, MANIFEST, WAL or LOCK): each is checked by itself. ' +
      'Do not let Pebble open the directory: it would take it for a new one and delete them',
    evidence: { tables },
  });
}

/** Why tables without their database are not all of what was asked. */
export function uncheckedRemains(database: Database): string | undefined {
  return database.pebble !== undefined && isTablesAlone(database)
    ? 'tables stand here without their database: whether others belong to them, and which of them count, nothing tells'
    : undefined;
}

function deletesAll(database: Database, { formatMarker, manifestMarker }: PebbleState): Finding {
  const { inventory, manifest, current } = database;
  const byMarker = formatMarker !== undefined;
  const count = (kind: string) =>
    inventory.entries.filter((e) => e.kind === kind && e.place === 'database').length;
  const whole = manifest?.replay.complete === true;
  const named = current?.decoded.number;
  // CURRENT counts up to format version 2 and is not one of those that markers leave
  const isAdded = byMarker && named !== undefined && named !== 0n && current?.decoded.anomalies.length === 0;
  const what = isAdded
    ? `this marker makes markers count, and none names a MANIFEST (CURRENT names ${current?.decoded.manifest})`
    : byMarker
      ? 'no marker names a MANIFEST'
      : 'there is no CURRENT';
  const likely = byMarker || manifestMarker !== undefined ? likelyManifestMarker(database) : 'CURRENT';
  const place = isAdded ? placeOf(formatMarker!) : { file: likely };
  const hint = whole ? `; ${manifest.entry.file} is whole and is most likely what was named` : '';
  return findingAt(place, 'directory/marker-missing', {
    message:
      `Do not open it: ${what}, so that Pebble takes the directory for a new one, deletes its ${count('table')} tables and ` +
      `reports no error${hint}`,
    evidence: { manifests: manifestNames(database), tables: count('table'), wals: count('wal') },
  });
}

/** It has happened: a MANIFEST as Pebble writes it for a new directory, beside tables that it never named. */
function freshStart(database: Database, facts: readonly UnitFacts[]): Finding[] {
  const { manifest, version, inventory, pebble } = database;
  if (manifest === undefined || version === undefined || pebble === undefined) return [];
  const { replay, entry } = manifest;
  const family = version.columnFamilies.get(0);
  if (!replay.complete || replay.lastTables.length > 0 || (family?.tables.size ?? 0) > 0) return [];
  const next = version.nextFileNumber ?? 0n;
  const known = new Set(pebble.ingested.keys());
  const tables = inventory.entries.filter(
    (e) =>
      e.kind === 'table' && e.place === 'database' && !known.has(e.number ?? 0n) && (e.number ?? 0n) >= next,
  );
  const others = inventory.entries.filter(
    (e) => e.kind === 'manifest' && e.place === 'database' && e !== entry && e.size > entry.size,
  );
  if (tables.length === 0 || (others.length === 0 && replay.records > 2)) return [];
  if (others.length === 0 && areFirstFlush(database, tables, facts)) return [];
  return [
    findingAt(placeOf(entry), 'directory/current-names-empty-manifest', {
      offset: 0,
      length: entry.size,
      message: `Do not open it: ${entry.name} is that of a new directory, and ${tables.length} tables that it never named are here, which Pebble deletes`,
      evidence: { named: entry.file, larger: others.map(({ file }) => file), tables: tables.length },
    }),
  ];
}

/** Whether tables are what a new database was killed over when it flushed its first logs: these hold all that they do. */
function areFirstFlush(
  database: Database,
  tables: readonly InventoryEntry[],
  facts: readonly UnitFacts[],
): boolean {
  const spans = facts.flatMap((f) =>
    f.kind === 'wal' && f.number >= database.walCutoff ? (spanOfWal(f) ?? []) : [],
  );
  if (spans.length === 0) return false;
  return tables.every(({ file }) => {
    const found = facts.find((f) => f.kind === 'table' && f.file === file);
    const held = found?.kind === 'table' ? spanOfTable(found) : undefined;
    // one of which nothing can be read has no end yet
    if (held === undefined) return true;
    return spans.some(({ first }) => first <= held.first) && spans.some(({ last }) => last >= held.last);
  });
}

/** CURRENT where it counts; where markers do, only that it says so. */
function checkCurrentFile({ current, unread, unreadable }: Database, pebble: PebbleState): Finding[] {
  const byMarker = pebble.formatMarker !== undefined;
  if (current === undefined) {
    const isUnread = [...unread, ...unreadable].some(({ entry }) => entry.kind === 'current');
    return isUnread || !byMarker || (pebble.formatVersion ?? 0) < FIRST_WITH_SENTINEL
      ? []
      : [
          findingAt({ file: 'CURRENT' }, 'directory/unused-file', {
            message: 'it is not there; nothing reads it from format version 2 on',
          }),
        ];
  }
  const { decoded, entry } = current;
  const isOdd =
    decoded.anomalies.length > 0 ||
    (byMarker && decoded.number !== 0n && (pebble.formatVersion ?? 0) >= FIRST_WITH_SENTINEL);
  if (byMarker && isOdd) {
    return [
      findingAt(placeOf(entry), 'directory/unused-file', {
        message: 'it does not hold what Pebble writes into it; nothing reads it from format version 2 on',
      }),
    ];
  }
  if (byMarker) return [];
  const isRead = decoded.spacedNumber !== undefined;
  return decoded.anomalies.map(
    ({ rule, message, evidence: { engine: _, ...evidence } = {}, offset, length }) =>
      findingAt(placeOf(entry), rule, {
        offset,
        length,
        ...(isRead && { severity: 'warning' as const }),
        message: isRead ? 'CURRENT has white space beside the name, which Pebble leaves out' : message,
        evidence: {
          ...evidence,
          ...(!isRead && { engine: `pebble: CURRENT file is ${entry.size === 0 ? 'empty' : 'malformed'}` }),
        },
      }),
  );
}

/** Files that Pebble does not read, with what it does with each. */
export function unusedPebbleFiles(database: Database): Finding[] {
  const { inventory, manifest, version, walCutoff, optionsFile, pebble } = database;
  if (manifest?.named !== true || version === undefined || pebble === undefined) return [];
  const used = new Set<bigint>([...pebble.ingested.keys(), ...version.backings.keys()]);
  for (const family of version.columnFamilies.values())
    for (const table of family.tables.values()) used.add(fileBehind(version, table).number);
  const values = numbersOfValueFiles(version);
  const { complete } = manifest.replay;
  const findings: Finding[] = [];
  for (const entry of inventory.entries) {
    const { kind, number = 0n, place } = entry;
    if (place === 'archive') {
      findings.push(
        findingAt(placeOf(entry), 'directory/unused-file', {
          message: 'it is not read: archive/ holds deleted files',
        }),
      );
      continue;
    }
    if (place !== 'database') continue;
    const add = (rule: Finding['rule'], message: string) =>
      findings.push(findingAt(placeOf(entry), rule, { message }));
    if (kind === 'temporary')
      add('directory/stale-temporary', 'a temporary file was left behind; it is not read');
    else if (kind === 'pebble-marker' && entry.size > 0)
      add('directory/unused-file', 'what it holds is not read: a marker is its name');
    else if (kind === 'manifest' && entry.file !== manifest.entry.file)
      add('directory/unused-file', `it is not read: ${manifest.entry.name} is the one that counts`);
    else if (kind === 'wal' && number < walCutoff)
      add('directory/unused-file', `it is not read: its number is below the log number ${walCutoff}`);
    else if (kind === 'options' && entry.file !== optionsFile?.entry.file)
      add('directory/unused-file', `it is not read: ${optionsFile?.entry.name} is newer`);
    else if (kind === 'table' && !isCanonical(entry))
      add('directory/unused-file', `it is not read: Pebble looks for ${fileName('table', number)}`);
    else if ((kind === 'table' && !used.has(number)) || (kind === 'blob' && !values.has(number))) {
      const may = complete ? 'Pebble deletes it when it opens' : 'an edit that is lost may have named it';
      add(
        kind === 'blob' ? 'directory/orphan-blob' : 'directory/orphan-table',
        `${manifest.entry.name} does not name it; ${may}`,
      );
    } else if (kind === 'other' && !entry.name.startsWith('marker.') && entry.name !== PROBE)
      add('directory/unused-file', 'Pebble neither reads nor deletes a file of this name');
  }
  return findings;
}
