import type { Database } from '../../engine/database.js';
import { keyBytes } from '../../finding/evidence.js';
import { userKeyOf } from '../../format/sst/internal-key.js';
import type { State, States } from '../../states/state.js';
import type { LossStatement } from '../plan.js';

/** What a state leaves behind that the files, or the MANIFEST beyond it, still tell of. */
export function lossOfState(database: Database, state: State, { states, current }: States): LossStatement[] {
  return [
    ...missingTables(state, current),
    ...strangeWals(state, database),
    ...unloggedWrites(state),
    ...laterWrites(state, states),
  ];
}

/**
 * Tables that CURRENT leads to and that are gone, where a state is put together without that MANIFEST: it does not know of them, and
 * its being complete says nothing of what they held. What WALs of the state hold of them is not lost.
 */
function missingTables(state: State, current: State | undefined): LossStatement[] {
  if (current === undefined || state.origin.kind !== 'tables') return [];
  const inWals = (family: number, first: bigint, last: bigint) =>
    first > 0n &&
    state.wals.some(({ wal }) => {
      const writes = wal.families.get(family);
      return writes !== undefined && writes.first <= first && last <= writes.last;
    });
  return current.missing
    .filter(({ columnFamily, smallestSequence, largestSequence }) => {
      return !inWals(columnFamily, smallestSequence, largestSequence);
    })
    .map(({ number, columnFamily, size, smallest, largest }) => {
      const name = current.version.columnFamilies.get(columnFamily)?.name ?? `id ${columnFamily}`;
      const [from, to] = [userKeyOf(smallest), userKeyOf(largest)];
      return {
        file: `${String(number).padStart(6, '0')}.sst`,
        detail: `a table of column family ${name} that is not here (${size} bytes): its entries, as far as no other table holds them, in one range of keys; perhaps deletions`,
        facts: {
          columnFamily: name,
          from: keyBytes(from),
          to: keyBytes(to),
          keyRanges: [{ from: keyBytes(from), to: keyBytes(to) }],
        },
      };
    });
}

/** Sequences between what the state holds: a table that is gone may have had them, of writes without a log. */
function unloggedWrites({ gaps, origin }: State): LossStatement[] {
  return gaps.map(({ from, to }) => ({
    file: 'manifest' in origin ? origin.manifest.file : '.',
    detail: `${to - from + 1n} writes, sequences ${from} to ${to}: no log and no table that is here holds them`,
    facts: { firstSequence: String(from), lastSequence: String(to) },
  }));
}

/** WALs that do not connect, with their operations by column family. */
function strangeWals({ strange, version }: State, { options }: Database): LossStatement[] {
  return strange.map(({ entry, operations, first, last, families }) => {
    const named = [...families].map(([id, { operations: count }]) => {
      const name =
        version.columnFamilies.get(id)?.name ?? [...options.columnFamilies.keys()][id] ?? `id ${id}`;
      return `${count} of ${name}`;
    });
    return {
      file: entry.file,
      ...(entry.root !== undefined && { root: entry.root }),
      detail: `${operations} operations, sequences ${first} to ${last} (${named.join(', ')}): they do not connect to this state`,
      facts: { operations, firstSequence: String(first), lastSequence: String(last) },
    };
  });
}

/** Writes behind the state that another one, or the MANIFEST of the state itself, knows of. */
function laterWrites(state: State, states: readonly State[]): LossStatement[] {
  const { lastSequence: last, origin } = state;
  let furthest = last;
  for (const { version, lastSequence } of states) {
    for (const sequence of [version.lastSequence ?? 0n, lastSequence]) {
      if (sequence > furthest) furthest = sequence;
    }
  }
  if (furthest === last) return [];
  const count = furthest - last;
  return [
    {
      file: 'manifest' in origin ? origin.manifest.file : '.',
      detail: `${count} later writes, sequences ${last + 1n} to ${furthest}: what is here of them does not lead to a state that the database once was`,
      facts: { firstSequence: String(last + 1n), lastSequence: String(furthest) },
    },
  ];
}
