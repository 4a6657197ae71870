import { append } from '../bytes/append.js';
import type { ColumnFamily, LiveBlobFile, LiveTable, Version } from '../format/manifest/version.js';
import { MAX_SEQUENCE } from '../format/sst/internal-key.js';
import type { InventoryEntry } from '../io/inventory.js';
import type { FilesHere } from './files.js';
import { missingBlobs } from './manifests.js';
import { follows, type SequenceSpan, type WalContents } from './wals.js';

/** A WAL that a state replays. Another number than its own where two were exchanged. */
interface WalUse {
  wal: WalContents;
  number: bigint;
}

/** A version and the WALs that belong to it. */
export interface Joined {
  /** As given, but for log numbers, and without the tables that WALs stand for. */
  version: Version;
  /** In the order of their replay. */
  wals: WalUse[];
  /** WALs that recovery would read and that do not belong to this state. */
  strange: WalContents[];
  /** Tables that are missing and whose contents WALs hold: their flush is taken back. */
  takenBack: LiveTable[];
  missing: LiveTable[];
  missingBlobs: LiveBlobFile[];
  /** WALs that the MANIFEST tracks with a size, that recovery needs and that are gone or shorter. */
  lostWals: bigint[];
  /** Sequences between tables and WALs, between two WALs or inside one, that nothing holds. */
  gaps: SequenceSpan[];
  /** The same of single column families, which go back further than the WALs do. */
  unheld: (SequenceSpan & { columnFamily: number })[];
  /** The last sequence that the state reaches. */
  lastSequence: bigint;
}

/** Runs of WALs in which each begins where the one before ends. */
export class WalChain {
  /** From the oldest WAL that leads to the newest one without a hole. */
  readonly run: readonly WalContents[];

  constructor(readonly wals: readonly WalContents[]) {
    const filled = wals.filter(({ operations }) => operations > 0);
    let from = filled.length - 1;
    while (from > 0 && follows(filled[from], filled[from - 1]) && filled[from - 1].whole) from--;
    this.run = filled.slice(Math.max(from, 0));
  }

  /**
   * The WAL from which on all that a column family was told since `sequence` is written: replaying from there gives what
   * tables made of these writes hold, as everything newer is replayed, too.
   */
  from(columnFamily: number, sequence: bigint, upTo: bigint): number | undefined {
    const { run } = this;
    const last = run.reduce<bigint>(
      (a, { families }) => max(a, families.get(columnFamily)?.last ?? -1n),
      -1n,
    );
    if (last < upTo) return undefined;
    for (let i = run.length - 1; i >= 0; i--) {
      const first = run[i].families.get(columnFamily)?.first;
      if (first !== undefined && first <= sequence) return i;
    }
    return this.isFromBeginning() ? 0 : undefined;
  }

  /** It holds everything that was ever written to a log, up to its end. */
  private isFromBeginning(): boolean {
    return this.run.length > 0 && this.run[0].first! <= 1n;
  }

  /**
   * What a missing table held is in WALs. One without sequence numbers may hold all that its column family was told up to its last
   * flush.
   */
  holds(
    { columnFamily, smallestSequence, largestSequence }: LiveTable,
    family: Pick<ColumnFamily, 'flushedSequence'> | undefined,
  ): boolean {
    if (largestSequence === 0n) {
      return this.isFromBeginning() && this.run.at(-1)!.last! >= (family?.flushedSequence ?? 0n);
    }
    return this.from(columnFamily, smallestSequence, largestSequence) !== undefined;
  }

  /** What a column family was told from `sequence` to the end of the WALs is in them. */
  holdsFrom(columnFamily: number, sequence: bigint): boolean {
    return this.isFromBeginning() || this.from(columnFamily, sequence, 0n) !== undefined;
  }
}

export const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
export const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);

interface JoinRules {
  /** WALs that do not begin where the tables end are left out. */
  strict: boolean;
  /** Only WALs where the engine looks for them: what it comes to with the files as they lie. */
  ownWals: boolean;
  /** Two-phase commit: only min_log_number_to_keep counts. */
  allow2pc: boolean;
  /** Sequences that are in tables of the version although compactions have set them to 0. */
  held: readonly SequenceSpan[];
}

/** Joins a version, which is changed, with the WALs whose sequences connect to it. */
export function join(version: Version, chain: WalChain, files: FilesHere, rules: JoinRules): Joined {
  const takenBack: LiveTable[] = [];
  const missing: LiveTable[] = [];
  for (const family of version.columnFamilies.values()) {
    const gone = [...family.tables.values()].filter((table) => files.table(table) === undefined);
    if (gone.length === 0) continue;
    const back = new Set(takeBack(version, family, gone, chain));
    append(takenBack, back);
    append(
      missing,
      gone.filter((table) => !back.has(table)),
    );
  }
  const families = [...version.columnFamilies.values()];
  const lost = families.flatMap((family) => missingBlobs(family, files));
  const flushed = rules.held.reduce(
    (reach, { to }) => max(reach, to),
    reachOf(version, missing, takenBack.length > 0),
  );
  const cutoff = cutoffOf(version, rules);
  const readable = chain.wals.filter((wal) => {
    if (wal.number < cutoff || wal.operations === 0) return false;
    if (isOwn(wal.entry) || (takenBack.length > 0 && chain.run.includes(wal))) return true;
    return !rules.ownWals && holdsMore(wal, version);
  });
  const uses = ordered(readable, version);
  const countsOperations = !rules.allow2pc && chain.wals.every(({ counting }) => counting === 'operations');
  const live = families.flatMap(({ tables }) => [...tables.values()]);
  const inTables = (span: SequenceSpan) => countsOperations && files.holdEvery(span, live);
  const { wals, gaps, reach } = connected(uses, flushed, rules.strict, inTables);
  // as the files lie, a crash has lost what was written without a log, and nobody was promised it
  if (!rules.ownWals || takenBack.length > 0)
    append(gaps, unloggedIn(version, wals, { missing, held: rules.held }));
  const used = new Set(wals.map(({ wal }) => wal));
  return {
    version,
    wals,
    strange: readable.filter((wal) => !used.has(wal)),
    takenBack,
    missing,
    missingBlobs: lost,
    lostWals: lostWals(version, chain, { uses: wals, cutoff }),
    gaps,
    unheld: unheld(version, wals, { missing, held: rules.held }),
    lastSequence: reach,
  };
}

/**
 * Takes the flushes of missing tables back: the log number goes down to the WAL that has their writes, and every table of
 * these writes leaves, so that nothing is applied twice. Returns the tables that it stands for.
 */
function takeBack(
  version: Version,
  family: ColumnFamily,
  gone: readonly LiveTable[],
  chain: WalChain,
): LiveTable[] {
  const back = gone.filter((table) => chain.holds(table, family));
  if (back.length === 0) return [];
  const starts = back.map(({ smallestSequence: first, largestSequence: last }) =>
    last === 0n ? 0 : (chain.from(family.id, first, last) ?? 0),
  );
  const start = starts.reduce((a, b) => Math.min(a, b));
  const replayed = chain.run.slice(start);
  const writes = replayed.flatMap(({ families }) => families.get(family.id) ?? []);
  const first = writes.reduce((a, b) => min(a, b.first), writes[0]?.first ?? 0n);
  const last = writes.reduce((a, b) => max(a, b.last), 0n);
  const holes = replayed.flatMap(holesOf);
  const inWals = ({ smallestSequence: from, largestSequence: to }: LiveTable) =>
    from > 0n && from >= first && to <= last && !holes.some((hole) => hole.from <= to && hole.to >= from);
  const left = new Set(back);
  const kept = [...family.tables.values()].filter((table) => !left.has(table) && !inWals(table));
  // what a table holds that was made when the log number was this one or below is in none of these logs
  const young = kept.filter(({ flushedLog }) => flushedLog === undefined || flushedLog > replayed[0].number);
  if (young.length > 0) {
    const end = replayed.at(-1)?.last ?? 0n;
    if ((version.lastSequence ?? 0n) > end || writes.some(({ onceOnly }) => onceOnly)) return [];
  }
  family.tables = new Map(kept.map((table) => [table.number, table]));
  family.logNumber = min(family.logNumber, replayed[0].number);
  version.minLogNumberToKeep = min(version.minLogNumberToKeep, replayed[0].number);
  return back;
}

function holesOf({ holes, counting }: WalContents): readonly SequenceSpan[] {
  return counting === 'operations' ? holes : [];
}

/** Sequences in the middle of the WALs that are neither in these nor in a table: a flush that is not there may have had them. */
function unloggedIn(version: Version, wals: readonly WalUse[], beside: Beside): SequenceSpan[] {
  const spans = spansIn(version, beside);
  return wals
    .flatMap(({ wal }) => holesOf(wal))
    .filter((hole) => !spans.some(({ from, to }) => from <= hole.from && hole.to <= to));
}

/** Tables that a version names and that are gone, and sequences that the others hold although they do not show it. */
interface Beside {
  missing: readonly LiveTable[];
  held: readonly SequenceSpan[];
}

function spansIn({ columnFamilies }: Version, { missing, held }: Beside): SequenceSpan[] {
  const gone = new Set(missing);
  const tables = [...columnFamilies.values()].flatMap((family) => [...family.tables.values()]);
  const here = tables.filter((table) => !gone.has(table));
  return [...here.map(({ smallestSequence: from, largestSequence: to }) => ({ from, to })), ...held];
}

/** How far tables lead; where all are as the version says, as far as it says: writes without a log leave nothing else. */
function reachOf(version: Version, missing: readonly LiveTable[], changed: boolean): bigint {
  const gone = new Set(missing);
  const tables = [...version.columnFamilies.values()].flatMap((family) => [...family.tables.values()]);
  const held = tables.reduce((a, table) => (gone.has(table) ? a : max(a, table.largestSequence)), 0n);
  return changed || missing.length > 0 ? held : max(held, version.lastSequence ?? 0n);
}

/** WALs that a version tracks and that are gone or shorter, where the ones that are used lie under their numbers. */
function lostWals(
  { trackedWals }: Version,
  { wals }: WalChain,
  { uses, cutoff }: { uses: readonly WalUse[]; cutoff: bigint },
): bigint[] {
  const sizes = new Map(
    wals.filter(({ entry }) => isOwn(entry)).map((w) => [w.number, BigInt(w.entry.size)]),
  );
  for (const { wal, number } of uses) if (number !== wal.number) sizes.delete(wal.number);
  for (const { wal, number } of uses) sizes.set(number, BigInt(wal.entry.size));
  return [...trackedWals].flatMap(([number, synced]) =>
    synced !== undefined && number >= cutoff && (sizes.get(number) ?? -1n) < synced ? [number] : [],
  );
}

/** A WAL has writes that the tables of a version do not have. */
function holdsMore({ families }: WalContents, { columnFamilies, lastSequence = 0n }: Version): boolean {
  // the highest there is stands for one of LevelDB that is not known, of a table that an edit named with the last sequence then
  const isBelow = ({ largestSequence: own }: LiveTable, last: bigint) =>
    (own === MAX_SEQUENCE ? lastSequence : own) < last;
  return [...families].some(([id, { last }]) => {
    const tables = columnFamilies.get(id)?.tables.values();
    return tables !== undefined && [...tables].every((table) => isBelow(table, last));
  });
}

/** It is where the engine looks for WALs. */
export function isOwn({ kind, place }: InventoryEntry): boolean {
  return kind === 'wal' && (place === 'database' || place === 'wal-dir');
}

/** The number below which recovery reads no WAL (see engine/database.ts `walCutoff`). */
function cutoffOf({ columnFamilies, minLogNumberToKeep }: Version, { allow2pc }: JoinRules): bigint {
  if (allow2pc) return minLogNumberToKeep;
  const numbers = [...columnFamilies.values()].map(({ logNumber }) => logNumber);
  return numbers.length === 0 ? minLogNumberToKeep : max(minLogNumberToKeep, numbers.reduce(min));
}

/**
 * The order in which WALs are replayed: by number; where their sequences say that contents lie under each other's numbers, by
 * sequence; where they are of two histories, those that belong to the version.
 */
function ordered(wals: readonly WalContents[], version: Version): WalUse[] {
  const asNumbered = wals.map((wal) => ({ wal, number: wal.number }));
  const ascending = (uses: readonly WalUse[]) =>
    // some transactions give a batch one sequence number for all of its operations
    uses.every(({ wal }, i) => i === 0 || wal.first! > uses[i - 1].wal.lastBatch!);
  if (ascending(asNumbered)) return asNumbered;
  const bySequence = wals.toSorted((a, b) => (a.first! < b.first! ? -1 : a.first! > b.first! ? 1 : 0));
  const exchanged = bySequence.map((wal, i) => ({ wal, number: wals[i].number }));
  const runsOn = bySequence.every((wal, i) => i === 0 || follows(wal, bySequence[i - 1]));
  if (runsOn) return exchanged;
  // WALs that only transactions explain, as they are
  if (wals.some(({ counting }) => counting !== 'operations')) return asNumbered;
  return ownHistory(wals, version).map((wal) => ({ wal, number: wal.number }));
}

/** Of WALs of several histories the one that begins in the log that the version names, and then leads furthest. */
function ownHistory(wals: readonly WalContents[], { columnFamilies }: Version): WalContents[] {
  const named = new Set([...columnFamilies.values()].map(({ logNumber }) => logNumber));
  const best: { history: WalContents[]; own: boolean }[] = [];
  for (const [i, wal] of wals.entries()) {
    let history = [wal];
    let own = named.has(wal.number);
    for (let k = 0; k < i; k++) {
      const before = best[k];
      if (wals[k].last! >= wal.first!) continue;
      const better = before.own === own ? before.history.length >= history.length : before.own;
      if (better) {
        history = [...before.history, wal];
        own ||= before.own;
      }
    }
    best.push({ history, own });
  }
  const reach = ({ history }: { history: WalContents[] }) => history.at(-1)!.last!;
  return best.reduce((a, b) => {
    if (a.own !== b.own) return a.own ? a : b;
    return reach(b) > reach(a) ? b : a;
  }).history;
}

/** As many of the WALs as connect, and what is not held between them. */
function connected(
  uses: readonly WalUse[],
  flushed: bigint,
  strict: boolean,
  inTables: (span: SequenceSpan) => boolean,
): { wals: WalUse[]; gaps: Joined['gaps']; reach: bigint } {
  const gaps: Joined['gaps'] = [];
  const wals: WalUse[] = [];
  let reach = flushed;
  for (const use of uses) {
    const { first, last } = use.wal;
    const before = wals.at(-1)?.wal;
    const held = before === undefined ? reach : before.last!;
    const runsOn = before === undefined ? first! <= reach + 1n : follows(use.wal, before);
    const gap = { from: held + 1n, to: first! - 1n };
    if (!runsOn && gap.to >= gap.from && !inTables(gap)) {
      if (strict) break;
      gaps.push(gap);
    }
    wals.push(use);
    reach = max(reach, last!);
  }
  return { wals, gaps, reach };
}

/**
 * What column families were told after their tables and before the first WAL that is here, where the one that they name is
 * not: the engine deletes the oldest first, so a family that still needs it is an old one.
 */
function unheld(version: Version, uses: readonly WalUse[], beside: Beside): Joined['unheld'] {
  const families = [...version.columnFamilies.values()];
  const spans = spansIn(version, beside).sort((a, b) => (a.from < b.from ? -1 : 1));
  const gaps: Joined['unheld'] = [];
  const newest = families.reduce((a, { logNumber }) => max(a, logNumber), 0n);
  for (const family of families) {
    const { id: columnFamily, logNumber } = family;
    const flushed = flushedAtLeast(family);
    const needed = max(logNumber, version.minLogNumberToKeep);
    if (needed === 0n || flushed === undefined) continue;
    const first = uses.find(({ number }) => number >= needed);
    // the newest log of all may be empty and left out of a copy
    if (first?.number === needed || (first === undefined && needed >= newest)) continue;
    let held = flushed;
    for (const { from, to } of spans) if (from <= held + 1n && to > held) held = to;
    const end = first === undefined ? (version.lastSequence ?? 0n) : first.wal.first! - 1n;
    if (end > held) gaps.push({ columnFamily, from: held + 1n, to: end });
  }
  return gaps;
}

/** The sequence up to which all that a column family was told is in its tables, at least; absent where nothing tells. */
export function flushedAtLeast({
  flushedSequence,
  isFlushKnown,
  tables,
}: Pick<ColumnFamily, 'flushedSequence' | 'isFlushKnown' | 'tables'>): bigint | undefined {
  if (isFlushKnown || flushedSequence === undefined) return flushedSequence;
  let reach = 0n;
  // the highest there is stands for one that is not known
  for (const { largestSequence } of tables.values())
    if (largestSequence > reach && largestSequence < MAX_SEQUENCE) reach = largestSequence;
  return reach === 0n && tables.size > 0 ? undefined : min(reach, flushedSequence);
}
