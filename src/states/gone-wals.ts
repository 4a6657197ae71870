import { type GoneWal, goneWals } from '../check/directory/tracked-wals.js';
import type { Database } from '../engine/database.js';
import { disordersOf } from './disorder.js';
import type { State, States } from './state.js';
import type { SequenceSpan } from './wals.js';

/**
 * Sequences that were in WALs which are gone and that nothing else holds, in what CURRENT leads to. There are none where the sequences
 * run on over the missing file: tables hold what it held, as far as anything tells. Where the files are of several moments, other
 * files may hold it, and that is judged by itself.
 */
export function goneSequences(database: Database, states: States): SequenceSpan[] {
  const gone = goneWals(database);
  const { current } = states;
  if (gone.length === 0 || current === undefined || disordersOf(database, states).length > 0) return [];
  // what a family lacks after its tables tells less: a flush drops what was overwritten, a compaction zeroes sequences
  return current.gaps.filter((gap) => gone.some((wal) => liesBetween(wal, gap, current)));
}

/** The number of a WAL is one of those between the two that a gap parts. */
function liesBetween({ number }: GoneWal, { to }: SequenceSpan, { wals }: State): boolean {
  const next = wals.findIndex(({ wal }) => wal.first !== undefined && wal.first > to);
  const before = next < 0 ? wals.at(-1) : wals[next - 1];
  return number > (before?.number ?? -1n) && (next < 0 || number < wals[next].number);
}

/**
 * Whether writes are lost for certain with WALs that are gone: the MANIFEST knows how long they were, or nothing holds their
 * sequences. Otherwise they may have held nothing that is not in tables, as in a copy that leaves them out.
 */
export function losesWrites(gone: readonly GoneWal[], sequences: readonly unknown[]): boolean {
  return sequences.length > 0 || gone.some(({ tracked }) => tracked);
}
