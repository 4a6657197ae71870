import type { Database } from '../../engine/database.js';
import { keyBytes } from '../../finding/evidence.js';
import { counted } from '../../finding/quantity.js';
import type { Version } from '../../format/manifest/version.js';
import { userKeyOf } from '../../format/sst/internal-key.js';
import type { GuessedFamily } from '../../states/families.js';
import type { Unplaced } from '../../states/ingested.js';
import type { State } from '../../states/state.js';
import type { FoundTable } from '../../states/tables.js';
import { tableName } from '../place.js';
import type { LossStatement } from '../plan.js';

/** What a state takes for the likeliest. */
export function guessesOf(database: Database, { unproven, version }: State): LossStatement[] {
  const { tables, families, nameless } = unproven;
  return [
    ...tables.map((table) => unplacedText(database, table)),
    ...families.map(guessedText),
    ...nameless.map((table) => namelessText(table, version)),
  ];
}

/** A table that may be of another column family. */
function namelessText({ entry, live, entries }: FoundTable, { columnFamilies }: Version): LossStatement {
  const [from, to] = [keyBytes(userKeyOf(live.smallest)), keyBytes(userKeyOf(live.largest))];
  const family = columnFamilies.get(live.columnFamily)?.name ?? '';
  return {
    file: entry.file,
    detail: `${counted(entries, 'entry', 'entries')} of a table that does not say of which column family it is: it is taken for one of ${family} and may be of another: readers then miss them there, and see them here`,
    // of the other one, too
    facts: { entries, from, to, keyRanges: [{ from, to }] },
  };
}

/** Writes of a column family whose name nothing proves. */
function guessedText({ id, name, operations, isInOrder }: GuessedFamily): LossStatement {
  const taken = isInOrder
    ? `it is taken for ${name} by the order of OPTIONS, which is right where no column family was dropped before`
    : `it gets the name ${name}, as nothing tells which of those in OPTIONS it was`;
  return {
    file: '.',
    detail: `${counted(operations, 'operation')} in WALs that went to column family ${id}: ${taken}`,
    facts: { columnFamily: name, operations },
  };
}

/** An ingested table of which nothing tells where in time it belongs. */
function unplacedText({ inventory }: Database, { table, entries, against }: Unplaced): LossStatement {
  const { number, level, smallestSequence, smallest, largest } = table;
  const [from, to] = [keyBytes(userKeyOf(smallest)), keyBytes(userKeyOf(largest))];
  return {
    file: tableName(inventory, number),
    detail: `${counted(entries, 'entry', 'entries')} of an ingested table whose edit is lost: it is taken as ${smallestSequence === 0n ? 'older than everything else' : `of sequence ${smallestSequence}`}, on level ${level}, and nothing proves that it is older or newer than ${against.join(', ')}; where both have a key, readers may get the older value`,
    facts: { entries, from, to, keyRanges: [{ from, to }] },
  };
}
