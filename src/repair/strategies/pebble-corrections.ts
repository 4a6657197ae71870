import { ingests } from '../../check/pebble/severity.js';
import { encodeLogRecords } from '../../encode/log/writer.js';
import { encodeVersionEdit } from '../../encode/manifest/edit.js';
import { type Database, filesOf } from '../../engine/database.js';
import { decodeVersionEdit } from '../../format/manifest/decode.js';
import { emptyEdit, type NewFile, type VersionEdit } from '../../format/manifest/edit.js';
import { replayManifest } from '../../format/manifest/replay.js';
import { tags } from '../../format/manifest/tags.js';
import type { LiveTable } from '../../format/manifest/version.js';
import {
  type Comparator,
  comparatorNamed,
  compareBytes,
  compareInternalKeys,
} from '../../format/sst/comparator.js';
import { isOwn } from '../../states/join.js';
import { readWalContents, type WalContents } from '../../states/wals.js';
import { fileState } from '../content.js';
import { emptyPlan } from '../empty-plan.js';
import { placeIn } from '../place.js';
import type { RepairPlan } from '../plan.js';
import { FreeNumbers } from './metadata-write.js';
import { newFile, wholeEdits } from './pebble-edits.js';

/** What an edit of a MANIFEST gets wrong, and the edit that puts it right. */
interface Correction extends Pick<VersionEdit, 'logNumber' | 'deletedFiles' | 'newFiles'> {
  why: string;
  detail: string;
}

/**
 * Plans one edit more for a MANIFEST whose edits are all whole, where one of them says what cannot be: a log number by which a WAL is
 * left out that no table holds, or one is replayed that tables hold; a flush to a level other than 0; a table beside the one that it
 * went into. One that moves a table and leaves it on its old level, too, is completed. `undefined`: there is no such thing, or
 * nothing proves what is right.
 */
export async function planCorrectedManifest(database: Database): Promise<RepairPlan | undefined> {
  const { manifest } = database;
  if (manifest?.named !== true || !manifest.replay.complete || manifest.replay.error !== undefined)
    return undefined;
  const edits = await wholeEdits(database, manifest.entry);
  const moved = withWholeMoves(edits, comparatorNamed(database.version?.columnFamilies.get(0)?.comparator));
  if (moved !== undefined) return rewritten(database, moved.edits, moved.why, moved.detail);
  const correction = (await otherLevels(database)) ?? (await otherLogNumber(database));
  if (correction === undefined) return undefined;
  const { why, detail, ...stated } = correction;
  const edit = { ...emptyEdit(), ...stated, nextFileNumber: new FreeNumbers(database).next() };
  return rewritten(database, [...edits, encodeVersionEdit(edit)], why, `one edit more, ${detail}`);
}

/**
 * Edits that put a table on a deeper level without taking it from the one that it was on, as the moves that they are; or without what puts it
 * there, where it would lie below older tables, or beside others, that it overlaps. Pebble would read such a table twice, and delete its
 * file when it has gone from one of the two. `undefined`: there are none, or others, too.
 */
function withWholeMoves(
  payloads: readonly Uint8Array[],
  comparator: Comparator,
): { edits: Uint8Array[]; why: string; detail: string } | undefined {
  const live = new Map<bigint, NewFile>();
  /** Numbers of tables that an edit has deleted: none is given out twice. */
  const gone = new Set<bigint>();
  const said: { why: string; detail: string }[] = [];
  const edits: Uint8Array[] = [];
  for (const payload of payloads) {
    const { deletedFiles, newFiles } = decodeVersionEdit(payload, 'pebble').edit;
    for (const { number, level } of deletedFiles) {
      if (live.get(number)?.level !== level) continue;
      live.delete(number);
      gone.add(number);
    }
    const left: VersionEdit['deletedFiles'] = [];
    const astray: NewFile[] = [];
    for (const file of newFiles) {
      const { number, level, size, smallest, largest } = file;
      const before = live.get(number);
      if (before === undefined && gone.has(number) && !deletedFiles.some((each) => each.number === number)) {
        astray.push(file);
        said.push({
          why: `an edit adds table ${number}, which one before it has deleted`,
          detail: `the one that adds table ${number} again does not`,
        });
        continue;
      }
      live.set(number, file);
      if (before === undefined || before.level === level) continue;
      const isSame =
        before.size === size &&
        compareBytes(before.smallest, smallest) === 0 &&
        compareBytes(before.largest, largest) === 0;
      if (!isSame || level < before.level) return undefined;
      const levels = `from level ${before.level} to ${level}`;
      const obstacle = [...live.values()].find((other) => isInTheWay(other, file, before.level, comparator));
      if (obstacle === undefined) {
        left.push({ number, level: before.level, offset: 0, length: 0 });
        said.push({
          why: `an edit moves table ${number} ${levels} and does not take it from the level that it was on, so that it stands on both`,
          detail: `the one that moves table ${number} ${levels} takes it from the old level`,
        });
      } else {
        astray.push(file);
        live.set(number, before);
        said.push({
          why: `an edit puts table ${number}, which stands on level ${before.level}, on level ${level}, too, where table ${obstacle.number} does not let it be: it overlaps it and is ${obstacle.level === level ? 'on that level' : 'older and above it'}`,
          detail: `the one that puts table ${number} on level ${level} does not`,
        });
      }
    }
    const field = left.length === 0 ? [] : [encodeVersionEdit({ ...emptyEdit(), deletedFiles: left })];
    edits.push(Buffer.concat([without(payload, astray), ...field]));
  }
  if (said.length === 0) return undefined;
  return {
    edits,
    why: said.map(({ why }) => why).join('; '),
    detail: `its edits; ${said.map(({ detail }) => detail).join(', ')}`,
  };
}

/** An edit without some of the tables that it adds. */
function without(payload: Uint8Array, files: readonly NewFile[]): Uint8Array {
  let reached = 0;
  const kept = files.map(({ offset, length }) => {
    const piece = payload.subarray(reached, offset);
    reached = offset + length;
    return piece;
  });
  return Buffer.concat([...kept, payload.subarray(reached)]);
}

/** Whether a table keeps another one from having gone to its level: of an older one what lies above it would hide what is newer. */
function isInTheWay(other: NewFile, moved: NewFile, from: number, comparator: Comparator): boolean {
  if (other.number === moved.number || other.level < from || other.level > moved.level) return false;
  if (other.level < moved.level && other.largestSequence >= moved.largestSequence) return false;
  const isBefore = (a: NewFile, b: NewFile) =>
    (compareInternalKeys(comparator, a.largest, b.smallest) ?? 0) < 0;
  return !isBefore(other, moved) && !isBefore(moved, other);
}

/** Plans the MANIFEST with another comparer, which the tables and OPTIONS have. */
export async function planOtherComparer(database: Database, comparator: string): Promise<RepairPlan> {
  const { entry } = database.manifest!;
  const field = encodeVersionEdit({ ...emptyEdit(), comparator });
  const edits = (await wholeEdits(database, entry)).map((payload) => {
    const { fields } = decodeVersionEdit(payload, 'pebble');
    const stated = fields.find(({ tag }) => tag === tags.comparator);
    if (stated === undefined) return payload;
    const end = stated.offset + stated.length;
    return Buffer.concat([payload.subarray(0, stated.offset), field, payload.subarray(end)]);
  });
  return rewritten(
    database,
    edits,
    `its comparer is not the one that the tables and OPTIONS have (${comparator})`,
    `its edits, with the comparer ${comparator}`,
  );
}

async function rewritten(
  { target, inventory, manifest, engineVersion }: Database,
  edits: readonly Uint8Array[],
  why: string,
  detail: string,
): Promise<RepairPlan> {
  const { entry } = manifest!;
  const inputs = inventory.entries.filter(
    (each) => isOwn(each) || (each.place === 'database' && each.kind === 'manifest'),
  );
  return {
    ...emptyPlan({ target, engineVersion }, 'metadata'),
    inputs: await Promise.all(inputs.map(({ root, file }) => fileState(target, placeIn(root, file)))),
    steps: [
      {
        action: 'write',
        path: entry.file,
        why,
        changes: [{ kind: 'rewrite', offset: 0, length: entry.size, detail }],
        content: [{ from: 'plan', bytes: encodeLogRecords(edits) }],
      },
    ],
  };
}

/**
 * The log number by what tables hold: a flush takes a WAL whole, and the WALs that are not flushed go on where the tables end. Where
 * tables have been ingested, sequences do not tell which WALs have been flushed.
 */
async function otherLogNumber(database: Database): Promise<Correction | undefined> {
  const { manifest, version } = database;
  const family = version?.columnFamilies.get(0);
  if (manifest === undefined || family === undefined || family.logNumber === 0n) return undefined;
  const { reach } = manifest.replay;
  const stated = family.logNumber;
  const wals = (await readWalContents(database)).filter(({ entry }) => isOwn(entry));
  const right = leftOut(wals, { stated, reach, since: manifest.entry.number ?? 0n });
  const none = { deletedFiles: [], newFiles: [] };
  if (right !== undefined) {
    return {
      ...none,
      logNumber: right.number,
      why: `the log number is ${stated}, and no table holds what ${right.entry.file} does: its sequences begin where those of the tables end`,
      detail: `with log number ${right.number}`,
    };
  }
  if (ingests(database)) return undefined;
  const live = wals.filter(({ number }) => number >= stated);
  const next = live.find(({ last }) => last === undefined || last > reach);
  const flushed = live.filter(({ number }) => next !== undefined && number < next.number);
  if (next === undefined || flushed.length === 0) return undefined;
  // a WAL is flushed whole
  if (next.first !== undefined && next.first <= reach) return undefined;
  return {
    ...none,
    logNumber: next.number,
    why: `the log number is ${stated}, and tables hold what ${flushed.map(({ entry }) => entry.file).join(', ')} ${flushed.length === 1 ? 'does' : 'do'}: their sequences reach ${reach}`,
    detail: `with log number ${next.number}`,
  };
}

/** The first WAL below the log number that begins right behind what tables hold; of those that are newer than the MANIFEST. */
function leftOut(
  wals: readonly WalContents[],
  { stated, reach, since }: { stated: bigint; reach: bigint; since: bigint },
): WalContents | undefined {
  const unflushed = wals.find(
    ({ number, last }) => number < stated && number > since && last !== undefined && last > reach,
  );
  return unflushed?.first === reach + 1n ? unflushed : undefined;
}

function isIngested({ smallestSequence, largestSequence }: LiveTable): boolean {
  return smallestSequence === largestSequence && largestSequence > 0n;
}

/** Tables of one level lie one after the other, except on level 0. */
async function otherLevels(database: Database): Promise<Correction | undefined> {
  const family = database.version?.columnFamilies.get(0);
  const comparator = comparatorNamed(family?.comparator);
  if (family === undefined || comparator.order === 'unknown') return undefined;
  const before = (a: Uint8Array, b: Uint8Array) => (compareInternalKeys(comparator, a, b) ?? 0) < 0;
  const tables = [...family.tables.values()].filter(
    ({ level, backing }) => level > 0 && backing === undefined,
  );
  // numbers are given out in order: of two tables the one with the higher number was written later
  tables.sort((a, b) => (a.number < b.number ? -1 : 1));
  for (const [i, newer] of tables.entries()) {
    const older = tables
      .slice(0, i)
      .filter(
        ({ level, smallest, largest }) =>
          level === newer.level && !before(largest, newer.smallest) && !before(newer.largest, smallest),
      );
    if (older.length === 0) continue;
    const goneInto = older.every(
      (table) =>
        table.largestSequence === 0n &&
        !before(table.smallest, newer.smallest) &&
        !before(newer.largest, table.largest),
    );
    if (newer.largestSequence === 0n) return goneInto ? withoutInputs(older, newer) : undefined;
    // an edit that is made here names no blob files
    if (isIngested(newer) || newer.blobReferences?.length) return undefined;
    return (await tablesOfFlushes(database)).has(newer.number) ? onLevel0(newer) : undefined;
  }
  return undefined;
}

/** Entries get the sequence 0 in a compaction into the lowest level, which takes in every table there that it overlaps. */
function withoutInputs(inputs: readonly LiveTable[], output: LiveTable): Correction {
  const names = inputs.map(({ number }) => number).join(', ');
  return {
    deletedFiles: inputs.map(({ level, number }) => ({ level, number, offset: 0, length: 0 })),
    newFiles: [],
    why: `table ${names} went into table ${output.number}, and the edit that says so does not delete ${inputs.length === 1 ? 'it' : 'them'}: a compaction that sets every sequence to 0 takes in all tables of its level that its output overlaps`,
    detail: `which deletes table ${names}`,
  };
}

function onLevel0(table: LiveTable): Correction {
  const { level, number } = table;
  return {
    deletedFiles: [{ level, number, offset: 0, length: 0 }],
    newFiles: [newFile({ ...table, level: 0 })],
    why: `table ${number} overlaps others of level ${level}; the edit that adds it is that of a flush, which writes to level 0`,
    detail: `which moves table ${number} to level 0`,
  };
}

/** Numbers of the tables that flushes of a log added: edits that move the log number on and delete no table. */
async function tablesOfFlushes(database: Database): Promise<Set<bigint>> {
  const tables = new Set<bigint>();
  const source = await filesOf(database).open(database.manifest!.entry.source);
  try {
    await replayManifest(source, {
      dialect: 'pebble',
      onEdit({ edit }) {
        const { logNumber, comparator, deletedFiles, newFiles } = edit;
        if (logNumber === undefined || comparator !== undefined || deletedFiles.length > 0) return;
        for (const { number } of newFiles) tables.add(number);
      },
    });
  } finally {
    await source.close();
  }
  return tables;
}
