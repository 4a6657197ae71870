import type { Database } from '../../engine/database.js';
import { keyBytes } from '../../finding/evidence.js';
import { counted } from '../../finding/quantity.js';
import type { ColumnFamily, LiveTable } from '../../format/manifest/version.js';
import { userKeyOf } from '../../format/sst/internal-key.js';
import { tablesOf } from '../../states/holdings.js';
import type { State, States } from '../../states/state.js';
import { tableName } from '../place.js';
import type { LossStatement } from '../plan.js';

/** Tables that are gone, that a state does without, and that a MANIFEST or LOG tells of. */
export function tablesGone(
  database: Database,
  state: State,
  states: Pick<States, 'current' | 'manifests'>,
): LossStatement[] {
  return [...missingTables(database, state, states), ...tablesOfLog(database, state)];
}

/**
 * Tables that a MANIFEST names, that are gone, and that a state does without: one put together without that MANIFEST does not know of
 * them, and one that takes over other tables in their place may not show that these hold all of them. What WALs of the state
 * hold is not lost.
 */
function missingTables(
  database: Database,
  state: State,
  { current, manifests }: Pick<States, 'current' | 'manifests'>,
): LossStatement[] {
  return [...givenUp(state, current), ...flushedSince(state, manifests)]
    .filter((table) => !isInWals(table, state))
    .map(({ number, columnFamily, size, smallest, largest }) => {
      const { columnFamilies } =
        (state.origin.kind === 'tables' ? current : undefined)?.version ?? state.version;
      const name = columnFamilies.get(columnFamily)?.name ?? `id ${columnFamily}`;
      const [from, to] = [userKeyOf(smallest), userKeyOf(largest)];
      return {
        file: tableName(database.inventory, number),
        detail: `a table${database.dialect === 'leveldb' ? '' : ` of column family ${name}`} that is not here (${size} bytes): its entries, as far as no other table holds them, in one range of keys; perhaps deletions`,
        facts: {
          ...(database.dialect !== 'leveldb' && { columnFamily: name }),
          from: keyBytes(from),
          to: keyBytes(to),
          keyRanges: [{ from: keyBytes(from), to: keyBytes(to) }],
        },
      };
    });
}

/** Tables that LOG says were given to the database, that no MANIFEST knows, and that are gone. */
function tablesOfLog({ inventory }: Database, state: State): LossStatement[] {
  const ids = new Map([...state.version.columnFamilies.values()].map(({ id, name }) => [name, id]));
  return state.goneByLog.flatMap(({ number, family, sequences: span, entries }) => {
    const id = family === undefined ? undefined : ids.get(family);
    if (id !== undefined && span !== undefined) {
      const written = { columnFamily: id, smallestSequence: span.from, largestSequence: span.to };
      if (isInWals(written, state)) return [];
    }
    const what = [
      ...(entries === undefined ? [] : [counted(entries, 'entry', 'entries')]),
      ...(span === undefined ? [] : [sequences(span.from, span.to)]),
    ];
    const which = family === undefined ? 'an ingested table' : `a table of column family ${family}`;
    return {
      file: tableName(inventory, number),
      detail: `${which} that is gone, and that LOG says the database had${what.length === 0 ? '' : ` (${what.join(', ')})`}: its entries, as far as no other table holds them; perhaps deletions`,
      facts: {
        ...(family !== undefined && { columnFamily: family }),
        ...(span && { firstSequence: String(span.from), lastSequence: String(span.to) }),
      },
    };
  });
}

function givenUp({ origin }: State, current: State | undefined): readonly LiveTable[] {
  if (origin.kind === 'tables') return current?.missing ?? [];
  return 'unaccounted' in origin ? origin.unaccounted : [];
}

/**
 * Tables that later edits of a MANIFEST lead to, that are gone, and that hold more of a column family than the state before them does. What
 * is later than the state altogether is counted by its sequences.
 */
function flushedSince(
  { origin, version, wals, lastSequence }: State,
  manifests: States['manifests'],
): LiveTable[] {
  const walk = origin.kind === 'edits' ? manifests.find(({ entry }) => entry === origin.manifest) : undefined;
  if (walk === undefined) return [];
  return tablesOf(walk.replay.version).filter(
    ({ number, columnFamily, smallestSequence, largestSequence }) => {
      const family = version.columnFamilies.get(columnFamily);
      if (walk.here.has(number) || family === undefined || smallestSequence > lastSequence) return false;
      // a compaction has set its sequences to 0
      if (largestSequence === 0n)
        return !isLogHere(family, walk.replay.version.columnFamilies.get(columnFamily)!, wals);
      const inTables = [...family.tables.values()].map((table) => table.largestSequence);
      const inWals = wals.flatMap(({ wal }) => wal.families.get(columnFamily)?.last ?? []);
      return [...inTables, ...inWals].every((last) => last < largestSequence);
    },
  );
}

/** The first log that a column family needs is here, or nothing of it was flushed up to a later edit. */
function isLogHere({ logNumber }: ColumnFamily, later: ColumnFamily, wals: State['wals']): boolean {
  if (later.logNumber === logNumber) return true;
  // no edit names the first log of a database
  if (logNumber === 0n) return wals.length > 0 && wals[0].wal.first! <= 1n;
  return wals.some(({ number }) => number === logNumber);
}

/** A WAL of the state has all that a table was written from, and no hole in it. */
function isInWals(
  {
    columnFamily,
    smallestSequence: from,
    largestSequence: to,
  }: Pick<LiveTable, 'columnFamily' | 'smallestSequence' | 'largestSequence'>,
  { wals }: State,
): boolean {
  if (from === 0n) return false;
  return wals.some(({ wal: { families, holes, whole } }) => {
    const writes = families.get(columnFamily);
    const holds = writes !== undefined && writes.first <= from && to <= writes.last;
    return holds && whole && !holes.some((hole) => hole.from <= to && hole.to >= from);
  });
}

export const sequences = (first: bigint, last: bigint) =>
  first === last ? `sequence ${first}` : `sequences ${first} to ${last}`;
