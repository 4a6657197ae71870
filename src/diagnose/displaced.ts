import type { UnitFacts, WalFacts } from '../check/unit.js';
import type { Database } from '../engine/database.js';
import type { Cause } from '../finding/finding.js';
import { byLog, segmentIn } from '../format/filename.js';
import { compareBytes } from '../format/sst/comparator.js';
import type { InventoryEntry } from '../io/inventory.js';
import { type CauseRule, cause } from './cause-rule.js';
import { boundary } from './cut.js';

export const betweenWals: CauseRule = ({ file, evidence }, context) => {
  const { facts, database } = context;
  const before = facts.get(file);
  if (before?.kind !== 'wal') return undefined;
  const after = facts.get(String(evidence.nextWal));
  if (after?.kind === 'wal' && after.number === before.number)
    return cause('missing', 'likely', `a segment of log ${before.number} is not here`);
  const swapped = outOfOrder(facts);
  if (swapped !== undefined) return swapped;
  const isLost = ({ number }: { number: bigint }) => number > before.number && !hasWal(database, number);
  const removed = (database.manifest?.replay.begunWals ?? []).filter((number) => isLost({ number }));
  if (removed.length > 0) {
    return cause('missing', 'likely', `log ${removed[0]}, which the MANIFEST says was begun, is not there`);
  }
  return cause(
    'truncated',
    'possible',
    `the log was cut at the end of a record (at ${before.size}), or writes were made without a log`,
  );
};

function hasWal({ inventory }: Database, number: bigint): boolean {
  return inventory.entries.some((entry: InventoryEntry) => entry.kind === 'wal' && entry.number === number);
}

/** Logs whose sequence numbers do not ascend with their own numbers, and would in another order. */
function outOfOrder(facts: ReadonlyMap<string, UnitFacts>): Cause | undefined {
  const wals = [...facts.values()]
    .filter((f): f is WalFacts => f.kind === 'wal' && f.firstSequence !== undefined)
    // later segments of a log repeat what an earlier one has
    .filter((f) => segmentIn(f.file) === 0)
    .sort(byLog);
  const bySequence = [...wals].sort((a, b) => (a.firstSequence! < b.firstSequence! ? -1 : 1));
  const moved = wals.filter((wal, i) => bySequence[i] !== wal);
  if (moved.length === 0) return undefined;
  const fits = bySequence.every((wal, i) => i === 0 || wal.firstSequence! >= bySequence[i - 1].lastSequence!);
  const names = moved.map(({ file }) => file);
  if (!fits) {
    return cause(
      'misplaced',
      'possible',
      `${names.join(', ')} do not follow each other: a log of another time or database stands under one of these names`,
    );
  }
  const [one, other] = names;
  return {
    ...cause(
      'misplaced',
      'likely',
      `${names.join(', ')} hold each other's records: their sequence numbers ascend when they change places. Stop the server before you give them each other's names`,
    ),
    ...(names.length === 2 && { exchange: [one, other] }),
  };
}

export const sequenceOverlap: CauseRule = (_, { facts }) =>
  outOfOrder(facts) ??
  cause('misplaced', 'possible', 'a log of another time or database stands under one of the two names');

export const foreignNumber: CauseRule = ({ evidence, message }) =>
  cause(
    'misplaced',
    'proven',
    `this is the content of another log (${evidence.logNumber === undefined ? message : `log ${evidence.logNumber}`})`,
    'recyclable records carry the number of their log',
  );

export const otherTable: CauseRule = ({ file }, { database, facts }) => {
  const found = facts.get(file);
  if (found?.kind !== 'table') return undefined;
  const mine = database.version?.databaseId;
  for (const family of database.version?.columnFamilies.values() ?? []) {
    for (const table of family.tables.values()) {
      if (table.uniqueId === undefined || found.uniqueId === undefined) continue;
      if (compareBytes(table.uniqueId, found.uniqueId) !== 0) continue;
      return cause(
        'misplaced',
        'proven',
        `this is table ${table.number} of column family ${family.name}, under the name of table ${found.number}`,
        'the unique id in its properties is that of the other table in the MANIFEST',
      );
    }
  }
  if (mine !== undefined && found.databaseId !== undefined && mine !== found.databaseId) {
    return cause(
      'misplaced',
      'proven',
      `this is a table of another database (${found.databaseId})`,
      'its properties name the database that wrote it',
    );
  }
  const older = found.originalFileNumber !== undefined && found.originalFileNumber === found.number;
  return cause(
    'misplaced',
    'likely',
    older
      ? 'a table that once had this number in another incarnation of the database stands here: a stale copy or a mixed restore'
      : `a table that was written as number ${found.originalFileNumber ?? 'unknown'} stands here: a mixed restore, or a copy under a wrong name`,
  );
};

/** Records that are whole, each by itself, and do not follow each other. */
export const outOfPlace: CauseRule = () =>
  cause(
    'misplaced',
    'possible',
    'each record here is whole by itself: a part of the file is missing, or stands where another belongs',
    'checksums hold on both sides',
  );

export const afterPredecessor: CauseRule = ({ evidence }) => {
  const { recordedSize, recordedNumber, size } = evidence;
  if (size === undefined)
    return cause(
      'missing',
      'proven',
      `log ${recordedNumber} is gone`,
      'the next log says that it was written after it',
    );
  return Number(size) < Number(recordedSize)
    ? cause(
        'truncated',
        'proven',
        `${Number(recordedSize) - Number(size)} bytes are missing; the file was cut ${boundary(Number(size))}`,
        'the next log records how long it was',
      )
    : cause('misplaced', 'possible', 'another log stands under this name, or something was appended to it');
};

/** What stands under a blob file's name: evidence.liesIn is where its own content lies. */
export const otherBlobFile: CauseRule = ({ file, evidence: { liesIn } }) =>
  liesIn === undefined
    ? cause(
        'misplaced',
        'likely',
        'another blob file stands here: a mixed restore, or a copy under a wrong name',
      )
    : cause(
        'misplaced',
        'proven',
        `the content of ${file} lies in ${liesIn}`,
        'the keys of tables that were looked up in the one stand at their places in the other',
      );
