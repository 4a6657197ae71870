import type { Database } from '../../engine/database.js';
import type { State, States } from '../../states/state.js';
import type { LossStatement } from '../plan.js';

/** What a state leaves behind that the files, or the MANIFEST beyond it, still tell of. */
export function lossOfState(database: Database, state: State, { states }: States): LossStatement[] {
  return [...strangeWals(state, database), ...laterWrites(state, states)];
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
