import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tableUniqueId } from '../../../src/check/sst/identity.js';
import { checkTable, checkTableTotals, mergeTableFacts, planTable } from '../../../src/check/sst/table.js';
import type { TableContext, TableFacts } from '../../../src/check/unit.js';
import type { LiveTable } from '../../../src/format/manifest/version.js';
import { TableProperties } from '../../../src/format/sst/properties.js';
import { openTable } from '../../../src/format/sst/table.js';
import { openSource } from '../../../src/io/source.js';
import { fixture, fixtureNames } from '../../support/files.js';
import { replayBytes } from '../../support/manifest.js';

const open = (bytes: Uint8Array) => openSource({ kind: 'memory', bytes });

interface ShippedTable {
  name: string;
  bytes: Uint8Array;
  context: TableContext;
}

/** Every table of a fixture with what the MANIFEST says of it. */
async function tablesOf(name: string): Promise<ShippedTable[]> {
  const files = fixture(name);
  const current = files.get('CURRENT');
  const manifest = current && files.get(Buffer.from(current).toString().trim());
  const live = new Map<bigint, LiveTable>();
  if (manifest !== undefined) {
    for (const family of (await replayBytes(manifest)).version.columnFamilies.values()) {
      for (const table of family.tables.values()) live.set(table.number, table);
    }
  }
  return [...files]
    .filter(([file]) => /\.(sst|ldb)$/.test(file))
    .map(([file, bytes]) => {
      const number = BigInt(Number.parseInt(file.split('/').at(-1)!, 10));
      const context: TableContext = {
        dialect: 'rocksdb',
        file,
        number,
        depth: 'full',
        orphan: manifest !== undefined && !live.has(number),
      };
      if (live.has(number)) context.live = live.get(number)!;
      return { name: `${name}/${file}`, bytes: new Uint8Array(bytes), context };
    });
}

const databases = fixtureNames().filter((name) =>
  [...fixture(name).keys()].some((file) => /\.(sst|ldb)$/.test(file)),
);

describe.each(databases)('healthy: %s', (name) => {
  test('no finding, nothing left unchecked, and the same in pieces', async () => {
    for (const { bytes, context } of await tablesOf(name)) {
      const whole = await checkTable(await open(bytes), context);
      const serious = whole.findings.filter(({ severity }) => severity !== 'note');
      expect([context.file, serious, whole.unchecked]).toEqual([context.file, [], []]);
      if (bytes.length === 0) continue;
      expect(whole.facts).toMatchObject({ readable: true });

      const { blocks } = await planTable(await open(bytes));
      const cuts = [0, Math.floor(blocks / 3), Math.floor(blocks / 2), blocks];
      const parts = [];
      for (let i = 0; i < 3; i++) {
        const range = { from: cuts[i], to: cuts[i + 1] };
        if (range.from === range.to && i > 0) continue;
        parts.push(await checkTable(await open(bytes), { ...context, blocks: range }));
      }
      expect(parts.flatMap(({ findings }) => findings)).toEqual([]);
      const merged = mergeTableFacts(parts.map(({ facts }) => facts as TableFacts).reverse());
      // the block with the largest sequence is told of a table that is read as a whole
      const { highest: _, ...totals } = (whole.facts as TableFacts).totals ?? {};
      expect(merged).toEqual({ ...whole.facts, totals });
      expect(checkTableTotals(merged, context).filter(({ severity }) => severity !== 'note')).toEqual([]);
    }
  });
});

test('the unique id that RocksDB 7.8 computes', async () => {
  const properties = new TableProperties();
  const set = (name: string, value: Uint8Array) =>
    properties.set(`rocksdb.${name}`, value, { offset: 0, length: 0 });
  set('creating.db.identity', Buffer.from('21ce5480-2633-4708-aaa5-09092de278ab'));
  set('creating.session.identity', Buffer.from('HMXZULHOJTELEKLVL21I'));
  set('original.file.number', Uint8Array.of(9));
  const id = new DataView((await tableUniqueId(properties))!.buffer);
  expect([id.getBigUint64(0, true), id.getBigUint64(8, true)]).toEqual([
    2608323192423100566n,
    1894977766901675606n,
  ]);
});

const [basic] = (await tablesOf('basic-7.8')).filter(({ context }) => context.file === '000018.sst');

test('depths: what each reads', async () => {
  const flipped = basic.bytes.slice();
  flipped[100] ^= 4;
  const rules = async (depth: TableContext['depth'], bytes = flipped) => {
    const { findings } = await checkTable(await open(bytes), { ...basic.context, depth });
    return findings.map(({ rule }) => rule);
  };
  expect(await rules('structure')).toEqual([]);
  expect(await rules('checksums')).toEqual(['sst/block-checksum']);
  expect(await rules('full')).toEqual(['sst/block-checksum']);
});

const largest = async () =>
  (await tablesOf('wal-large-7.8')).sort((a, b) => b.bytes.length - a.bytes.length)[0];

test('a damaged block does not hide the others', async () => {
  const { bytes, context } = await largest();
  const { blocks } = await planTable(await open(bytes));
  expect(blocks).toBeGreaterThan(3);
  const damaged = bytes.slice();
  damaged[10] ^= 1;
  damaged[9000] ^= 1;
  const { findings, facts } = await checkTable(await open(damaged), context);
  expect(findings.map(({ rule }) => rule)).toEqual(['sst/block-checksum', 'sst/block-checksum']);
  for (const [i, at] of [10, 9000].entries()) {
    const { offset = 0, length = 0 } = findings[i];
    expect(offset <= at && at < offset + length).toBe(true);
  }
  expect(facts).toMatchObject({ totals: { complete: false, blocks: blocks - 2 } });
});

describe('blocks without their index', () => {
  test('a damaged index hides nothing: the blocks are found by their checksums', async () => {
    const { bytes, context } = await largest();
    const whole = await checkTable(await open(bytes), context);
    const { index } = await openTable(await open(bytes));
    const dataEnd = index!.offset(index!.count - 1) + index!.size(index!.count - 1) + 5;
    const damaged = bytes.slice();
    // the filter is first after the data, the index last before the properties
    const { footer } = await openTable(await open(bytes));
    damaged.fill(0x55, footer!.index!.offset, footer!.index!.offset + footer!.index!.size);
    damaged[5000] ^= 1;
    expect(footer!.index!.offset).toBeGreaterThan(dataEnd - 1);
    const { findings, unchecked, facts } = await checkTable(await open(damaged), context);
    expect(findings.map(({ rule, offset }) => [rule, offset])).toContainEqual([
      'sst/block-checksum',
      footer!.index!.offset,
    ]);
    // the block that is damaged itself, with no index that tells its size, is all that is left open
    expect(unchecked.map(({ offset = 0, length = 0 }) => offset <= 5000 && 5000 < offset + length)).toEqual([
      true,
    ]);
    expect((facts as TableFacts).totals!.points).toBeLessThan((whole.facts as TableFacts).totals!.points);

    damaged[5000] ^= 1;
    const again = await checkTable(await open(damaged), context);
    expect(again.findings).toHaveLength(1);
    expect([again.unchecked, (again.facts as TableFacts).totals]).toEqual([
      [],
      (whole.facts as TableFacts).totals,
    ]);
  });

  test('a cut says how far the blocks are whole', async () => {
    const { bytes, context } = await largest();
    const { index } = await openTable(await open(bytes));
    const third = index!.offset(3);
    const { findings } = await checkTable(await open(bytes.slice(0, third + 100)), context);
    const evidence = { wholeBlocks: 3, wholeBlocksEnd: third };
    expect(findings).toMatchObject([{ rule: 'sst/truncated', offset: third + 100, evidence }]);
  });
});

test('whatever nothing depends on is a note', async () => {
  const { live: _, ...context } = basic.context;
  const cut = basic.bytes.slice(0, 700);
  const severities = async (orphan: boolean) => {
    const { findings, unchecked } = await checkTable(await open(cut), { ...context, orphan });
    return [findings.map(({ severity }) => severity), unchecked.length];
  };
  expect(await severities(true)).toEqual([['note'], 0]);
  expect(await severities(false)).toEqual([['error'], 1]);
});

test('a cut is one finding, where the file ends', async () => {
  for (const size of [1, 60, 700, basic.bytes.length - 1]) {
    const { findings } = await checkTable(await open(basic.bytes.slice(0, size)), basic.context);
    expect(findings).toMatchObject([{ rule: 'sst/truncated', offset: size, length: 0, severity: 'error' }]);
  }
});

test('a table under the name of another', async () => {
  const [one, two] = await tablesOf('formats-7.8');
  const { findings } = await checkTable(await open(two.bytes), one.context);
  expect(findings).toMatchObject([{ rule: 'sst/wrong-file', offset: 0, length: two.bytes.length }]);
  expect(findings[0].message).toMatch(/unique id/);
});

describe('any damage', async () => {
  const tables = (await Promise.all(databases.map(tablesOf)))
    .flat()
    .filter(({ bytes }) => bytes.length > 100 && bytes.length < 20_000);
  const damage = fc.record({
    table: fc.nat(tables.length - 1),
    at: fc.nat(),
    change: fc.oneof(
      fc.record({ flip: fc.nat(7) }),
      fc.record({ fill: fc.nat(600), to: fc.constantFrom(0, 255, 0x61) }),
      fc.record({ noise: fc.uint8Array({ minLength: 1, maxLength: 40 }) }),
      fc.constant('cut' as const),
    ),
  });

  test('no throw, findings inside the file, and never silence where checksums are', async () => {
    await fc.assert(
      fc.asyncProperty(damage, async ({ table, at: anywhere, change }) => {
        const { bytes, context } = tables[table];
        const at = anywhere % bytes.length;
        const damaged = change === 'cut' ? bytes.slice(0, at) : bytes.slice();
        if (change !== 'cut') {
          if ('flip' in change) damaged[at] ^= 1 << change.flip;
          else if ('fill' in change) damaged.fill(change.to, at, at + change.fill);
          else damaged.set(change.noise.subarray(0, damaged.length - at), at);
        }
        const { findings, unchecked } = await checkTable(await open(damaged), { ...context, orphan: false });
        for (const { offset = 0, length = 0 } of findings) {
          expect(offset).toBeGreaterThanOrEqual(0);
          expect(offset + length).toBeLessThanOrEqual(bytes.length);
        }
        // footers up to format version 5 have padding, and some of the fixtures have no checksums
        const isCovered = at < bytes.length - 53 && !/formats-7.8\/0000(09|1|2)/.test(tables[table].name);
        const isChanged = Buffer.compare(damaged, bytes) !== 0;
        if (isCovered && isChanged) expect(findings.length + unchecked.length).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
  });
});
