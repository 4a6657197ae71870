import { readFilter } from '../../check/sst/filters.js';
import { EntryTally } from '../../encode/sst/tally.js';
import type { LiveTable } from '../../format/manifest/version.js';
import { BlockReader } from '../../format/sst/block.js';
import { type Comparator, compareBytes, compareUserKeys } from '../../format/sst/comparator.js';
import {
  isExclusiveEnd,
  KEY_TRAILER,
  sequenceOf,
  userKeyOf,
  VALUE_TYPE,
} from '../../format/sst/internal-key.js';
import { loadBlock } from '../../format/sst/load.js';
import { isIngested } from '../../format/sst/properties.js';
import type { KeyRange } from '../../lsm/older-tables.js';
import { Refusal } from '../refusal.js';
import { dataBlocksOf, type GoodBlock, type OpenedTable, type PartOfBlock } from './tables-blocks.js';
import type { FoundElsewhere } from './tables-elsewhere.js';
import type { LostRange, Neighbours } from './tables-hide.js';
import type { PebbleRemains } from './tables-pebble.js';

/** A block, to be read again when it is copied, or when the entries that are left of it are. */
export type PlacedBlock = Pick<GoodBlock, 'offset' | 'compression' | 'first' | 'last'> & {
  size: number;
  /** Only its entries between the bounds of the table belong to it. */
  clipped?: true;
  part?: Pick<PartOfBlock, 'bounds' | 'rules' | 'proven'> & { entries: number };
};

/** Everything about a damaged table that decides what the new one holds. */
export interface Reading {
  opened?: OpenedTable;
  blocks: PlacedBlock[];
  gaps: LostRange[];
  /** What other files still hold of what is lost here. */
  found?: FoundElsewhere | undefined;
  /** Entries and tombstones that the properties count and nothing holds; `undefined`: nobody knows. */
  lostEntries?: bigint;
  lostDeletions?: bigint;
  lostRangeTombstones: 'none' | 'some' | 'unknown';
  /** Everything in the table is stored with sequence 0 and has the one that the MANIFEST gives it. */
  ingested?: boolean;
  /** Pebble: what stands beside the data. */
  pebble?: PebbleRemains;
  /** Pebble: entries that are deletions and have a value; the properties prove them to have been puts. */
  putsAsDeletions?: number;
}

/** All keys that a table may hold, as the MANIFEST has it. */
export function wholeRange({ smallest, largest }: LiveTable): LostRange {
  return { range: { from: userKeyOf(smallest), to: userKeyOf(largest), closed: !isExclusiveEnd(largest) } };
}

/** How much of a block belongs to a virtual table, which is a part of its file. */
export function partInside(
  { from, to, closed }: KeyRange,
  first: Uint8Array,
  last: Uint8Array,
  comparator: Comparator,
): 'all' | 'some' | 'none' {
  const [low, high] = [userKeyOf(first), userKeyOf(last)];
  const past = (key: Uint8Array) => {
    const order = compareUserKeys(comparator, key, to) ?? 0;
    return order > 0 || (order === 0 && !closed);
  };
  const below = (key: Uint8Array) => (compareUserKeys(comparator, key, from) ?? 0) < 0;
  if (past(low) || below(high)) return 'none';
  return past(high) || below(low) ? 'some' : 'all';
}

/** Reads what decides on a damaged table: its good blocks, where others are lost between them, and how much is. */
export async function readDamaged(
  opened: OpenedTable,
  live: LiveTable,
  { pace, database }: Pick<Neighbours, 'pace' | 'database'>,
): Promise<Reading> {
  const { table, comparator } = opened;
  // of a file that virtual tables are parts of they count all
  const properties = table.propertiesSound && live.backing === undefined ? table.properties : undefined;
  const bounds = wholeRange(live).range;
  const filter = opened.space === undefined ? undefined : await readFilter(table);
  // filters of single blocks say nothing about a block that is lost
  const whole = table.meta.some(({ kind }) => kind === 'filter' || kind === 'partitioned-filter');
  const keyFilter = whole && filter?.anomalies.length === 0 ? filter.filter : undefined;
  const mayHold =
    keyFilter && ((key: Uint8Array) => keyFilter.holds(key, key.length - comparator.timestampSize, 0));
  const blocks: PlacedBlock[] = [];
  const counted = new EntryTally(comparator, undefined, opened.prefixed);
  const gaps: { offset?: number; after?: Uint8Array; separator?: Uint8Array; before?: Uint8Array }[] = [];
  const endGap = (before: Uint8Array) => {
    const open = gaps.at(-1);
    if (open !== undefined && open.before === undefined) open.before = before;
  };
  for await (const found of dataBlocksOf(opened, live, mayHold)) {
    await pace.step();
    if (found.kind === 'part') {
      const { offset, size, entries, bounds, rules, proven, separator } = found;
      const [first, last] = [entries[0].key, entries.at(-1)!.key];
      for (const { key, value } of entries) counted.add(key, value);
      // what it lost may stand anywhere in it
      if (!found.whole) {
        if (gaps.length === 0 || gaps.at(-1)!.before !== undefined)
          gaps.push({ offset, after: blocks.at(-1)?.last, separator });
        else gaps.at(-1)!.separator = separator;
      } else endGap(first);
      blocks.push({
        ...{ offset, size, first, last, compression: 0 },
        part: { bounds, rules, proven, entries: entries.length },
      });
      continue;
    }
    if (found.kind === 'block') {
      endGap(found.first);
      const { offset, compression, first, last, payload, contents } = found;
      const inside = live.backing === undefined ? 'all' : partInside(bounds, first, last, comparator);
      if (inside === 'none') continue;
      counted.addBlock(contents);
      const clipped = inside === 'some' && { clipped: true as const };
      blocks.push({ offset, compression, first, last, size: payload.length, ...clipped });
      continue;
    }
    const last = gaps.at(-1);
    // gaps with no block between them are one
    if (last !== undefined && last.before === undefined) last.separator = found.separator;
    else gaps.push({ offset: found.offset, after: blocks.at(-1)?.last, separator: found.separator });
  }
  if (opened.space === undefined) gaps.push({});
  const stated = (name: 'num.entries' | 'deleted.keys' | 'merge.operands' | 'num.range-deletions') =>
    properties?.number(name);
  const ranges = stated('num.range-deletions');
  const reading: Reading = {
    opened,
    blocks,
    gaps: [],
    ingested: wasIngested(opened, live, blocks),
    lostRangeTombstones:
      database.dialect === 'leveldb' || table.rangeTombstonesSound || ranges === 0n
        ? 'none'
        : ranges === undefined
          ? 'unknown'
          : 'some',
  };
  const odd = database.dialect === 'pebble' ? await deletionsWithValue(opened, blocks) : 0;
  if (odd > 0) {
    const isProven =
      stated('deleted.keys') === (ranges ?? 0n) + BigInt(counted.deletions - odd) &&
      stated('merge.operands') === BigInt(counted.merges) &&
      stated('num.entries') === (ranges ?? 0n) + BigInt(counted.points);
    if (!isProven) refuseDeletions(live.number, odd);
    reading.putsAsDeletions = odd;
  }
  const entries = stated('num.entries');
  if (entries !== undefined && ranges !== undefined) {
    reading.lostEntries = entries - ranges - BigInt(counted.points);
    const deletions = stated('deleted.keys');
    // some writers count range tombstones among the deletions
    if (deletions !== undefined) {
      const points = deletions - BigInt(counted.deletions);
      reading.lostDeletions = points === ranges ? 0n : points > ranges ? points - ranges : points;
    }
  }
  // the whole run of keys is there, up to the last one that the MANIFEST knows
  const complete =
    reading.lostEntries === 0n ||
    (properties === undefined &&
      gaps.length === 1 &&
      gaps[0].before === undefined &&
      blocks.length > 0 &&
      compareBytes(blocks.at(-1)!.last, live.largest) === 0);
  if (complete) {
    reading.lostEntries = 0n;
    reading.lostDeletions = 0n;
    return reading;
  }
  for (const { offset, after, separator, before } of gaps) {
    let from = after === undefined ? bounds.from : userKeyOf(after);
    let to = before === undefined ? bounds.to : userKeyOf(before);
    let closed = before === undefined && bounds.closed;
    if (separator !== undefined && before !== undefined) {
      // a key may go on from the lost block into the next one
      closed = compareUserKeys(comparator, separator, to) === 0;
      if (!closed) {
        to = separator;
        closed = true;
      }
    }
    if (live.backing !== undefined) {
      const order = (a: Uint8Array, b: Uint8Array) => compareUserKeys(comparator, a, b) ?? 0;
      if (order(from, bounds.from) < 0) from = bounds.from;
      if (order(to, bounds.to) > 0) [to, closed] = [bounds.to, bounds.closed];
      if (order(from, to) > 0) continue;
    }
    reading.gaps.push({
      range: { from, to, closed },
      ...(offset !== undefined && { offset }),
      ...(mayHold && { mayHold }),
    });
  }
  return reading;
}

/** Whether an entry of Pebble's is a deletion with a value: none that is written so has one. */
export function isDeletionWithValue(key: Uint8Array, valueLength: number): boolean {
  return key[key.length - KEY_TRAILER] === VALUE_TYPE.delete && valueLength > 0;
}

/** Entries whose type cannot be right; in tables with marks in their entries they are not looked for. */
async function deletionsWithValue(
  { space, prefixed }: OpenedTable,
  blocks: readonly PlacedBlock[],
): Promise<number> {
  if (prefixed || space === undefined) return 0;
  let count = 0;
  for (const { offset, size, part } of blocks) {
    if (part !== undefined) continue;
    const { contents } = await loadBlock(space, { offset, size }, 'data');
    if (contents === undefined) continue;
    const reader = new BlockReader(contents);
    for (let entry = reader.next(); entry !== undefined; entry = reader.next())
      if (isDeletionWithValue(entry.key, entry.valueLength)) count++;
  }
  return count;
}

function refuseDeletions(number: bigint, count: number): never {
  throw new Refusal(
    'refused',
    `table ${number} holds ${count} deletions with a value: whether they were puts nothing tells`,
    'restore the table from a backup',
  );
}

/**
 * Whether a table was ingested: its properties say so, or, where they are lost, entries are stored with sequence 0 although the
 * MANIFEST has another one for all of them. Compaction sets sequences to 0 in both.
 */
function wasIngested({ table }: OpenedTable, live: LiveTable, blocks: readonly PlacedBlock[]): boolean {
  if (table.dialect !== 'rocksdb') return false;
  if (table.propertiesSound) return isIngested(table.properties);
  const isOne = live.smallestSequence === live.largestSequence && live.largestSequence > 0n;
  return isOne && blocks.some(({ first }) => sequenceOf(first) === 0n);
}
