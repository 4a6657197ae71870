import { readFilter } from '../../check/sst/filters.js';
import { EntryTally } from '../../encode/sst/tally.js';
import type { LiveTable } from '../../format/manifest/version.js';
import { compareBytes, compareUserKeys } from '../../format/sst/comparator.js';
import { isExclusiveEnd, userKeyOf } from '../../format/sst/internal-key.js';
import { dataBlocksOf, type GoodBlock, type OpenedTable, type PartOfBlock } from './tables-blocks.js';
import type { FoundElsewhere } from './tables-elsewhere.js';
import type { LostRange, Neighbours } from './tables-hide.js';

/** A block, to be read again when it is copied, or when the entries that are left of it are. */
export type PlacedBlock = Pick<GoodBlock, 'offset' | 'compression' | 'first' | 'last'> & {
  size: number;
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
}

/** All keys that a table may hold, as the MANIFEST has it. */
export function wholeRange({ smallest, largest }: LiveTable): LostRange {
  return { range: { from: userKeyOf(smallest), to: userKeyOf(largest), closed: !isExclusiveEnd(largest) } };
}

/** Reads what decides on a damaged table: its good blocks, where others are lost between them, and how much is. */
export async function readDamaged(
  opened: OpenedTable,
  live: LiveTable,
  { pace, database }: Pick<Neighbours, 'pace' | 'database'>,
): Promise<Reading> {
  const { table, comparator } = opened;
  const properties = table.propertiesSound ? table.properties : undefined;
  const filter = opened.space === undefined ? undefined : await readFilter(table);
  // filters of single blocks say nothing about a block that is lost
  const whole = table.meta.some(({ kind }) => kind === 'filter' || kind === 'partitioned-filter');
  const keyFilter = whole && filter?.anomalies.length === 0 ? filter.filter : undefined;
  const mayHold =
    keyFilter && ((key: Uint8Array) => keyFilter.holds(key, key.length - comparator.timestampSize, 0));
  const blocks: PlacedBlock[] = [];
  const counted = new EntryTally(comparator, undefined);
  const gaps: { offset?: number; after?: Uint8Array; separator?: Uint8Array; before?: Uint8Array }[] = [];
  const endGap = (before: Uint8Array) => {
    const open = gaps.at(-1);
    if (open !== undefined && open.before === undefined) open.before = before;
  };
  for await (const found of dataBlocksOf(opened, live)) {
    await pace.step();
    if (found.kind === 'part') {
      const { offset, size, entries, bounds, rules, proven, separator } = found;
      const [first, last] = [entries[0].key, entries.at(-1)!.key];
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
      counted.addBlock(contents);
      blocks.push({ offset, compression, first, last, size: payload.length });
      continue;
    }
    const last = gaps.at(-1);
    // gaps with no block between them are one
    if (last !== undefined && last.before === undefined) last.separator = found.separator;
    else gaps.push({ offset: found.offset, after: blocks.at(-1)?.last, separator: found.separator });
  }
  if (opened.space === undefined) gaps.push({});
  const stated = (name: 'num.entries' | 'deleted.keys' | 'num.range-deletions') => properties?.number(name);
  const ranges = stated('num.range-deletions');
  const reading: Reading = {
    opened,
    blocks,
    gaps: [],
    lostRangeTombstones:
      database.dialect === 'leveldb' || table.rangeTombstonesSound || ranges === 0n
        ? 'none'
        : ranges === undefined
          ? 'unknown'
          : 'some',
  };
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
  const bounds = wholeRange(live).range;
  for (const { offset, after, separator, before } of gaps) {
    const from = after === undefined ? bounds.from : userKeyOf(after);
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
    reading.gaps.push({
      range: { from, to, closed },
      ...(offset !== undefined && { offset }),
      ...(mayHold && { mayHold }),
    });
  }
  return reading;
}
