import type { Database } from '../../engine/database.js';
import { keyBytes } from '../../finding/evidence.js';
import { userKeyOf } from '../../format/sst/internal-key.js';
import { isSound } from '../../states/manifests.js';
import type { State, States } from '../../states/state.js';
import type { Doubt, LogDoubt } from '../../states/succession.js';
import type { FoundTable } from '../../states/tables.js';
import { tableName } from '../place.js';
import type { LossStatement } from '../plan.js';
import { guessesOf } from './state-guesses.js';

/** What a state holds although nothing proves that it was so. */
export function unprovenOfState(
  database: Database,
  state: State,
  { manifests }: Pick<States, 'manifests'>,
): LossStatement[] {
  return [
    ...guessesOf(database, state),
    ...state.unproven.beside.map((doubt) => mayBeReplaced(database, state, doubt)),
    ...state.unproven.over.map((doubt) => mayBeFlushed(database, state, doubt)),
    ...state.unproven.misnamed.map(misnamedText),
    ...state.unproven.copies.map(copyText),
    ...choiceOfTables(state, manifests),
  ];
}

/** A table beside younger ones: where it went into these, what it holds hides newer values, or brings deleted keys back. */
function mayBeReplaced(
  { inventory, dialect }: Database,
  { version }: State,
  { table, younger }: Doubt,
): LossStatement {
  const [from, to] = [keyBytes(userKeyOf(table.smallest)), keyBytes(userKeyOf(table.largest))];
  const name = version.columnFamilies.get(table.columnFamily)?.name;
  return {
    file: tableName(inventory, table.number),
    detail: `its entries are kept beside those of ${filesText(inventory, younger)}, and nothing proves that it did not go into ${younger.length === 1 ? 'that one' : 'these'}: readers may get older values, and deleted keys`,
    facts: {
      ...(dialect !== 'leveldb' && name !== undefined && { columnFamily: name }),
      ...{ from, to, keyRanges: [{ from, to }] },
    },
  };
}

/** A log over tables: where it went into these before, what it holds hides newer values, or brings deleted keys back. */
function mayBeFlushed({ inventory }: Database, { version }: State, doubt: LogDoubt): LossStatement {
  const [from, to] = [keyBytes(doubt.from), keyBytes(doubt.to)];
  const { younger, log } = doubt;
  const name = version.columnFamilies.get(doubt.columnFamily)?.name ?? `id ${doubt.columnFamily}`;
  return {
    file: log.file,
    ...(log.root !== undefined && { root: log.root }),
    detail: `its writes to column family ${name} are applied over ${filesText(inventory, younger)}, and nothing proves that they did not go into ${younger.length === 1 ? 'that one' : 'these'} before: readers may get older values, and deleted keys`,
    facts: { columnFamily: name, from, to, keyRanges: [{ from, to }] },
  };
}

function filesText(inventory: Database['inventory'], tables: readonly { number: bigint }[]): string {
  const shown = tables.slice(0, SHOWN).map(({ number }) => tableName(inventory, number));
  return `${shown.join(', ')}${tables.length > SHOWN ? ` and ${tables.length - SHOWN} more` : ''}`;
}

/** Names of files that a statement lists. */
const SHOWN = 4;

/** A table under another number than it was written under: an import of a column family does that, too. */
function misnamedText({ entry, writtenAs }: FoundTable): LossStatement {
  return {
    file: entry.file,
    ...(entry.root !== undefined && { root: entry.root }),
    detail: `that it is what this name stands for: it was written as table ${writtenAs}, and where it was copied over another table, the entries of that one are gone, as far as no other table holds them; perhaps deletions`,
    facts: { writtenAs: String(writtenAs) },
  };
}

/** One table under two numbers. */
function copyText([taken, { entry }]: [taken: FoundTable, left: FoundTable]): LossStatement {
  return {
    file: entry.file,
    ...(entry.root !== undefined && { root: entry.root }),
    detail: `that no other table had this name: it is the same table as ${taken.entry.file}, and where one was copied over the other, the entries of that one are gone, as far as no other table holds them; perhaps deletions`,
    facts: { sameAs: taken.entry.file },
  };
}

/** Without a MANIFEST, or with one that has lost edits or is older than tables, nothing names those that are live. */
export function choiceOfTables({ origin }: State, manifests: States['manifests']): LossStatement[] {
  const statement = (file: string, why: string, risk: string) => [
    {
      file,
      detail: `which tables are live is inferred, as ${why}: ${risk}. ${CHECK}`,
      facts: { basis: 'tables' },
    },
  ];
  if (origin.kind === 'tables')
    return statement(
      '.',
      'there is no MANIFEST',
      'a table that is gone is not missed, and deleted keys may be back',
    );
  if (origin.kind !== 'extended' && origin.kind !== 'manifest') return [];
  const walk = manifests.find(({ entry }) => entry === origin.manifest);
  const { file } = origin.manifest;
  if (walk !== undefined && !isSound(walk.replay))
    return statement(
      file,
      'edits of it are lost',
      'a table that is gone may not be missed, and deleted keys may be back',
    );
  if (origin.kind === 'manifest' || !origin.tables.some((table) => table.smallestSequence === 0n)) return [];
  return statement(
    file,
    'it is older than compactions that have written other tables',
    'keys that were deleted since may be back',
  );
}

/** How to find out. */
const CHECK = 'A backup or a replica shows it: kvdoctor compare BACKUP RESULT';
