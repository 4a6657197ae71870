import type { Database } from '../engine/database.js';
import type { LiveTable } from '../format/manifest/version.js';
import { tablesOf } from './holdings.js';
import { isSound, type ManifestWalk } from './manifests.js';
import { gapOf } from './order.js';
import { isAsItIs, type State, type States } from './state.js';

/** What tells that the files of a directory are not of one moment, or not of one history. */
export type Disorder =
  /** Tables and WALs go further than the MANIFEST. */
  | { kind: 'manifest-older'; state: State; tables: LiveTable[]; replaced: LiveTable[] }
  /** The MANIFEST goes further than the files that are here. */
  | { kind: 'manifest-newer'; state: State }
  /** What missing tables held is in WALs. */
  | { kind: 'flush-in-wals'; state: State; tables: LiveTable[] }
  /** Logs lie under names that the engine does not read. */
  | { kind: 'renamed-logs'; state: State }
  /** Two programs had the database open: each wrote a MANIFEST of its own. */
  | { kind: 'second-opener'; state: State; other: ManifestWalk }
  /** A new database was begun beside the files of the old one. */
  | { kind: 'begun-anew'; state: State; begun: ManifestWalk; old: ManifestWalk }
  /** A RepairDB set aside more than it kept. */
  | { kind: 'repaired'; state: State; lost: RepairLosses };

/** What a RepairDB threw away and lost/ still knows. */
interface RepairLosses {
  families: string[];
  tables: number;
  /** Tables that were obsolete and came back. */
  broughtBack: number;
  levels: number;
  blobFiles: number;
}

/** What CURRENT leads to is whole, and nothing tells of another moment: there is nothing to choose. */
export function isSettled(database: Database, states: States): boolean {
  const { current } = states;
  const sound = current?.whole === true && current.complete && isAsItIs(current);
  return sound && disordersOf(database, states).length === 0;
}

/** All that is out of order, judged by what CURRENT leads to and what else there is. */
export function disordersOf(database: Database, states: States): Disorder[] {
  const [best] = states.states;
  if (best === undefined) return [];
  const anew = begunAnew(states, best);
  if (anew !== undefined) return [anew];
  const disorders: Disorder[] = [];
  const repaired = repairedBefore(states);
  if (repaired !== undefined) disorders.push(repaired);
  const opener = repaired === undefined ? secondOpener(states) : undefined;
  if (opener !== undefined) disorders.push(opener);
  if (disorders.length > 0) return disorders;
  const older = olderManifest(database, states);
  if (older !== undefined) disorders.push(older);
  else if (isEarlier(best) && namesAbsentFiles(database, walkOf(best, states.manifests)!))
    disorders.push({ kind: 'manifest-newer', state: best });
  if (best.takenBack.length > 0)
    disorders.push({ kind: 'flush-in-wals', state: best, tables: best.takenBack });
  if (disorders.length === 0 && runsOnInRenamed(best, states.current))
    disorders.push({ kind: 'renamed-logs', state: best });
  return disorders;
}

/**
 * Tables that no edit names, beyond all that the MANIFEST and its WALs reach. An unfinished flush is not that: the log that
 * the MANIFEST names is still there then.
 */
function olderManifest({ manifest }: Database, { states, current, wals }: States): Disorder | undefined {
  const state = states.find(({ origin }) => origin.kind === 'extended' && origin.manifest.place !== 'lost');
  if (state === undefined || state.origin.kind !== 'extended') return undefined;
  const { tables, replaced, news } = state.origin;
  const result = { kind: 'manifest-older' as const, state, tables, replaced };
  if (replaced.length > 0 || news) return state === states[0] ? result : undefined;
  if (current === undefined || manifest?.entry !== state.origin.manifest) return undefined;
  // an unfinished flush is in logs, too
  if (isMoment(manifest.replay) && gapOf(state) < gapOf(current))
    return state === states[0] ? result : undefined;
  const further = state.lastSequence > current.lastSequence;
  const logs = new Set(wals.map(({ number }) => number));
  const logIsGone = tables.some(({ columnFamily }) => {
    const named = current.version.columnFamilies.get(columnFamily)?.logNumber ?? 0n;
    return named > 0n && !logs.has(named);
  });
  return further && logIsGone && state === states[0] ? result : undefined;
}

/** No edit is lost, and a running database has written one. */
function isMoment(replay: ManifestWalk['replay']): boolean {
  return isSound(replay) && replay.version.nextFileNumber !== undefined;
}

/** What CURRENT leads to goes on without a gap in logs under other names. */
function runsOnInRenamed(best: State, current: State | undefined): boolean {
  if (current === undefined) return false;
  if (best.lastSequence <= current.lastSequence && current.gaps.length === 0) return false;
  return best.wals.some(({ wal }) => wal.entry.kind === 'other') && best.gaps.length === 0;
}

function isEarlier({ origin: { kind } }: State): boolean {
  return kind === 'edits' || kind === 'before';
}

/** A table or blob file is not there at all: one that is damaged, or of another length, is no sign of another moment. */
function namesAbsentFiles({ inventory }: Database, { replay }: ManifestWalk): boolean {
  const there = (kind: 'table' | 'blob') =>
    new Set(inventory.entries.filter((entry) => entry.kind === kind).map(({ number }) => number));
  const [tables, blobs] = [there('table'), there('blob')];
  return [...replay.version.columnFamilies.values()].some(
    (family) =>
      [...family.tables.keys()].some((number) => !tables.has(number)) ||
      [...family.blobFiles.keys()].some((number) => !blobs.has(number)),
  );
}

/** CURRENT names a MANIFEST that never had a table, while a larger one leads further and to tables that are here. */
function begunAnew({ current, manifests }: States, best: State): Disorder | undefined {
  if (current === undefined || current === best || !('manifest' in best.origin)) return undefined;
  const begun = walkOf(current, manifests);
  const old = walkOf(best, manifests);
  if (begun === undefined || old === undefined || begun === old || begun.known.size > 0) return undefined;
  if (old.entry.place !== 'database' || old.entry.size <= begun.entry.size || old.known.size === 0)
    return undefined;
  const further = (best.version.lastSequence ?? 0n) > (current.version.lastSequence ?? 0n);
  return further ? { kind: 'begun-anew', state: best, begun, old } : undefined;
}

function walkOf({ origin }: State, manifests: readonly ManifestWalk[]): ManifestWalk | undefined {
  return 'manifest' in origin ? manifests.find(({ entry }) => entry === origin.manifest) : undefined;
}

/**
 * A MANIFEST that is not the named one's ancestor: a MANIFEST begins with all tables of the one before, so one that has tables which
 * the named one never had went on beside it.
 */
function secondOpener({ states, current, manifests }: States): Disorder | undefined {
  const own = current && walkOf(current, manifests);
  if (current === undefined || own === undefined || own.known.size === 0) return undefined;
  for (const other of manifests) {
    if (other === own || other.entry.place !== 'database') continue;
    const beside = tablesOf(other.replay.version).filter(({ number }) => !own.known.has(number));
    if (beside.length === 0 || other.known.size === 0) continue;
    // a repair writes a MANIFEST with other tables of the same writes
    const wentOn = (other.replay.version.lastSequence ?? 0n) > own.begunSequence || !current.complete;
    if (!wentOn) continue;
    const state = states.find(({ origin }) => origin.kind === 'manifest' && origin.manifest === other.entry);
    if (state === undefined || !state.complete) continue;
    const older = (other.entry.number ?? 0n) < (own.entry.number ?? 0n);
    const further =
      state.lastSequence > current.lastSequence ||
      (state.lastSequence === current.lastSequence && state.gaps.length < current.gaps.length);
    if (!older && !further) continue;
    return { kind: 'second-opener', state: states[0], other };
  }
  return undefined;
}

/** A state that lost/ gives back, which has what the one of CURRENT has not. */
function repairedBefore({ states, current, manifests }: States): Disorder | undefined {
  const state = states.find(
    ({ origin, complete }) => complete && 'manifest' in origin && origin.manifest.place === 'lost',
  );
  const lost = state && walkOf(state, manifests);
  if (state === undefined || lost === undefined) return undefined;
  if (current !== undefined && states.indexOf(state) > states.indexOf(current)) return undefined;
  const losses = lossesOf(state, lost, current, manifests);
  const any = losses.families.length + losses.tables + losses.broughtBack + losses.levels + losses.blobFiles;
  return any > 0 ? { kind: 'repaired', state, lost: losses } : undefined;
}

function lossesOf(
  { version }: State,
  lost: ManifestWalk,
  current: State | undefined,
  manifests: readonly ManifestWalk[],
): RepairLosses {
  const own = current && walkOf(current, manifests);
  const now = [...(current?.version.columnFamilies.values() ?? [])];
  const names = new Set(now.map(({ name }) => name));
  const levels = new Map(now.flatMap(({ tables }) => [...tables.values()].map((t) => [t.number, t.level])));
  const blobs = new Set(now.flatMap(({ blobFiles }) => [...blobFiles.keys()]));
  const families = [...version.columnFamilies.values()];
  const tables = families.flatMap((family) => [...family.tables.values()]);
  const live = new Set(tables.map(({ number }) => number));
  // what a repair of the repaired one has put in their place
  const since = new Map(
    now.map((family) => [
      family.id,
      [...family.tables.values()].filter(({ number }) => !lost.known.has(number)),
    ]),
  );
  return {
    families: families.filter(({ name }) => !names.has(name)).map(({ name }) => name),
    tables: tables
      .filter(({ number }) => own?.known.has(number) !== true)
      .filter((table) => !isRescued(table, since.get(table.columnFamily) ?? [])).length,
    broughtBack: [...levels.keys()].filter((number) => lost.known.has(number) && !live.has(number)).length,
    levels: tables.filter(({ number, level }) => level > 0 && levels.get(number) === 0).length,
    blobFiles: families.flatMap(({ blobFiles }) => [...blobFiles.keys()]).filter((n) => !blobs.has(n)).length,
  };
}

/** One of these tables holds writes of it alone: what a RepairDB makes of WALs is later than every table. */
function isRescued(table: LiveTable, since: readonly LiveTable[]): boolean {
  return since.some(
    ({ smallestSequence, largestSequence }) =>
      smallestSequence >= table.smallestSequence && largestSequence <= table.largestSequence,
  );
}
