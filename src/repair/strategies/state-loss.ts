import type { Database } from '../../engine/database.js';
import { walCutoff } from '../../engine/wal-cutoff.js';
import { counted, grouped } from '../../finding/quantity.js';
import { fileName } from '../../format/filename.js';
import type { LiveTable } from '../../format/manifest/version.js';
import type { InventoryEntry } from '../../io/inventory.js';
import type { LeftTables } from '../../states/families.js';
import { tablesOf } from '../../states/holdings.js';
import { flushedAtLeast, isOwn, max } from '../../states/join.js';
import { isSound, type ManifestWalk } from '../../states/manifests.js';
import type { State, States } from '../../states/state.js';
import { outside } from '../../states/wals.js';
import { tableName } from '../place.js';
import type { LossStatement } from '../plan.js';
import { sequences, tablesGone } from './state-tables-gone.js';

/** What a state leaves behind that the files, or the MANIFEST beyond it, still tell of. */
export function lossOfState(
  database: Database,
  state: State,
  { states, current, manifests, wals, unread }: States,
): LossStatement[] {
  const later = laterWrites(state, states);
  return [
    ...laterManifest(database, state),
    ...tablesGone(database, state, { current, manifests }),
    ...lostLogs(database, state),
    ...(later.length > 0 ? [] : begunLogs(database, state, manifests)),
    ...strangeWals(state),
    ...ignoredWrites(state),
    ...tablesLeftOut(state, database),
    ...tablesOfOthers(state, database, { manifests, wals }),
    ...unreadTables(state, { manifests, unread }).map(unreadText),
    ...unloggedWrites(state),
    ...endOfLogs(state),
    ...betweenTables(database, state, manifests),
    ...unheldWrites(state),
    ...(later.length > 0 ? later : earlierTables(state)),
    ...tablesSetAside(database, state, manifests),
    ...state.left.map(leftText),
  ];
}

/**
 * The MANIFEST that CURRENT names is gone, and the state is that of another one: edits that only the first had nobody knows, unless the
 * state goes on without a gap to files that are younger than it.
 */
function laterManifest(
  { current, inventory }: Database,
  { origin, wals, version, gaps }: State,
): LossStatement[] {
  const { number, anomalies = [] } = current?.decoded ?? {};
  if (number === undefined || anomalies.length > 0 || !('manifest' in origin)) return [];
  if (inventory.entries.some((entry) => entry.kind === 'manifest' && entry.number === number)) return [];
  const used = [...wals.map((use) => use.number), ...tablesOf(version).map((table) => table.number)];
  if (gaps.length === 0 && used.some((each) => each > number)) return [];
  const file = fileName('manifest', number);
  return [
    {
      file,
      detail: `what only this MANIFEST told, which CURRENT names and which is not here: writes and deletions after those of ${origin.manifest.file} are in the result as far as the tables and logs that are here hold them`,
      facts: { taken: origin.manifest.file },
    },
  ];
}

/** Logs that a MANIFEST tracks, from the number on that recovery begins with, and that are gone or shorter. */
function lostLogs({ inventory }: Database, { lostWals, origin }: State): LossStatement[] {
  return lostWals.map((number) => {
    const here = inventory.entries.find(
      (entry) => entry.kind === 'wal' && entry.number === number && isOwn(entry),
    );
    const what = here === undefined ? 'is not here' : `has ${here.size} bytes and had more`;
    return {
      file: fileName('wal', number),
      detail: `writes in a log that ${what}, which ${'manifest' in origin ? origin.manifest.file : 'the MANIFEST'} tracks: those that no table holds`,
      facts: {},
    };
  });
}

/**
 * Logs that the MANIFEST of a state says were begun, that recovery would read, and that are gone, newer than all that are here: whether they
 * held writes nothing tells. A RepairDB puts them into lost/.
 */
function begunLogs(
  { inventory, dialect, options }: Database,
  { origin, lostWals, wals, version }: State,
  manifests: States['manifests'],
): LossStatement[] {
  const walk = 'manifest' in origin ? manifests.find(({ entry }) => entry === origin.manifest) : undefined;
  if (walk === undefined) return [];
  const logs = inventory.entries.filter(({ kind, number }) => kind === 'wal' && number !== undefined);
  const here = logs.flatMap(({ number, place }) => (place === 'lost' ? [] : [number!]));
  const newest = [...here, ...wals.map((use) => use.number)].reduce(max, 0n);
  const setAside = new Set(logs.map(({ number }) => number));
  const cutoff = walCutoff(version, options);
  // an open of RocksDB sets a number below its MANIFEST's own without beginning the file
  const own = dialect === 'rocksdb' ? (walk.entry.number ?? 0n) : 0n;
  const gone = walk.replay.begunWals.filter(
    (number) =>
      number > newest &&
      number > own &&
      number >= cutoff &&
      !lostWals.includes(number) &&
      !setAside.has(number),
  );
  return gone.map((number) => ({
    file: fileName('wal', number),
    detail: `perhaps writes that no table holds: the log is gone, and ${walk.entry.file} says that it was begun`,
    facts: {},
  }));
}

/** Tables of no column family that is here. */
function leftText({ tables, what }: LeftTables): LossStatement {
  const entries = tables.reduce((sum, table) => sum + table.entries, 0);
  const [file, ...others] = tables.map(({ entry }) => entry.file);
  const also = others.length > 0 ? `with ${others.join(', ')}: ` : '';
  return {
    file,
    detail: `${also}${counted(entries, 'entry', 'entries')} of ${what}`,
    facts: { entries, files: [file, ...others] },
  };
}

/** Damaged tables that a RepairDB set aside, named by the MANIFEST beside them, of which nothing is put back. */
function tablesSetAside(
  { inventory }: Database,
  { origin, version }: State,
  manifests: States['manifests'],
): LossStatement[] {
  const lost = manifests.filter(({ entry }) => entry.place === 'lost');
  if (lost.length === 0 || ('manifest' in origin && origin.manifest.place === 'lost')) return [];
  const live = new Set(tablesOf(version).map(({ number }) => number));
  const named = new Set(lost.flatMap(({ replay }) => tablesOf(replay.version).map(({ number }) => number)));
  return inventory.entries.flatMap(({ kind, place, number, file }) =>
    kind === 'table' && place === 'lost' && number !== undefined && named.has(number) && !live.has(number)
      ? [
          {
            file,
            detail:
              'a table that a RepairDB set aside: its entries, as far as no other table holds them; perhaps deletions',
            facts: {},
          },
        ]
      : [],
  );
}

/** Tables from before the MANIFEST, in the place of some that were made from them and from later writes. */
function earlierTables({ origin }: State): LossStatement[] {
  if (origin.kind !== 'before' || origin.unaccounted.length === 0) return [];
  const detail =
    'tables from before this MANIFEST stand in the place of those that are not here: keys that were written or deleted since may show as they were then';
  return [{ file: origin.manifest.file, detail, facts: {} }];
}

/** Sequences between what the state holds: a table that is gone may have had them, of writes without a log. */
export function unloggedWrites({ gaps, origin, version }: State): LossStatement[] {
  // a compaction sets sequences to 0, and keeps the entries
  const isOpen = tablesOf(version).some(({ smallestSequence }) => smallestSequence === 0n);
  const holder = isOpen
    ? 'no log holds them, and no table that is here unless among the entries whose sequences a compaction has set to 0'
    : 'no log and no table that is here holds them';
  return gaps.map(({ from, to }) => ({
    file: 'manifest' in origin ? origin.manifest.file : '.',
    detail: `${writes(to - from + 1n, '')}, ${sequences(from, to)}: ${holder}`,
    facts: { firstSequence: String(from), lastSequence: String(to) },
  }));
}

/** Logs that recovery reads run on to the last sequence that a flush of any column family has written down, and these end before. */
function endOfLogs({ wals, version, origin, strange }: State): LossStatement[] {
  if (wals.length === 0 || wals.some(({ wal }) => wal.counting !== 'operations')) return [];
  const end = wals.reduce((reach, { wal }) => max(reach, wal.last ?? 0n), 0n);
  // what is in logs that do not connect is counted there
  const apart = strange.flatMap(({ first, last }) =>
    first === undefined || last === undefined ? [] : [{ from: first, to: last }],
  );
  return outside(apart, { from: end + 1n, to: version.lastSequence ?? 0n }).map(({ from, to }) => ({
    file: 'manifest' in origin ? origin.manifest.file : '.',
    detail: `${writes(to - from + 1n, '')}, ${sequences(from, to)}, where no table holds them: the logs that are here end before`,
    facts: { firstSequence: String(from), lastSequence: String(to) },
  }));
}

/**
 * Sequences after those that a MANIFEST knows to be in tables of a column family, up to the first log that is here, that no table of it
 * reaches: logs that are gone may have had writes to it.
 */
function betweenTables(
  { dialect }: Database,
  { origin, version, wals, gaps }: State,
  manifests: States['manifests'],
): LossStatement[] {
  if (dialect !== 'rocksdb' || origin.kind !== 'extended') return [];
  const walk = manifests.find(({ entry }) => entry === origin.manifest);
  const end = wals[0]?.wal.first ?? 0n;
  if (walk === undefined || !isSound(walk.replay)) return [];
  return [...version.columnFamilies.values()].flatMap(({ id, name, tables }) => {
    const known = walk.replay.version.columnFamilies.get(id);
    const flushed = known && flushedAtLeast(known);
    if (flushed === undefined) return [];
    const others = tablesOf(version).filter((table) => table.columnFamily !== id);
    const held = [
      ...gaps,
      ...[...tables.values()].map((table) => ({ from: table.smallestSequence, to: table.largestSequence })),
      ...others.flatMap(({ smallestSequence: first, largestSequence: last }) =>
        [first, last].map((each) => ({ from: each, to: each })),
      ),
    ];
    const open = outside(held, { from: flushed + 1n, to: end - 1n });
    if (open.length === 0) return [];
    const [from, to] = [open[0].from, open.at(-1)!.to];
    return {
      file: origin.manifest.file,
      detail: `perhaps writes to column family ${name} in ${sequences(from, to)}: their logs are gone, and no table shows them`,
      facts: { columnFamily: name, firstSequence: String(from), lastSequence: String(to) },
    };
  });
}

/** The same of a state whose MANIFEST names its tables: the log that a column family needs first is not here. */
export function unheldWrites({ origin, version, unheld, leftOut }: State): LossStatement[] {
  if (origin.kind !== 'manifest' && origin.kind !== 'edits') return [];
  // tables that are left out are told by themselves
  const told = new Set(leftOut.map((table) => table.columnFamily));
  return unheld.flatMap(({ columnFamily, from, to }) => {
    if (told.has(columnFamily)) return [];
    const name = version.columnFamilies.get(columnFamily)?.name ?? `id ${columnFamily}`;
    return {
      file: origin.manifest.file,
      detail: `perhaps writes to column family ${name} in ${sequences(from, to)}: the log that it needs first is gone, and no table shows them`,
      facts: { columnFamily: name, firstSequence: String(from), lastSequence: String(to) },
    };
  });
}

/** What WALs hold for column families that the state does not know. */
function ignoredWrites({ ignored, origin }: State): LossStatement[] {
  return ignored.map(({ id, operations }) => ({
    file: 'manifest' in origin ? origin.manifest.file : '.',
    detail: `${counted(operations, 'operation')} of WALs for column family ${id}, which was added later than this state`,
    facts: { operations },
  }));
}

/** Tables that are here and belong below the last sequence of a state that does not have them. */
function tablesLeftOut({ leftOut, version }: State, { inventory }: Database): LossStatement[] {
  return leftOut.map(({ number, columnFamily, smallestSequence, largestSequence }) => ({
    file: tableName(inventory, number),
    detail: `a table of column family ${version.columnFamilies.get(columnFamily)?.name} that is here and that the state does not have: its entries, as far as no other table holds them`,
    facts: { firstSequence: String(smallestSequence), lastSequence: String(largestSequence) },
  }));
}

/** Tables that are here, that another MANIFEST ends with, and that the one of a state never named. */
function tablesOfOthers(
  { origin, version, leftOut, lastSequence }: State,
  { inventory }: Database,
  { manifests, wals }: Pick<States, 'manifests' | 'wals'>,
): LossStatement[] {
  const own = 'manifest' in origin ? manifests.find(({ entry }) => entry === origin.manifest) : undefined;
  if (own === undefined) return [];
  const told = new Set([...own.known, ...[...leftOut, ...tablesOf(version)].map(({ number }) => number)]);
  return manifests.flatMap(({ entry, replay, here }) =>
    entry.place === 'lost'
      ? []
      : tablesOf(replay.version).flatMap((table) => {
          const { number, smallestSequence, largestSequence } = table;
          // later ones are counted by their sequences
          if (told.has(number) || !here.has(number) || smallestSequence > lastSequence) return [];
          told.add(number);
          if (isFromLogSetAside(table, own, wals)) return [];
          return {
            file: tableName(inventory, number),
            detail: `a table that is here, that ${entry.file} names and that is not taken from there: its entries, as far as no other table holds them; perhaps deletions`,
            facts: { firstSequence: String(smallestSequence), lastSequence: String(largestSequence) },
          };
        }),
  );
}

/**
 * A table that a RepairDB made of a log which it set aside: its number was not given out before. A state of the MANIFEST beside that log reads
 * it again, or has its writes in tables.
 */
function isFromLogSetAside(
  { number, columnFamily, smallestSequence, largestSequence }: LiveTable,
  { entry, replay }: ManifestWalk,
  wals: States['wals'],
): boolean {
  const { nextFileNumber } = replay.version;
  if (entry.place !== 'lost' || nextFileNumber === undefined || number < nextFileNumber) return false;
  return wals.some((wal) => {
    const held = wal.families.get(columnFamily);
    const isHeld = held !== undefined && held.first <= smallestSequence && largestSequence <= held.last;
    return isHeld && wal.entry.place === 'lost' && wal.whole;
  });
}

/**
 * Tables that are here, that cannot be read whole or have a strange name, and that a state does without which rests on tables, or on a MANIFEST that has lost
 * edits: none that is left says that they were deleted.
 */
export function unreadTables(
  { origin, version, moved }: State,
  { manifests, unread }: Pick<States, 'manifests' | 'unread'>,
): InventoryEntry[] {
  const walk =
    origin.kind === 'tables' || origin.kind === 'before'
      ? undefined
      : manifests.find(({ entry }) => entry === origin.manifest);
  if (origin.kind === 'edits' || (origin.kind === 'manifest' && (walk === undefined || isSound(walk.replay))))
    return [];
  const live = new Set(tablesOf(version).map(({ number }) => number));
  const taken = new Set(moved.map(({ entry }) => entry));
  return unread.filter((entry) => {
    const { kind, number } = entry;
    if (kind === 'other') return !taken.has(entry);
    return number !== undefined && !live.has(number) && walk?.known.has(number) !== true;
  });
}

/** What is lost with them. */
export function unreadText({ file, root, kind }: InventoryEntry): LossStatement {
  return {
    file,
    ...(root !== undefined && { root }),
    detail:
      kind === 'other'
        ? 'a table under a name that the engine does not read, which no edit that is left names: its entries, as far as no other table holds them; perhaps deletions'
        : 'a table that is here and cannot be read whole: its entries, as far as no other table holds them; perhaps deletions; the engine deletes the file when it opens the result',
    facts: {},
  };
}

/** WALs that do not connect, with their operations by column family. */
function strangeWals({ strange, version }: State): LossStatement[] {
  return strange.flatMap(({ entry, operations, first, last, families }) => {
    if (first === undefined || last === undefined) return [];
    const named = [...families].map(([id, { operations: count }]) => {
      return `${count} of ${version.columnFamilies.get(id)?.name ?? `id ${id}`}`;
    });
    return {
      file: entry.file,
      ...(entry.root !== undefined && { root: entry.root }),
      detail: `${counted(operations, 'operation')}, ${sequences(first, last)} (${named.join(', ')}): they do not connect to this state`,
      facts: { operations, firstSequence: String(first), lastSequence: String(last) },
    };
  });
}

/**
 * Writes after the state that another one, or the MANIFEST of the state itself, knows of. Those in WALs that do not connect are counted
 * there.
 */
function laterWrites({ lastSequence, origin, strange }: State, states: readonly State[]): LossStatement[] {
  let furthest = lastSequence;
  for (const { version, lastSequence: last } of states) {
    for (const sequence of [version.lastSequence ?? 0n, last]) {
      if (sequence > furthest) furthest = sequence;
    }
  }
  const told = strange.flatMap(({ first = 0n, last = -1n, holes }) =>
    outside(holes, { from: first, to: last }),
  );
  return outside(told, { from: lastSequence + 1n, to: furthest }).map(({ from, to }) => ({
    file: 'manifest' in origin ? origin.manifest.file : '.',
    detail: `${writes(to - from + 1n, 'later ')}, ${sequences(from, to)}: what is here of them does not lead to a state that the database once was`,
    facts: { firstSequence: String(from), lastSequence: String(to) },
  }));
}

const writes = (count: bigint, which: string) => `${grouped(count)} ${which}write${count === 1n ? '' : 's'}`;
