import { BlockReader } from '../../format/sst/block.js';
import { comparatorNamed } from '../../format/sst/comparator.js';
import { userKeyOf } from '../../format/sst/internal-key.js';
import { loadBlock } from '../../format/sst/load.js';
import { isOlder } from '../../lsm/older-tables.js';

import type { Neighbours } from './tables-hide.js';
import { keysIn } from './tables-older.js';
import type { Reading } from './tables-reading.js';

/** Keys that are told apart; with more of them the count is an upper bound. */
const MOST_KEYS = 2_000_000;

export function isUnordered({ comparator }: Pick<Neighbours, 'comparator'>): boolean {
  return comparatorNamed(comparator || undefined).order === 'unknown';
}

/**
 * How many keys may show older values in the place of what a table lost, at most, where the order of keys is the application's
 * own: nobody can say which keys the lost part held, nor put a deletion in its place among the others. Left out are keys that the
 * table's filter denies or that stand in what is left of it.
 */
export async function mayComeBack(at: Neighbours, reading: Reading): Promise<number> {
  if (reading.gaps.length === 0 && reading.lostRangeTombstones === 'none') return 0;
  const { database, version, table } = at;
  const tables = [...(version.columnFamilies.get(table.columnFamily)?.tables.values() ?? [])];
  const older = tables.filter((other) => isOlder(other, table));
  if (older.length === 0) return 0;
  // a lost range tombstone may have covered any key
  const byRange = reading.lostRangeTombstones !== 'none';
  const kept = byRange ? new Set<string>() : await keptKeys(reading);
  const denied = (key: Uint8Array) =>
    !byRange && reading.gaps.every(({ mayHold }) => mayHold !== undefined && !mayHold(key));
  const seen = new Set<string>();
  let beyond = 0;
  for (const other of older) {
    for await (const { key, sequence } of keysIn(database, version, table.columnFamily, [other])) {
      await at.pace.step();
      const name = nameOf(key);
      if (sequence >= table.largestSequence || denied(key) || kept.has(name)) continue;
      if (seen.size < MOST_KEYS) seen.add(name);
      else beyond++;
    }
  }
  return seen.size + beyond;
}

async function keptKeys({ opened, blocks }: Reading): Promise<Set<string>> {
  const keys = new Set<string>();
  for (const { offset, size } of blocks) {
    const { contents } = await loadBlock(opened!.space!, { offset, size }, 'data');
    if (contents === undefined) continue;
    const reader = new BlockReader(contents);
    for (let entry = reader.next(); entry !== undefined && keys.size < MOST_KEYS; entry = reader.next())
      keys.add(nameOf(userKeyOf(entry.key)));
  }
  return keys;
}

const nameOf = (key: Uint8Array) => Buffer.from(key).toString('latin1');
