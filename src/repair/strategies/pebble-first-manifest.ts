import { encodeLogRecords } from '../../encode/log/writer.js';
import { encodeVersionEdit } from '../../encode/manifest/edit.js';
import type { Database } from '../../engine/database.js';
import { FIRST_SEQUENCE } from '../../engine/pebble-opened.js';
import { unknownSecond } from '../../engine/unseen.js';
import { byLog, fileName } from '../../format/filename.js';
import { emptyEdit } from '../../format/manifest/edit.js';
import { isOwn } from '../../states/join.js';
import { readWalContents, type WalContents } from '../../states/wals.js';
import { fileState } from '../content.js';
import { emptyPlan } from '../empty-plan.js';
import { placeIn } from '../place.js';
import type { RepairPlan } from '../plan.js';
import { Refusal } from '../refusal.js';
import { FreeNumbers } from './metadata-write.js';

/**
 * Plans the MANIFEST of a database that has none and no table either: that of one which has never flushed, where the WALs hold every
 * sequence from the first one on. Refuses where they do not, since tables may then have been lost along with the MANIFEST.
 */
export async function planFirstManifest(database: Database): Promise<RepairPlan> {
  const { target, optionsFile, options, pebble } = database;
  const wals = (await readWalContents(database)).filter(({ entry }) => isOwn(entry));
  const comparator = options.pebble?.comparer;
  const problem =
    comparator === undefined
      ? 'there is no OPTIONS file, and nothing else says in which order its keys stand'
      : lacking(database, wals);
  if (problem !== undefined) {
    throw new Refusal(
      'refused',
      `there is neither a MANIFEST nor a table, and a MANIFEST cannot be made of the WALs alone: ${problem}`,
      'do not open it: Pebble would begin a new database and delete the WALs. Restore the MANIFEST and the tables, or the directory, from a backup',
    );
  }
  const numbers = new FreeNumbers(database);
  const named = pebble?.manifest ?? 0n;
  const file = fileName('manifest', named === 0n ? numbers.next() : named);
  const [first] = wals;
  const edits = [
    { ...emptyEdit(), comparator, nextFileNumber: 2n, lastSequence: 0n },
    {
      ...emptyEdit(),
      logNumber: first.number,
      nextFileNumber: numbers.next(),
      lastSequence: FIRST_SEQUENCE - 1n,
    },
  ];
  const bytes = encodeLogRecords(edits.map(encodeVersionEdit));
  const inputs = [...(optionsFile ? [optionsFile.entry] : []), ...database.inventory.entries.filter(isOwn)];
  const last = wals.findLast((wal) => wal.last !== undefined)?.last;
  const held =
    last === undefined
      ? `${first.entry.file} is the first log of a database, and empty`
      : `the WALs hold every sequence from ${FIRST_SEQUENCE}, the first one, to ${last}`;
  return {
    ...emptyPlan(database, 'metadata'),
    inputs: await Promise.all(inputs.map(({ root, file }) => fileState(target, placeIn(root, file)))),
    steps: [
      {
        action: 'write',
        path: file,
        why: `there is no MANIFEST and no table: ${held}, so that nothing had been flushed that they do not hold`,
        changes: [
          {
            kind: 'create-file',
            offset: 0,
            length: bytes.length,
            detail: `that of a database without tables; keys in the order ${comparator}, which ${optionsFile?.entry.file} says`,
          },
        ],
        content: [{ from: 'plan', bytes }],
      },
    ],
  };
}

/** Why the WALs may not hold all that was ever written. */
function lacking(database: Database, wals: readonly WalContents[]): string | undefined {
  const { pebble, optionsFile, inventory } = database;
  const unknown = unknownSecond(database);
  if (unknown !== undefined) return `${unknown.file}: ${unknown.reason}`;
  const all = inventory.entries.filter(({ kind }) => kind === 'wal');
  if (wals.length === 0) return 'there is no WAL';
  if (!all.every(isOwn)) return 'some of the logs lie where Pebble does not read them';
  if (all.toSorted(byLog).some((log, i, sorted) => i > 0 && byLog(sorted[i - 1], log) === 0))
    return 'two files are the same part of one log';
  let next = FIRST_SEQUENCE;
  for (const { entry, first, last, holes } of wals) {
    if (first === undefined || last === undefined) continue;
    if (first !== next)
      return `${entry.file} begins at sequence ${first}, and nothing holds those from ${next} on`;
    const [hole] = holes;
    if (hole !== undefined) return `${entry.file} lacks the sequences from ${hole.from} to ${hole.to}`;
    next = last + 1n;
  }
  if (next > FIRST_SEQUENCE) return undefined;
  // a database begins with MANIFEST-000001, log 2 and OPTIONS-000003
  const isBegun =
    wals.length === 1 &&
    wals[0].number === 2n &&
    wals[0].entry.size === 0 &&
    optionsFile?.entry.number === 3n;
  return isBegun && (pebble?.manifest ?? 1n) <= 1n
    ? undefined
    : 'no WAL has a record, and whether there were tables nothing tells';
}
