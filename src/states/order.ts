import { largest } from '../bytes/append.js';
import type { State } from './state.js';

/** What a state that the database once was must keep of the entries of the fullest one to come first. */
const ENOUGH = 0.5;
/** Going back in the edits of a MANIFEST takes everything later along, also what is whole. */
const ENOUGH_OF_EDITS = 0.9;

/**
 * The order of states, what loses least first: those that the database once was before those with a hole, unless they keep
 * clearly less; then the further ones, the ones without gaps, and of equal ones what a RepairDB set aside, what CURRENT leads
 * to, and what needs the least inference. A table that is lost is no reason to go back before it.
 */
export function orderStates(all: readonly State[]): State[] {
  // with a MANIFEST that leads to the same files, nothing has to be inferred from them
  const named = all.filter(({ origin }) => origin.kind === 'manifest' || origin.kind === 'extended');
  const states = all.filter(
    (state) =>
      state.origin.kind !== 'tables' ||
      !named.some((other) => holdsAllOf(other, state) && holdsAllOf(state, other)),
  );
  const coherent = states.filter(isCoherent).sort(compare);
  const holed = fullerFirst(states.filter((state) => !isCoherent(state)).sort(compare));
  if (coherent.length === 0 || holed.length === 0) return [...coherent, ...holed];
  const most = largest(
    holed.map(({ entries, doubtful }) => entries - doubtful),
    0,
  );
  // it has a hole itself, and nothing that the other one lacks
  const isOutdone = (state: State) =>
    state.gaps.length > 0 &&
    holed.some(
      (other) => gapOf(other) < gapOf(state) && holdsAllOf(other, state) && !accountsFor(state, other),
    );
  const isEnough = (state: State) => {
    if (isOutdone(state)) return false;
    // the fullest may be one that others come before
    if (state.origin.kind === 'manifest' && keepsAsMuchAs(state, holed[0])) return true;
    if (isNewerThan(state, holed[0])) return true;
    if (state.origin.kind !== 'edits') return state.entries >= most * ENOUGH;
    const { manifest, outlived } = state.origin;
    const ends = holed.filter(({ origin }) => origin.kind === 'manifest' && origin.manifest === manifest);
    return (
      (outlived || ends.every((end) => holdsAllOf(state, end))) && state.entries >= most * ENOUGH_OF_EDITS
    );
  };
  const first = coherent.filter((state) => state.entries > 0 && isEnough(state));
  return [...first, ...holed, ...coherent.filter((state) => !first.includes(state))];
}

/** A MANIFEST that names most of what is gone is older than the tables that lead to the same sequence with fewer gone. */
function fullerFirst(sorted: State[]): State[] {
  const [first] = sorted;
  const fuller = sorted.find((state) => isFuller(state, first));
  return fuller === undefined ? sorted : [fuller, ...sorted.filter((state) => state !== fuller)];
}

function isFuller(state: State, { origin, missing, entries, lastSequence, ...other }: State): boolean {
  if (state.origin.kind !== 'extended' || origin.kind !== 'manifest') return false;
  const gone = state.missing.length + state.origin.unaccounted.length;
  return (
    state.origin.manifest === origin.manifest &&
    state.lastSequence === lastSequence &&
    gapOf(state) <= gapOf(other) &&
    gone < missing.length &&
    state.entries - state.doubtful > entries
  );
}

/** One state holds every table and WAL of another that is here. */
function holdsAllOf(state: State, other: State): boolean {
  const gone = new Set(other.missing);
  const wals = new Set(state.wals.map(({ wal }) => wal));
  const held = [...other.version.columnFamilies.values()].every(({ id, tables }) => {
    const own = state.version.columnFamilies.get(id)?.tables;
    return [...tables.values()].every((table) => gone.has(table) || own?.has(table.number));
  });
  return held && other.wals.every(({ wal }) => wals.has(wal));
}

function keepsAsMuchAs({ lastSequence, entries, gaps }: State, other: State): boolean {
  return gaps.length === 0 && lastSequence >= other.lastSequence && entries >= other.entries - other.doubtful;
}

/** It has column families, tables and sequences that the other one lacks: many entries of that one are older versions in logs. */
function isNewerThan(state: State, { lastSequence, missing, ignored, ...other }: State): boolean {
  const { kind } = state.origin;
  const isNamed = kind === 'manifest' || kind === 'extended';
  const isLess = missing.length > 0 && ignored.length > 0 && gapOf(state) < gapOf(other);
  return isNamed && isLess && state.ignored.length === 0 && state.lastSequence >= lastSequence;
}

/** What one state lacks of tables is gone into those of another, as far as these and LOG show. */
function accountsFor({ origin, missing }: State, other: State): boolean {
  if (origin.kind !== 'extended' || origin.unaccounted.length > 0) return false;
  return other.missing.length > missing.length;
}

/** Nothing contradicts that the database once was in this state. */
export function isCoherent({ complete, whole }: State): boolean {
  return complete && whole;
}

function compare(a: State, b: State): number {
  if (a.lastSequence !== b.lastSequence) return a.lastSequence > b.lastSequence ? -1 : 1;
  return gapOf(a) - gapOf(b) || rank(a) - rank(b) || b.entries - a.entries || endOf(b) - endOf(a);
}

/** How many sequences nothing holds. */
export function gapOf({ gaps, unheld }: Pick<State, 'gaps' | 'unheld'>): number {
  return [...gaps, ...unheld].reduce((sum, { from, to }) => sum + Number(to - from + 1n), 0);
}

/** How little a state rests on inference. What a MANIFEST leads to without edits that it has lost comes after what it leads to with them. */
export function rank({ origin, current, lacksEdits }: State): number {
  const setAside = 'manifest' in origin && origin.manifest.place === 'lost';
  if (lacksEdits) return setAside ? 1.5 : 5.5;
  if (setAside && origin.kind === 'manifest') return 0;
  if (setAside && origin.kind === 'extended') return 1;
  if (current) return 2;
  return { manifest: 3, edits: 4, extended: 5, before: 6, tables: 7 }[origin.kind];
}

function endOf({ origin }: State): number {
  return origin.kind === 'edits' ? origin.end : 0;
}

/** Two states are one when the same tables, blob files and WALs make them up, in the same families. */
export function signatureOf({ version, wals }: State): string {
  const families = [...version.columnFamilies.values()].map(({ id, name, logNumber, tables, blobFiles }) => {
    const files = [...tables.values()].map(({ number, level }) => `${number}@${level}`).sort();
    const replayed = wals.filter(({ wal, number }) => number >= logNumber && wal.families.has(id));
    return [
      id,
      name,
      files,
      [...blobFiles.keys()].sort(),
      replayed.map(({ wal, number }) => [wal.entry.file, number]),
    ];
  });
  return JSON.stringify(families, (_, value) => (typeof value === 'bigint' ? String(value) : value));
}
