import type { DialectName } from '../format/dialect.js';
import type { Version } from '../format/manifest/version.js';
import { comparatorNamed, compareUserKeys } from '../format/sst/comparator.js';
import { isExclusiveEnd, userKeyOf } from '../format/sst/internal-key.js';
import type { Contents, FoundTable } from './tables.js';

/** Which tables of one column family make up its state, and where they belong. */
interface Choice {
  live: FoundTable[];
  /** Left out, with the reason in half a sentence. */
  left: { table: FoundTable; why: string }[];
  /** One table under two numbers, and neither says which is its own: the first is taken. */
  copies: [taken: FoundTable, left: FoundTable][];
}

/** Where the keys of a table lie, and in what order. */
export type PlacedTable = Pick<FoundTable, 'live' | 'comparator'>;

/** True when the bounds of two tables overlap. */
export function boundsOverlap(a: PlacedTable, b: PlacedTable): boolean {
  const order = comparatorNamed(a.comparator || undefined);
  const before = (x: PlacedTable, y: PlacedTable) => {
    const difference = compareUserKeys(order, userKeyOf(x.live.largest), userKeyOf(y.live.smallest));
    if (difference === undefined) return false;
    return difference < 0 || (difference === 0 && isExclusiveEnd(x.live.largest));
  };
  return !before(a, b) && !before(b, a);
}

/** A version names the table. */
export function isNamedBy({ columnFamilies }: Version, { live }: Pick<FoundTable, 'live'>): boolean {
  return columnFamilies.get(live.columnFamily)?.tables.has(live.number) === true;
}

/** Tables whose contents decide: those that no edit names, and what overlaps them. */
export function needed(
  version: Version,
  found: readonly FoundTable[],
  known: ReadonlySet<bigint>,
): FoundTable[] {
  const open = found.filter((table) => !known.has(table.live.number) && !isNamedBy(version, table));
  return found.filter(
    (table) =>
      open.includes(table) ||
      (isNamedBy(version, table) &&
        open.some(
          (other) => other.live.columnFamily === table.live.columnFamily && boundsOverlap(other, table),
        )),
  );
}

/**
 * Chooses among tables of which some were made from others. A sequence number belongs to one write, so two tables that share
 * an entry cannot both be live: the one with the higher number was written from the other by a compaction. Where a compaction's
 * output holds nothing that its inputs do not hold, and lacks nothing of theirs between its bounds, the inputs are taken, since it
 * may be unfinished; else something that it was made from is gone, and it takes the place of what is left of that. A table that was
 * copied over another one is taken under its own number, or else the higher one: no log that was begun later holds older writes.
 * `certain` are tables that the MANIFEST names. `deepest`, where a table that was made of others has a
 * higher number than these: those of them on the last level.
 */
export function chooseTables(
  tables: readonly FoundTable[],
  contents: ReadonlyMap<bigint, Contents>,
  certain: ReadonlySet<bigint>,
  deepest: ReadonlySet<bigint> | undefined,
): Choice {
  const live: FoundTable[] = [];
  const left: Choice['left'] = [];
  const copies: Choice['copies'] = [];
  for (const table of tables) {
    const own = contents.get(table.live.number) ?? NOTHING;
    const isCertain = certain.has(table.live.number);
    const inputs = live.filter((other) => {
      // the MANIFEST has both
      if (isCertain && certain.has(other.live.number)) return false;
      const theirs = contents.get(other.live.number) ?? NOTHING;
      return (
        boundsOverlap(other, table) &&
        (derives(own, theirs, isBottommost(table)) ||
          (deepest !== undefined && areBothLowest(own, theirs, deepest.has(other.live.number))))
      );
    });
    const known = inputs.map((input) => contents.get(input.live.number) ?? NOTHING);
    const isNews = inputs.length === 0 || hasNews(own, known) || lacks(own, known, table);
    const [input] = inputs;
    const isCopy =
      inputs.length === 1 && !isCertain && !certain.has(input.live.number) && isSame(own, known[0]);
    if (isCopy && !isNamedSo(input)) {
      live.splice(live.indexOf(input), 1, table);
      left.push({ table: input, why: `${table.entry.file} is the same table` });
      if (input.writtenAs === undefined) copies.push([table, input]);
      continue;
    }
    if (!isCertain && !isNews) {
      left.push({
        table,
        why: `all that it holds is in ${inputs.map(({ entry }) => entry.file).join(', ')}`,
      });
      continue;
    }
    for (const input of inputs) {
      if (certain.has(input.live.number) && !isNews) continue;
      live.splice(live.indexOf(input), 1);
      left.push({ table: input, why: `${table.entry.file} was made from it` });
    }
    live.push(table);
  }
  return { live, left, copies };
}

/** The number that a table was written under is its own. */
function isNamedSo({ live, writtenAs }: FoundTable): boolean {
  return writtenAs === live.number;
}

function isSame(table: Contents, other: Contents): boolean {
  return table.size === other.size && !hasNews(table, [other]) && !hasNews(other, [table]);
}

const NOTHING: Contents = new Map();

/**
 * Whether a compaction set sequences of this table to 0: nothing lay below any of it (rocksdb db/compaction/compaction_iterator.cc), and what
 * is written to be ingested has none of its own. Tables of other engines do not say whether they were ingested.
 */
function isBottommost({ live, ingested, columnFamilyName }: FoundTable): boolean {
  return live.smallestSequence === 0n && !ingested && columnFamilyName !== undefined;
}

/**
 * Whether `output`, which came later, was made from `input`: they share entries, as they were or with their sequences set to 0. Or the output
 * has a newer version of one key, so that the input does not lie above it, and is bottommost, or has one of another key whose sequence was set to
 * 0, so that it does not lie below: such a sequence says that nothing does (rocksdb db/compaction/compaction_iterator.cc, pebble compaction.go).
 */
function derives(output: Contents, input: Contents, isBottommost: boolean): boolean {
  let zeroed = 0;
  let common = 0;
  let isNotAbove = false;
  let isNotBelow = isBottommost;
  for (const [key, versions] of input) {
    const there = output.get(key);
    if (there === undefined) continue;
    common++;
    for (const { sequence, type } of versions) {
      if (sequence > 0n && there.some((v) => v.sequence === sequence && v.type === type)) return true;
    }
    const [newest] = versions;
    if (there[0].sequence > newest.sequence) isNotAbove = true;
    if (there[0].sequence === 0n && newest.sequence > 0n) isNotBelow = true;
    if (there.some((v) => v.sequence === 0n && v.value === newest.value && v.type === newest.type)) zeroed++;
  }
  return (isNotAbove && isNotBelow) || (zeroed > 0 && 2 * zeroed > common);
}

/** The sequence of one key was set to 0 in both, or in the later one while the other lies on the last level: neither lies below the other. */
function areBothLowest(output: Contents, input: Contents, isDeepest: boolean): boolean {
  for (const [key, [newest]] of input)
    if ((isDeepest || newest.sequence === 0n) && output.get(key)?.[0].sequence === 0n) return true;
  return false;
}

/** Whether a table holds an entry that none of the others has. */
export function hasNews(table: Contents, others: readonly Contents[]): boolean {
  for (const [key, versions] of table) {
    for (const { sequence, type, value } of versions) {
      const held = others.some((other) =>
        other
          .get(key)
          ?.some((v) =>
            sequence === 0n
              ? v.value === value || v.type === MERGE
              : v.sequence === sequence && v.type === type,
          ),
      );
      if (!held) return true;
    }
  }
  return false;
}

const MERGE = 0x02;

/** Whether inputs hold a key between the bounds of an output that it dropped: something deleted it, and is gone. */
function lacks(table: Contents, inputs: readonly Contents[], found: FoundTable): boolean {
  const order = comparatorNamed(found.comparator || undefined);
  const [smallest, largest] = [userKeyOf(found.live.smallest), userKeyOf(found.live.largest)];
  for (const input of inputs) {
    for (const [name, [newest]] of input) {
      if (table.has(name) || newest.type === 0x00 || newest.type === 0x07 || newest.type === 0x14) continue;
      const key = Buffer.from(name, 'latin1');
      const inside =
        (compareUserKeys(order, smallest, key) ?? 1) <= 0 && (compareUserKeys(order, key, largest) ?? 1) <= 0;
      const deleted = inputs.some((other) => other !== input && other.get(name)?.[0] !== undefined);
      if (inside && !deleted) return true;
    }
  }
  return false;
}

/**
 * Gives each table a level: tables whose sequences stand apart from all others they overlap go to level 0 in the order of
 * those; what compactions wrote goes as deep as what it overlaps lets it, and to level 0, too, where that is all there is and an engine
 * reads them there in their order. False when the levels do not suffice.
 */
export function assignLevels(
  live: readonly FoundTable[],
  contents: ReadonlyMap<bigint, Contents>,
  known: ReadonlyMap<bigint, number>,
  { levels, dialect }: { levels: number; dialect: DialectName },
): boolean {
  const flushed = live.filter((table) => !known.has(table.live.number) && standsApart(table, live));
  for (const table of live) {
    const level = known.get(table.live.number);
    if (level !== undefined) table.live.level = level;
    else if (flushed.includes(table)) table.live.level = 0;
    else table.live.level = -1;
  }
  // the oldest first: each goes above what it overlaps
  const open = live.filter(({ live: { level } }) => level < 0);
  open.sort((a, b) => (isNewer(a, b, contents) ? 1 : isNewer(b, a, contents) ? -1 : 0));
  for (const table of open) {
    let level = levels - 1;
    let above = 0;
    for (const other of live) {
      if (other === table || other.live.level < 0 || !boundsOverlap(other, table)) continue;
      if (other.live.level === 0) {
        if (isNewer(table, other, contents)) level = 0;
        continue;
      }
      if (isNewer(other, table, contents) && known.has(other.live.number))
        above = Math.max(above, other.live.level);
      else level = Math.min(level, other.live.level - 1);
    }
    if (above > 0 && level <= above) return false;
    table.live.level = Math.max(level, 0);
  }
  const isLifted = open.some(({ live: { level } }) => level === 0);
  const shallow = live.filter(({ live: { level } }) => level === 0);
  return !isLifted || isReadInOrder(shallow, contents, dialect);
}

/**
 * Whether an engine takes these tables on level 0, and reads newer versions first: LevelDB goes by their numbers, the others by their
 * sequences, of which RocksDB wants both the largest and the smallest to rise (rocksdb db/version_builder.cc, `NewestFirstBySeqNo`,
 * `CheckConsistencyDetails`; pebble internal/manifest/version.go, `CheckOrdering`; leveldb db/version_set.cc, `NewestFirst`).
 */
function isReadInOrder(
  tables: readonly FoundTable[],
  contents: ReadonlyMap<bigint, Contents>,
  dialect: DialectName,
): boolean {
  const byNumber = ({ live: a }: FoundTable, { live: b }: FoundTable) => Number(b.number - a.number);
  const bySequence = (x: FoundTable, y: FoundTable) =>
    Number(y.live.largestSequence - x.live.largestSequence) ||
    Number(y.live.smallestSequence - x.live.smallestSequence) ||
    byNumber(x, y);
  const byAge = [...tables].sort(dialect === 'leveldb' ? byNumber : bySequence);
  return byAge.every((older, i) => {
    const { smallestSequence: first, largestSequence: last } = older.live;
    const above = byAge.slice(0, i);
    const next = above.at(-1)?.live;
    const isTaken =
      dialect !== 'rocksdb' ||
      next === undefined ||
      (first === last ? last === 0n || last < next.largestSequence : next.smallestSequence > first);
    return (
      isTaken && above.every((newer) => !boundsOverlap(newer, older) || !isNewer(older, newer, contents))
    );
  });
}

/** A flush: every sequence of its own, none in common with the span of another table. */
function standsApart({ live: own }: FoundTable, all: readonly FoundTable[]): boolean {
  if (own.smallestSequence === 0n) return false;
  return all.every(
    ({ live: other }) =>
      other === own ||
      other.smallestSequence > own.largestSequence ||
      other.largestSequence < own.smallestSequence,
  );
}

/** Whether `a` holds the newer versions of what both hold; by their sequences where they share no key. */
function isNewer(a: FoundTable, b: FoundTable, contents: ReadonlyMap<bigint, Contents>): boolean {
  const theirs = contents.get(b.live.number) ?? NOTHING;
  for (const [key, [newest]] of contents.get(a.live.number) ?? NOTHING) {
    const other = theirs.get(key)?.[0];
    if (other !== undefined && other.sequence !== newest.sequence) return newest.sequence > other.sequence;
  }
  return a.live.smallestSequence > b.live.largestSequence;
}
