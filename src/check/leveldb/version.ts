/**
 * What must hold in a LevelDB directory whatever LevelDB checks: it believes the numbers of its MANIFEST, replays every WAL from
 * its log number on, and deletes what it does not name (leveldb db/db_impl.cc `Recover`, `RemoveObsoleteFiles`).
 */
import type { Database } from '../../engine/database.js';
import type { Finding, Range } from '../../finding/finding.js';
import { type FindingPlace, findingAt, placeOf } from '../../finding/finding-at.js';
import { dialectNamed } from '../../format/dialect.js';
import { fileName } from '../../format/filename.js';
import type { ManifestNumbers } from '../../format/manifest/replay.js';
import type { Version } from '../../format/manifest/version.js';
import {
  comparatorNamed,
  isApplicationsOrder,
  type ShownOrder,
  shownOrderOf,
} from '../../format/sst/comparator.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { beyondStated, forsakenTables, largestSequenceOf, spanOfWal } from '../sequence-spans.js';
import type { TableFacts, WalFacts } from '../unit.js';

/** What the files of a directory have shown. */
interface LevelDbFiles {
  /** Every table that could be read, live or not. */
  tables: readonly TableFacts[];
  /** Every WAL, in ascending order of number. */
  wals: readonly WalFacts[];
}

/** A file number this far above next_file_number cannot have been given out by this database. */
const FAR = 64n;

export function checkLevelDb(database: Database, files: LevelDbFiles): Finding[] {
  const { manifest, version } = database;
  const family = version?.columnFamilies.get(0);
  if (manifest === undefined || !manifest.replay.complete || version === undefined || family === undefined)
    return [];
  const named = new Set(family.tables.keys());
  const stray = strayWals(database, files.wals);
  const state: State = {
    version,
    manifest: placeOf(manifest.entry),
    numbers: manifest.replay.numbers,
    logNumber: family.logNumber,
    live: files.tables.filter(({ number }) => number !== undefined && named.has(number)),
    wals: files.wals.filter((wal) => wal.number >= database.walCutoff && !stray.includes(wal)),
    dead: files.wals.filter(({ number }) => number < database.walCutoff),
  };
  return [
    ...checkComparator(database, state),
    ...checkLogNumber(database, state),
    ...checkLastSequence(state),
    ...stray.map((wal) => strayFinding(wal, state)),
    ...checkForsaken(files.tables, named, new Set(manifest.replay.lastTables), state),
  ];
}

interface State {
  version: Version;
  manifest: FindingPlace;
  numbers: ManifestNumbers;
  logNumber: bigint;
  live: readonly TableFacts[];
  wals: readonly WalFacts[];
  dead: readonly WalFacts[];
}

/** A directory opens for programs that bring the comparator which its MANIFEST names. */
function checkComparator({ inventory }: Database, { version, manifest, numbers }: State): Finding[] {
  const { name, shown } = shownOrderOf(version.columnFamilies.get(0)?.comparator ?? '');
  if (comparatorNamed(name || undefined).order !== 'unknown') return [];
  // tables of a compressed archive are read later, when they pass
  const isUnseen =
    shown === undefined &&
    inventory.entries.some(({ kind, source }) => kind === 'table' && source.kind === 'archived');
  const tables = isUnseen
    ? 'the keys in the tables cannot be looked at before they are checked'
    : shown === undefined
      ? 'there are too few keys in tables to tell their order'
      : `the keys in the tables stand in ${shownOrders[shown]}`;
  return [
    findingAt(manifest, 'manifest/unknown-comparator', {
      ...(numbers.comparator ?? {}),
      ...(isApplicationsOrder(shown) && { severity: 'note' as const }),
      ...(isUnseen && { severity: 'warning' as const }),
      message: `the keys are ordered by ${name}, which is not known; ${tables}`,
      evidence: {
        comparator: name,
        ...(!isApplicationsOrder(shown) && {
          engine: `Invalid argument: ${name} does not match existing comparator : ${comparatorNamed().name}`,
        }),
      },
    }),
  ];
}

const shownOrders: Readonly<Record<ShownOrder, string>> = {
  bytewise: "the order of their bytes, which is that of LevelDB's own comparator",
  reverse: 'the reverse order of their bytes, which is taken for all that follows',
  unknown: 'an order of its own',
};

/** A WAL is begun before the edit that names it, and goes after the edit that names its successor. */
function checkLogNumber({ inventory }: Database, state: State): Finding[] {
  const { logNumber, manifest, numbers, wals, dead, live } = state;
  const reached = largestSequenceOf(live);
  const place = { ...(numbers.logNumber ?? {}) };
  const isHere = inventory.entries.some(
    (e) => e.kind === 'wal' && e.place === 'database' && e.number === logNumber,
  );
  const flushed = wals.find((wal) => {
    const span = spanOfWal(wal);
    return span !== undefined && span.last <= reached;
  });
  if (flushed !== undefined) {
    return [
      findingAt(manifest, 'manifest/log-number', {
        ...place,
        severity: 'warning',
        message: `the log number is ${logNumber}, so ${flushed.file} is replayed, although the tables hold its operations: they go up to ${reached}`,
        evidence: { logNumber: String(logNumber), replayed: flushed.file },
      }),
    ];
  }
  if (logNumber !== 0n && !isHere) {
    const unflushed = dead.filter((wal) => (spanOfWal(wal)?.last ?? 0n) > reached);
    const name = fileName('wal', logNumber);
    if (unflushed.length === 0) {
      const elsewhere = inventory.entries.some((e) => e.kind === 'wal' && e.place !== 'database');
      return [
        findingAt({ file: name }, 'directory/missing-wal', {
          ...(elsewhere && { severity: 'warning' as const }),
          message: `${manifest.file} begins with this WAL, which LevelDB makes before it names it; it is not there, and LevelDB opens without it`,
          evidence: { logNumber: String(logNumber) },
        }),
      ];
    }
    const files = unflushed.map(({ file }) => file);
    return [
      findingAt(manifest, 'manifest/log-number', {
        ...place,
        message: `the log number is ${logNumber}, and ${name} is not there; LevelDB ignores and deletes ${files.join(', ')}, whose operations no table holds`,
        evidence: { logNumber: String(logNumber), ignored: files },
      }),
    ];
  }
  return [];
}

/** Reads see nothing above the last sequence, which LevelDB takes from the MANIFEST and from what it replays. */
function checkLastSequence({ version, manifest, numbers, wals, live }: State): Finding[] {
  const beyond = beyondStated(version.lastSequence ?? 0n, live, wals);
  if (beyond === undefined) return [];
  const { block, evidence, hidden, largest, reached, stated, tables } = beyond;
  if (block !== undefined) {
    return [
      findingAt({ file: block.file }, 'sequence/last-sequence-too-low', {
        offset: block.offset,
        length: block.length,
        message: `holds sequence ${largest} in one block alone, but LevelDB would start from ${reached}: no read sees it`,
        evidence,
      }),
    ];
  }
  return [
    findingAt(manifest, 'sequence/last-sequence-too-low', {
      ...(numbers.lastSequence ?? {}),
      ...(!hidden && { severity: 'warning' as const }),
      message: `the last sequence is ${stated}, but live tables go up to ${largest}${
        hidden ? `: no read sees what is above ${reached}` : '; the WALs reach beyond'
      }`,
      evidence: { ...evidence, tables: tables.slice(0, 20).map(({ file }) => file) },
    }),
  ];
}

/** WALs whose number is far above all that were given out: LevelDB merges them silently. */
export function strayWals({ inventory, version }: Database, wals: readonly WalFacts[]): WalFacts[] {
  const next = version?.nextFileNumber;
  if (next === undefined) return [];
  const given = inventory.entries
    .filter((e) => e.place === 'database' && e.number !== undefined && e.number < next + FAR)
    .reduce((most, { number = 0n }) => (number > most ? number : most), next);
  return wals.filter(({ number }) => number >= given + FAR);
}

function strayFinding(wal: WalFacts, { wals, dead, manifest }: State): Finding {
  const span = spanOfWal(wal);
  const isCopy =
    span === undefined ||
    [...dead, ...wals].some(
      (own) =>
        own.size === wal.size &&
        own.firstSequence === wal.firstSequence &&
        own.nextSequence === wal.nextSequence,
    );
  return findingAt({ file: wal.file }, 'directory/stray-wal', {
    ...(isCopy && { severity: 'warning' as const }),
    message: isCopy
      ? `its number is far above all that ${manifest.file} has given out, and another WAL holds the same operations: a copy that LevelDB replays once more`
      : `its number is far above all that ${manifest.file} has given out: LevelDB merges what it holds without a look at its sequence numbers`,
    evidence:
      span === undefined ? {} : { firstSequence: String(span.first), lastSequence: String(span.last) },
  });
}

/** LevelDB deletes them when it opens. */
function checkForsaken(
  tables: readonly TableFacts[],
  named: ReadonlySet<bigint>,
  lately: ReadonlySet<bigint>,
  { manifest, numbers, wals, live, logNumber }: State,
): Finding[] {
  const known = (number: bigint) => named.has(number) || lately.has(number);
  const { flushWithoutTable } = numbers;
  return forsakenTables(tables, { known, logNumber }, live, wals).map(
    ({ table: { file, size }, span: { first, last } }) =>
      findingAt(flushWithoutTable ? manifest : { file }, 'directory/forsaken-table', {
        ...(flushWithoutTable ?? { offset: 0, length: size }),
        message: `${manifest.file} never named ${file}, whose sequences ${first}–${last} are in no other file: LevelDB deletes it when it opens`,
        evidence: { smallestSequence: String(first), largestSequence: String(last) },
      }),
  );
}

/** Files that LevelDB does not read, each with the reason: what is wrong with them costs nothing. */
export function unusedFiles(database: Database): Finding[] {
  const { inventory, manifest, walCutoff, version } = database;
  if (manifest?.named !== true) return [];
  const { table } = dialectNamed(database.dialect).names;
  const own = inventory.entries.filter(({ place }) => place === 'database');
  const names = new Set(own.map(({ name }) => name));
  const reasonFor = ({ kind, number = 0n, name }: InventoryEntry): string | undefined => {
    if (kind === 'manifest' && number !== manifest.entry.number)
      return `CURRENT names ${manifest.entry.name}, not this one`;
    if (kind === 'wal' && version !== undefined && number < walCutoff)
      return `its number is below the log number ${walCutoff}: LevelDB deletes it when it opens`;
    if (kind === 'table' && !name.endsWith(table) && names.has(fileName('table', number, table)))
      return `${fileName('table', number, table)} is read in its place`;
    return kind === 'other' ? 'LevelDB neither reads nor deletes a file of this name' : undefined;
  };
  return own.flatMap((entry) => {
    const reason = reasonFor(entry);
    return reason === undefined
      ? []
      : [findingAt(placeOf(entry), 'directory/unused-file', { message: `is not read: ${reason}` })];
  });
}

/** As `findingAt`, at a range of the MANIFEST. */
export function atManifest(finding: Finding, manifest: FindingPlace, range: Range): Finding {
  return { ...finding, ...manifest, offset: range.offset, length: range.length };
}
