/**
 * What must hold between the files of a Pebble directory: it replays every WAL from its log number on, believes the end of its
 * MANIFEST wherever it comes to it, and deletes what that does not name (pebble open.go, recovery.go).
 */
import type { Database } from '../../engine/database.js';
import { goneFirstWal } from '../../engine/pebble-first-wal.js';
import { atLeast } from '../../engine/version.js';
import type { Finding } from '../../finding/finding.js';
import { type FindingPlace, findingAt, placeOf } from '../../finding/finding-at.js';
import { byLog, fileName, lastSegments, segmentIn } from '../../format/filename.js';
import { END_MARK } from '../../format/log/physical.js';
import { fileBehind, type Version } from '../../format/manifest/version.js';
import { beyondStated, forsakenTables, spanOfWal } from '../sequence-spans.js';
import type { BlobFacts, TableFacts, WalFacts } from '../unit.js';
import { sequenceRange } from '../wal/evidence.js';
import { checkPebbleBlobs } from './blobs.js';
import { checkIngested } from './ingested.js';
import { ingests } from './severity.js';

/** What the files have shown. */
interface PebbleFiles {
  tables: readonly TableFacts[];
  /** In ascending order of number, dead ones included. */
  wals: readonly WalFacts[];
  blobs: readonly BlobFacts[];
}

export function checkPebbleVersion(database: Database, files: PebbleFiles): Finding[] {
  const { manifest, version, pebble } = database;
  const family = version?.columnFamilies.get(0);
  if (manifest === undefined || version === undefined || family === undefined || pebble === undefined)
    return [];
  const live = files.wals.filter(({ number }) => number >= database.walCutoff);
  const state: State = {
    database,
    version,
    manifest: placeOf(manifest.entry),
    named: filesNamed(version),
    tables: files.tables,
    wals: live,
    dead: files.wals.filter(({ number }) => number < database.walCutoff),
  };
  const newest = live.at(-1)?.number;
  const closed = lastSegments(live).filter(({ number }) => number !== newest);
  const ends = [...closed.flatMap(checkEnd), ...checkCopies(live, files.wals), ...checkSegments(database)];
  if (!manifest.named) return ends;
  return [
    ...ends,
    ...checkIngested(database, state.named, files.tables),
    ...(manifest.replay.complete
      ? [
          ...checkBackings(state),
          ...checkLogNumber(state),
          ...checkLastSequence(state),
          ...checkForsaken(state),
          ...checkPebbleBlobs(database, version, state.manifest, files),
        ]
      : []),
  ];
}

interface State {
  database: Database;
  version: Version;
  manifest: FindingPlace;
  /** Numbers of the files of live tables. */
  named: ReadonlySet<bigint>;
  tables: readonly TableFacts[];
  wals: readonly WalFacts[];
  dead: readonly WalFacts[];
}

function filesNamed(version: Version): Set<bigint> {
  const named = new Set(version.backings.keys());
  for (const { tables } of version.columnFamilies.values())
    for (const table of tables.values()) named.add(fileBehind(version, table).number);
  return named;
}

/** A log is closed before the next one is begun. */
function checkEnd({ file, tail, tailOffset, size, end }: WalFacts): Finding[] {
  if (tail === 'closed' || (tail !== 'clean' && tail !== 'recycled' && tail !== 'zero-fill')) return [];
  const isOver = tail === 'clean';
  return [
    findingAt({ file }, 'wal/no-end-mark', {
      ...(!isOver && { severity: 'error' as const }),
      offset: isOver ? end : tailOffset,
      length: isOver ? 0 : Math.min(size - tailOffset, END_MARK),
      message: isOver
        ? 'the log ends without the mark of a closed one, although a newer one was begun'
        : 'a newer log was begun, and what stands here is not the mark of a closed one: Pebble refuses to open',
      evidence: isOver ? {} : { engine: 'pebble/record: invalid chunk' },
    }),
  ];
}

/** Two files of one segment keep releases from 2.0 on from opening, whether the log counts or not. */
function checkSegments({ inventory, engineVersion }: Database): Finding[] {
  if (!atLeast(engineVersion, 2)) return [];
  const logs = inventory.entries
    .filter(({ kind, place }) => kind === 'wal' && (place === 'database' || place === 'wal-dir'))
    .sort(byLog);
  return logs.flatMap((log, i) => {
    const other = logs[i - 1];
    if (other === undefined || byLog(other, log) !== 0) return [];
    const where = other.root === undefined ? other.file : `${other.root}/${other.file}`;
    return findingAt(placeOf(log), 'wal/duplicate-segment', {
      message: `${where} is the same segment of log ${log.number}: Pebble refuses to open`,
      evidence: { other: where, engine: 'wal: duplicate logIndex' },
    });
  });
}

/** A log is written over an older one by giving that its name: one that is still here was not. */
function checkCopies(live: readonly WalFacts[], all: readonly WalFacts[]): Finding[] {
  return live.flatMap(({ file, number, records, heldBefore }) => {
    const other = all.find(
      (wal) =>
        Number(BigInt.asUintN(32, wal.number)) === heldBefore &&
        wal.number !== number &&
        // of a log that went on elsewhere the first file may have been taken, and the others be here
        segmentIn(wal.file) === 0,
    );
    if (records > 0 || other === undefined) return [];
    return [
      findingAt({ file }, 'wal/wrong-log-number', {
        message: `the log holds records of log ${heldBefore} and none of its own, and ${other.file} is here: a copy of it in this one's place`,
        evidence: { logNumber: String(number), found: heldBefore!, other: other.file },
      }),
    ];
  });
}

function checkBackings({ database, version, manifest }: State): Finding[] {
  const removed = version.unknownBackingRemoved;
  const stray =
    removed === undefined || atLeast(database.engineVersion, 2)
      ? []
      : [
          findingAt(manifest, 'manifest/missing-backing', {
            message: `an edit lets go of ${fileName('table', removed)} as a backing, which no edit before it names as one`,
            evidence: { engine: 'panic: pebble: trying to remove an unknown file backing' },
          }),
        ];
  const without = [...version.columnFamilies.values()].flatMap(({ tables }) =>
    [...tables.values()]
      .filter(({ backing }) => backing !== undefined && !version.backings.has(backing))
      .map(({ number, backing, entry }) =>
        findingAt(manifest, 'manifest/missing-backing', {
          ...entry,
          message: `table ${number} is a part of ${fileName('table', backing!)}, which no edit names as a backing`,
          evidence: { engine: 'TableBacking for virtual sstable must not be nil' },
        }),
      ),
  );
  return [...stray, ...without];
}

function isNamed({ number }: TableFacts, named: ReadonlySet<bigint>): boolean {
  return number !== undefined && named.has(number);
}

/** A WAL is made before an edit names it, and goes after one that names its successor. */
function checkLogNumber({ database, version, manifest, named, tables, wals, dead }: State): Finding[] {
  const logNumber = version.columnFamilies.get(0)?.logNumber ?? 0n;
  const place = database.manifest?.replay.numbers.logNumber ?? {};
  const { entry, replay } = database.manifest!;
  // the edit that flushed a WAL which is older than the MANIFEST may stand in the MANIFEST before it
  const unflushed = dead.filter(
    (wal) => wal.number > (entry.number ?? 0n) && (spanOfWal(wal)?.last ?? 0n) > replay.reach,
  );
  if (unflushed.length > 0) {
    const files = unflushed.map(({ file }) => file);
    // a flush leaves out what the last operations take back, a single deletion and its put; but another table of it may be lost
    const isBegun =
      unflushed.every((wal) => (spanOfWal(wal)?.first ?? 0n) <= replay.reach) &&
      !tables.some(
        ({ number = 0n, largestSequence = 0n }) => !named.has(number) && largestSequence > replay.reach,
      );
    return [
      findingAt(manifest, 'manifest/log-number', {
        ...place,
        ...(isBegun && { severity: 'warning' as const }),
        message: `the log number is ${logNumber}; Pebble ignores and deletes ${files.join(', ')}, ${isBegun ? 'of which no table holds the last operations' : 'whose operations no table holds'}`,
        evidence: { logNumber: String(logNumber), ignored: files },
      }),
    ];
  }
  const flushed = ingests(database)
    ? undefined
    : wals.find((wal) => (spanOfWal(wal)?.last ?? replay.reach + 1n) <= replay.reach);
  if (flushed !== undefined) {
    return [
      findingAt(manifest, 'manifest/log-number', {
        ...place,
        message: `the log number is ${logNumber}, so ${flushed.file} is replayed, although it has been flushed to tables`,
        evidence: { logNumber: String(logNumber), replayed: flushed.file },
      }),
    ];
  }
  const gone = goneFirstWal(database);
  if (gone === undefined) return [];
  const newer = database.inventory.entries.find(
    (e) => e.kind === 'manifest' && e.place === 'database' && (e.number ?? 0n) > (entry.number ?? 0n),
  );
  const names =
    database.pebble?.formatMarker === undefined
      ? { file: 'CURRENT' }
      : placeOf(database.pebble.manifestMarker!);
  // logs are begun without an edit; tables are not
  const next = version.nextFileNumber ?? 0n;
  const isOld =
    wals.some(({ number }) => number >= next) && tables.some(({ number }) => (number ?? 0n) >= next);
  if (newer !== undefined || isOld) {
    return [
      findingAt(newer === undefined ? manifest : names, 'manifest/log-number', {
        ...(newer === undefined ? place : {}),
        message: `${manifest.file} begins with ${gone}, which is gone${newer === undefined ? ', and newer files are here' : `, and ${newer.name} is newer`}: it is an older state`,
        evidence: { logNumber: String(logNumber) },
      }),
    ];
  }
  return [
    findingAt({ file: gone }, 'directory/missing-wal', {
      message: `${manifest.file} begins with this WAL, which Pebble makes before it names it; it is not there, and Pebble opens without it`,
      evidence: { logNumber: String(logNumber) },
    }),
  ];
}

/** Pebble goes on from the MANIFEST's last sequence or from what WALs reach: numbers that tables have must not come again. */
function checkLastSequence({ database, version, manifest, named, tables, wals }: State): Finding[] {
  const live = tables.filter((table) => isNamed(table, named) && !table.errors);
  const beyond = beyondStated(version.lastSequence ?? 0n, live, wals);
  if (beyond === undefined) return [];
  const { block, evidence, hidden, largest, stated } = beyond;
  return [
    findingAt(block === undefined ? manifest : { file: block.file }, 'sequence/last-sequence-too-low', {
      ...(block === undefined
        ? (database.manifest?.replay.numbers.lastSequence ?? {})
        : { offset: block.offset, length: block.length }),
      ...(!hidden && { severity: 'warning' as const }),
      message: `the last sequence is ${stated}, but live tables go up to ${largest}`,
      evidence,
    }),
  ];
}

/** Pebble deletes them; what a flush or compaction left that did not end holds nothing new. */
function checkForsaken({ database, version, manifest, named, tables, wals }: State): Finding[] {
  const lately = new Set(database.manifest?.replay.lastTables);
  const logNumber = version.columnFamilies.get(0)?.logNumber ?? 0n;
  const known = (number: bigint) =>
    named.has(number) || lately.has(number) || database.pebble?.ingested.has(number) === true;
  const live = tables.filter((table) => isNamed(table, named));
  return forsakenTables(tables, { known, logNumber }, live, wals).flatMap(
    ({ table: { file, size }, span }) => {
      // a table whose sequences are all 0 holds what a compaction wrote
      if (span.last === 0n) return [];
      const sequences = sequenceRange(span.first, span.last);
      return [
        findingAt(manifest, 'directory/forsaken-table', {
          message: `Do not open it: ${manifest.file} never named ${file} (${size} bytes), whose sequences ${sequences} are in no other file, and Pebble deletes it`,
          evidence: { table: file, sequences },
        }),
      ];
    },
  );
}
