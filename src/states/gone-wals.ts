import { type GoneWal, goneWals } from '../check/directory/tracked-wals.js';
import type { Database } from '../engine/database.js';
import { FIRST_SEQUENCE } from '../engine/pebble-opened.js';
import { unknownSecond } from '../engine/unseen.js';
import { byLog, fileName, segmentIn } from '../format/filename.js';
import type { InventoryEntry } from '../io/inventory.js';
import { disordersOf } from './disorder.js';
import { max } from './join.js';
import type { State, States } from './state.js';
import { readWalContents, type SequenceSpan } from './wals.js';

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

/**
 * The first file of the first log of Pebble, where later segments of that log are here and begin after what is accounted for. Where they begin
 * at once, the first file was never made: the disk stalled over it.
 */
export async function goneFirstSegment(database: Database): Promise<string | undefined> {
  const { version, manifest, inventory, absent, walCutoff } = database;
  if (database.dialect !== 'pebble' || manifest?.named !== true || !manifest.replay.complete)
    return undefined;
  if (absent.some(({ option }) => option === 'wal_dir') || unknownSecond(database) !== undefined)
    return undefined;
  const isLive = ({ kind, number = 0n }: InventoryEntry) => kind === 'wal' && number >= walCutoff;
  const [segment] = inventory.entries.filter(isLive).sort(byLog);
  if (segment === undefined || segmentIn(segment.name) === 0) return undefined;
  const [held] = (await readWalContents(database)).filter(
    ({ number, first }) => number >= walCutoff && first !== undefined,
  );
  const reach = [version?.lastSequence ?? 0n, manifest.replay.reach, FIRST_SEQUENCE - 1n].reduce(max);
  return held?.first !== undefined && held.first > reach + 1n ? fileName('wal', segment.number!) : undefined;
}
