import { isOlderTable } from '../../check/sequence-spans.js';
import { encodeLogRecords } from '../../encode/log/writer.js';
import { encodeVersionEdit } from '../../encode/manifest/edit.js';
import { type Database, filesOf } from '../../engine/database.js';
import { goneFirstWal } from '../../engine/pebble-first-wal.js';
import { FIRST_SEQUENCE } from '../../engine/pebble-opened.js';
import { atLeast } from '../../engine/version.js';
import { counted } from '../../finding/quantity.js';
import { fileName, isCanonical } from '../../format/filename.js';
import { emptyEdit } from '../../format/manifest/edit.js';
import {
  type ColumnFamily,
  fileBehind,
  type LiveTable,
  type Version,
} from '../../format/manifest/version.js';
import { pebbleSequenceOf } from '../../format/sst/properties.js';
import { openTable } from '../../format/sst/table.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { boundsOverlap } from '../../states/choice.js';
import { rebuildVersion } from '../../states/rebuild.js';
import { contentsOf, type FoundTable, findTables } from '../../states/tables.js';
import { follows, readWalContents, type WalContents } from '../../states/wals.js';
import { fileState } from '../content.js';
import { emptyPlan } from '../empty-plan.js';
import type { LossStatement, RepairPlan, RepairStep } from '../plan.js';
import { Refusal } from '../refusal.js';
import { FreeNumbers } from './metadata-write.js';
import { newFile, wholeEdits } from './pebble-edits.js';

/** Tables of the directory itself, under the names that Pebble looks for. */
export function ownTables({ inventory }: Database): InventoryEntry[] {
  return inventory.entries.filter(
    (entry) => entry.kind === 'table' && entry.place === 'database' && isCanonical(entry),
  );
}

/**
 * Plans a MANIFEST that leads to the tables that are here: its whole edits as they are, where they go together, and one more that
 * takes over the tables which no edit names and lets go of those that went into them; without such edits, one of the tables alone.
 * Levels follow from contents. `why`: what is wrong with the edits alone; `byTables`: take none of them. Refuses where a table does not say its own sequences, as
 * those that were ingested, and where it says what only lost edits tell.
 */
export async function planRebuiltManifest(
  database: Database,
  why: string,
  { byTables = false }: { byTables?: boolean } = {},
): Promise<RepairPlan> {
  const { manifest, target } = database;
  const named = manifest?.named ? manifest : undefined;
  const goesTogether = !byTables && named?.replay.error === undefined;
  const replay = goesTogether ? named?.replay : undefined;
  const place = named?.entry.file ?? fileName('manifest', 1n);
  const refuse = (what: string): never => {
    throw new Refusal(
      'refused',
      `${place} cannot be put together again (${why}): ${what}`,
      'do not open it: Pebble would delete what no MANIFEST names. Restore the MANIFEST, or the directory, from a backup',
    );
  };
  const old = replay?.version;
  if (database.pebble?.remote.size) refuse('tables lie in remote storage');
  // a blob file that no edit names Pebble deletes, and a table does not say which of them it refers to
  const blobs = database.inventory.entries.find(({ kind }) => kind === 'blob');
  if (blobs !== undefined)
    refuse(`values stand in blob files (${blobs.file}), and only its edits say which tables need them`);
  if (old === undefined && (named?.replay.version.backings.size ?? 0) > 0) refuse('tables are virtual');
  const wals = await readWalContents(database);
  const found = (await findTables(database)).filter(({ entry }) => entry.place === 'database');
  const known = new Set([...(replay?.lastTables ?? []), ...(old?.backings.keys() ?? [])]);
  for (const number of database.pebble?.ingested.keys() ?? []) known.add(number);
  const read = new Set(found.map(({ entry }) => entry));
  // one that was begun and is empty holds nothing
  const unread = ownTables(database).find(
    (entry) => entry.size > 0 && !read.has(entry) && !known.has(entry.number!),
  );
  if (unread !== undefined) refuse(`${unread.file}, which no edit names, cannot be read whole`);
  const rebuilt = await rebuildVersion(database, {
    found,
    wals,
    ...(replay && { replay }),
    known,
    foreign: new Set(),
    databaseIds: new Set(),
  });
  if (typeof rebuilt === 'string') return refuse(rebuilt);
  const { version } = rebuilt;
  const family = version.columnFamilies.get(0);
  if (family === undefined) return refuse('no table is left');
  const before = old?.columnFamilies.get(0)?.tables ?? new Map<bigint, LiveTable>();
  const added = [...family.tables.values()].filter(({ number }) => !before.has(number));
  const removed = [...before.values()].filter(({ number }) => !family.tables.has(number));
  const problem =
    (await unfit(database, found, added)) ?? missing(database, version) ?? overBacking(old, added, removed);
  if (problem !== undefined) refuse(problem);
  const twice = appliedTwice(family, wals);
  if (twice !== undefined) refuse(twice);
  const shared = await sharedEntry(
    database,
    found.filter(({ live }) => family.tables.has(live.number)),
    added,
    before,
  );
  if (shared !== undefined) refuse(shared);
  if (replay?.complete && added.length + removed.length === 0)
    refuse('the tables do not tell what is missing');
  const numbers = new FreeNumbers(database);
  const file = named?.entry.file ?? fileName('manifest', numbers.next());
  const log = newLog(database, family.logNumber, numbers);
  const comparator = family.comparator || found[0]?.comparator;
  const first = { ...emptyEdit(), comparator, nextFileNumber: 2n, lastSequence: 0n };
  const held = [...family.tables.values()].map((table) => ({
    first: table.smallestSequence,
    last: table.largestSequence,
  }));
  for (const { number, first, last } of wals)
    if (number >= family.logNumber && first !== undefined && last !== undefined) held.push({ first, last });
  // Pebble deletes what went into a table without sequences; that it was named and let go of says why
  const gone = found
    .map(({ live }) => ({ ...live, level: 0 }))
    .filter(
      ({ number, smallestSequence: from, largestSequence: to }) =>
        !(family.tables.has(number) || before.has(number) || known.has(number) || to === 0n) &&
        held.every(({ first, last }) => to < first || from > last),
    );
  const last = {
    ...emptyEdit(),
    logNumber: log.number,
    lastSequence: version.lastSequence ?? 0n,
    deletedFiles: [...removed, ...gone].map(({ level, number }) => ({ level, number, offset: 0, length: 0 })),
    newFiles: added.map(newFile),
    nextFileNumber: numbers.next(),
  };
  const edits =
    replay === undefined ? [encodeVersionEdit(first)] : await wholeEdits(database, manifest!.entry);
  const history =
    gone.length === 0 ? [] : [encodeVersionEdit({ ...emptyEdit(), newFiles: gone.map(newFile) })];
  const bytes = encodeLogRecords([...edits, ...history, encodeVersionEdit(last)]);
  const inputs = [...(named ? [named.entry] : []), ...found.map(({ entry }) => entry)];
  return {
    ...emptyPlan(database, 'metadata'),
    inputs: await Promise.all(inputs.map(({ file: path }) => fileState(target, { path }))),
    steps: [
      ...log.steps,
      {
        action: 'write',
        path: file,
        why: `${why}; it is put together from ${replay === undefined ? 'the tables' : 'its whole edits and the tables'} that are here`,
        changes: [
          {
            kind: named === undefined ? 'create-file' : 'rewrite',
            offset: 0,
            length: named?.entry.size ?? bytes.length,
            detail: `${replay === undefined ? '' : `${counted(edits.length, 'whole edit')}, and `}one that names ${counted(added.length, 'table')}${gone.length === 0 ? '' : `, after one that names the ${counted(gone.length, 'table')} that went into them`}`,
          },
        ],
        content: [{ from: 'plan', bytes }],
      },
    ],
    loss: [
      // what came after the end of an older MANIFEST is as unknown
      ...((replay === undefined || replay.complete) && ownTables(database).length > 0
        ? [{ file, detail: UNKNOWN_EDITS, facts: {} }]
        : []),
      ...(family.tables.size === 0 ? beforeLogs(file, wals, log.number) : []),
      ...rebuilt.unaccounted.map((table) => lostTable(file, table)),
    ],
    remarks: rebuilt.remarks,
  };
}

/**
 * Whether a MANIFEST that is whole is of an older moment than the tables: one that it never named holds sequences that neither the
 * tables that it names nor the WALs have, or higher ones than any table that it named; or it never named a table, or none of those that
 * are younger than all that it did, and the first log is not one that follows it. What a flush, a compaction or an ingest left that did not end holds nothing new.
 */
export async function isOlderManifest(database: Database): Promise<boolean> {
  const { manifest, version, inventory, pebble, walCutoff } = database;
  const live = [...(version?.columnFamilies.get(0)?.tables.values() ?? [])];
  const { lastTables = [], reach = 0n } = manifest?.replay ?? {};
  const known = new Set([...lastTables, ...(pebble?.ingested.keys() ?? [])]);
  const unnamed = ownTables(database).filter(({ number }) => !known.has(number!));
  if (unnamed.length === 0) return false;
  const read = await findTables({ ...database, inventory: { ...inventory, entries: unnamed } });
  const wals = (await readWalContents(database)).filter(({ number }) => number >= walCutoff);
  const logged = wals.flatMap(({ first, last }) =>
    first === undefined || last === undefined ? [] : { first, last },
  );
  const undecided = new Set(
    read.flatMap(({ live: { number, largestSequence: last } }) =>
      isOlderTable({ number, last }, walCutoff, logged) ? [] : [number],
    ),
  );
  // of one that cannot be read its number alone tells
  if (unnamed.every(({ number }) => number! < walCutoff && !undecided.has(number!))) return false;
  const found = read.filter(({ live }) => undecided.has(live.number));
  // a log brings ingested ones in, which may be gone
  const isYounger = ({ ingested, live: { number } }: FoundTable) =>
    !ingested && lastTables.every((named) => number > named);
  // sequences of a compaction into the lowest level are 0: they may be those between the MANIFEST and the logs
  if ((lastTables.length === 0 || found.some(isYounger)) && !followsAtOnce(database, logged)) return true;
  if (goneInto(database, found)) return true;
  const covered = [
    ...live.map(({ smallestSequence, largestSequence }) => ({
      first: smallestSequence,
      last: largestSequence,
    })),
    ...logged,
  ];
  return found.some(({ live: { number, smallestSequence: from, largestSequence: to } }) => {
    if (to === 0n) return false;
    const isBeyond = number > (manifest?.entry.number ?? 0n) && to > reach;
    return (
      !covered.some(({ first, last }) => to >= first && from <= last) ||
      (isBeyond && !logged.some(({ first, last }) => to >= first && to <= last))
    );
  });
}

/**
 * Whether tables that the MANIFEST names are gone, and one that it never named is younger than all that it did: a compaction deletes what
 * went into its outputs when an edit has said so. Their sequences do not tell: it sets them to 0.
 */
function goneInto(database: Database, unnamed: readonly FoundTable[]): boolean {
  const { version, manifest, pebble } = database;
  const { lastTables } = manifest!.replay;
  const here = new Set(ownTables(database).map(({ number }) => number));
  const live = [...(version?.columnFamilies.get(0)?.tables.values() ?? [])];
  const isGone = (number: bigint) => !here.has(number) && !pebble?.remote.has(number);
  return (
    unnamed.some(({ live: { number } }) => lastTables.every((named) => number > named)) &&
    live.some((table) => isGone(fileBehind(version!, table).number))
  );
}

/** Whether the logs go on where the MANIFEST ends. */
function followsAtOnce(database: Database, logged: readonly { first: bigint }[]): boolean {
  if (goneFirstWal(database) !== undefined) return false;
  const last = database.version?.lastSequence ?? 0n;
  const next = last < FIRST_SEQUENCE ? FIRST_SEQUENCE : last + 1n;
  return logged.length === 0 || logged[0].first <= next;
}

/** What only a MANIFEST knew. */
const UNKNOWN_EDITS =
  'which tables a compaction had replaced and what had been excised: of a table that was about to be deleted, older and deleted entries may show again';

/** What tables held that are all gone. `from`: the first log that is read. */
function beforeLogs(file: string, wals: readonly WalContents[], from: bigint): LossStatement[] {
  const [first = FIRST_SEQUENCE] = wals.flatMap((wal) => (wal.number < from ? [] : (wal.first ?? [])));
  if (first <= FIRST_SEQUENCE) return [];
  const detail = `all that was written before sequence ${first}, with which the logs begin: no table is left`;
  return [{ file, detail, facts: { lastSequence: String(first - 1n) } }];
}

/**
 * A compaction changes a merge into a put under the same sequence: tables that share one are not told apart. It sets a sequence to 0
 * where nothing lies below, so that of two tables with one key so one has gone, or was ingested: which of them nothing tells.
 */
async function sharedEntry(
  database: Database,
  live: readonly FoundTable[],
  added: readonly LiveTable[],
  stated: ReadonlyMap<bigint, LiveTable>,
): Promise<string | undefined> {
  if (added.length === 0) return undefined;
  const contents = await contentsOf(live, filesOf(database).open);
  if (contents === undefined) return 'the tables hold more than can be compared in memory';
  const seen = new Map<string, bigint>();
  const isAdded = new Set(added.map(({ number }) => number));
  for (const [number, keys] of contents) {
    const table = stated.get(number);
    const one = table && pebbleSequenceOf(table);
    for (const [key, versions] of keys)
      for (const version of versions) {
        const sequence = one ?? version.sequence;
        const id = `${sequence} ${key}`;
        const other = seen.get(id);
        const isNamed = !isAdded.has(number) && (other === undefined || !isAdded.has(other));
        if (other !== undefined && other !== number && !(sequence === 0n && isNamed))
          return sequence === 0n
            ? `tables ${other} and ${number} hold the same key without a sequence: which of them is newer is not known`
            : `tables ${other} and ${number} hold the same operation: which was made from which is not known`;
        seen.set(id, number);
      }
  }
  return undefined;
}

/**
 * A log whose operations are in tables is replayed over them: merges and single deletions are then applied twice, and over a hole
 * what was deleted comes back. Entries of sequence 0 do not tell which log they came from: a table can hold those of logs with a lower
 * number than its own.
 */
function appliedTwice({ tables, logNumber }: ColumnFamily, wals: readonly WalContents[]): string | undefined {
  let flushed = 0n;
  let compacted = 0n;
  for (const { number, smallestSequence, largestSequence } of tables.values()) {
    if (largestSequence > flushed) flushed = largestSequence;
    if (smallestSequence === 0n && number > compacted) compacted = number;
  }
  const replayed = wals.filter(({ number, first }) => number >= logNumber && first !== undefined);
  const isHeld = ({ number, first }: WalContents) => first! <= flushed || number < compacted;
  const twice = replayed.find((wal) => isHeld(wal) && wal.families.get(0)?.onceOnly);
  if (twice !== undefined)
    return `${twice.entry.file} holds merges or single deletions that tables may hold, too`;
  const hole = replayed.findIndex((wal, i) => i > 0 && !follows(wal, replayed[i - 1]));
  return hole > 0 && isHeld(replayed[hole - 1])
    ? `sequences are missing between ${replayed[hole - 1].entry.file} and ${replayed[hole].entry.file}, and tables may hold what the first of them does`
    : undefined;
}

function lostTable(file: string, { number, level }: LiveTable): LossStatement {
  return {
    file,
    detail: `table ${number} of level ${level} is gone, and the tables that are here do not show that all of it went into them`,
    facts: { table: String(number) },
  };
}

/** Why a table cannot be taken over: what a MANIFEST says of it stands nowhere else. */
async function unfit(
  database: Database,
  found: readonly FoundTable[],
  added: readonly LiveTable[],
): Promise<string | undefined> {
  for (const live of added) {
    const own = found.find((each) => each.live.number === live.number);
    if (own === undefined) continue;
    const { entry } = own;
    if (mayBeIngested(database, own) && found.some((other) => other !== own && boundsOverlap(own, other)))
      return `${entry.file} holds no sequences and may have been ingested: whether it is newer than what it overlaps nothing tells`;
    const source = await filesOf(database).open(entry.source);
    try {
      const table = await openTable(source, { dialect: 'pebble' });
      if (table.properties?.has('external_sst_file.version'))
        return `${entry.file} was ingested, and its sequence stood in the lost edit alone`;
      if (table.rangeKeys.length > 0) return `${entry.file} holds range keys, whose bounds are not known`;
    } finally {
      await source.close();
    }
  }
  return undefined;
}

/** Tables of releases from 2.0 on do not say that they were ingested. Those of the lowest level have no sequences, either. */
function mayBeIngested(
  { pebble, assumed, optionsFile, options }: Database,
  { live, entries }: FoundTable,
): boolean {
  const openedByFirst = optionsFile !== undefined && options.pebble?.keySchema === undefined;
  const byFirst = assumed.by === 'caller' ? !atLeast(assumed.version, 2) : openedByFirst;
  const canBe = (pebble?.formatVersion ?? 1) >= OLDEST_OF_SECOND && !byFirst;
  return canBe && live.largestSequence === 0n && entries > 0;
}

/** Releases from 2.0 on have no older format version. */
const OLDEST_OF_SECOND = 13;

/** Tables that are named and not here as they are named. */
function missing(database: Database, version: Version): string | undefined {
  const sizes = new Map(ownTables(database).map(({ number, size }) => [number, BigInt(size)]));
  for (const table of version.columnFamilies.get(0)?.tables.values() ?? []) {
    const { number, size } = fileBehind(version, table);
    if (sizes.get(number) !== size) return `table ${table.number} is not here as the edits have it`;
  }
  return undefined;
}

/** Edits about virtual tables are not made up. */
function overBacking(
  old: Version | undefined,
  added: readonly LiveTable[],
  removed: readonly LiveTable[],
): string | undefined {
  const isVirtual = removed.some(({ backing }) => backing !== undefined);
  return isVirtual || ((old?.backings.size ?? 0) > 0 && added.length > 0) ? 'tables are virtual' : undefined;
}

/** The log number: that of a WAL that is here, or of one that is made, empty, where all that are here have been flushed. */
function newLog(
  { inventory }: Database,
  number: bigint,
  numbers: FreeNumbers,
): { number: bigint; steps: RepairStep[] } {
  const wals = inventory.entries.filter(({ kind }) => kind === 'wal');
  if (number === 0n || wals.some((wal) => wal.number === number)) return { number, steps: [] };
  const made = numbers.next();
  const step: RepairStep = {
    action: 'write',
    path: fileName('wal', made),
    why: 'the WALs that are here have been flushed; the MANIFEST begins with one that is there',
    changes: [{ kind: 'create-file', offset: 0, length: 0, detail: 'an empty log' }],
    content: [],
  };
  return { number: made, steps: [step] };
}
