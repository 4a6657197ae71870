import { expect, test } from 'vitest';
import { LiveTables, userKey } from '../../src/diagnose/live-tables.js';
import { emptyVersion } from '../../src/format/manifest/apply.js';
import type { LiveTable } from '../../src/format/manifest/version.js';
import { compareBytes } from '../../src/format/sst/comparator.js';
import { internalKey, VALUE_TYPE } from '../../src/format/sst/internal-key.js';
import { Random } from '../mutation/random.js';

/** Counts how often a bound is looked at: the work of every comparison. */
function counted(table: LiveTable, work: { looks: number }): LiveTable {
  return Object.defineProperties(table, {
    smallest: { get: () => work.looks++ && table.entry && keyOf(table.creationTime!) },
    largest: { get: () => work.looks++ && table.entry && keyOf(table.oldestAncestorTime!) },
  });
}

const keyOf = (n: bigint) => internalKey(Buffer.from(String(n).padStart(8, '0')), 1n, VALUE_TYPE.put);

function table(number: number, level: number, from: number, to: number): LiveTable {
  return {
    columnFamily: 0,
    level,
    number: BigInt(number),
    pathId: 0,
    size: 1000n,
    smallest: keyOf(BigInt(from)),
    largest: keyOf(BigInt(to)),
    smallestSequence: BigInt(number),
    largestSequence: BigInt(number),
    creationTime: BigInt(from),
    oldestAncestorTime: BigInt(to),
    addedAt: 0,
    entry: { offset: 0, length: 0 },
  };
}

function versionOf(tables: readonly LiveTable[], comparator = '') {
  const version = emptyVersion();
  const family = version.columnFamilies.get(0)!;
  family.comparator = comparator;
  for (const each of tables) family.tables.set(each.number, each);
  return { version, family };
}

function oneByOne(tables: readonly LiveTable[], of: LiveTable) {
  const found = { newer: 0, older: 0 };
  const [from, to] = [userKey(of.smallest), userKey(of.largest)];
  for (const other of tables) {
    if (other === of || compareBytes(userKey(other.largest), from) < 0) continue;
    if (compareBytes(userKey(other.smallest), to) > 0) continue;
    const newer =
      other.level === of.level ? other.largestSequence > of.largestSequence : other.level < of.level;
    found[newer ? 'newer' : 'older']++;
  }
  return found;
}

test('newer and older tables with the same keys are those that comparing one by one finds', () => {
  const random = new Random(11);
  for (let round = 0; round < 50; round++) {
    const tables = Array.from({ length: 30 }, (_, i) => {
      const from = random.below(60);
      return table(i + 1, random.below(4), from, from + random.below(8));
    });
    const { version, family } = versionOf(tables);
    const live = new LiveTables(version);
    for (const each of tables) {
      const found = live.overlapping({ family, table: each }, userKey(each.smallest), userKey(each.largest));
      expect(found).toEqual(oneByOne(tables, each));
    }
  }
});

test('in an order that is not known every table may have the keys', () => {
  const tables = [table(1, 1, 0, 1), table(2, 2, 5, 6), table(3, 3, 9, 9)];
  const { version, family } = versionOf(tables, 'the application’s own');
  const live = new LiveTables(version);
  const [from, to] = [userKey(tables[1].smallest), userKey(tables[1].largest)];
  expect(live.overlapping({ family, table: tables[1] }, from, to)).toEqual({ newer: 1, older: 1 });
});

test('asking for every table of a level is not work for every pair of them', () => {
  const work = { looks: 1 };
  const count = 2000;
  const tables = Array.from({ length: count }, (_, i) => counted(table(i + 1, 6, 2 * i, 2 * i + 1), work));
  const { version, family } = versionOf(tables);
  const live = new LiveTables(version);
  for (const each of tables) {
    const found = live.overlapping({ family, table: each }, userKey(each.smallest), userKey(each.largest));
    expect(found).toEqual({ newer: 0, older: 0 });
  }
  expect(work.looks).toBeLessThan(20 * count);
});

test('nothing is told where too many tables of one level have the same keys', () => {
  const tables = Array.from({ length: 2000 }, (_, i) => table(i + 1, 0, 0, 9));
  const { version, family } = versionOf(tables);
  const live = new LiveTables(version);
  const found = tables.map((each) =>
    live.overlapping({ family, table: each }, userKey(each.smallest), userKey(each.largest)),
  );
  expect(found[0]).toEqual({ newer: 1999, older: 0 });
  expect(found.at(-1)).toBeUndefined();
});
