import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparatorNamed, compareUserKeys } from '../../../src/format/sst/comparator.js';
import { decodeFooter, magicAt } from '../../../src/format/sst/footer.js';
import { decodeRangeKeys } from '../../../src/format/sst/range-keys.js';
import { openTable } from '../../../src/format/sst/table.js';
import { decodeValueIndex, valueLength } from '../../../src/format/sst/value-blocks.js';
import { memorySource } from '../../../src/io/source.js';
import { fixture } from '../../support/files.js';

const hex = (text: string) => new Uint8Array(Buffer.from(text.replace(/[^0-9a-f]/g, ''), 'hex'));
const footer = (text: string) => {
  const bytes = hex(text);
  return decodeFooter(bytes, bytes.length, 5000, magicAt(bytes, bytes.length)!);
};
const zeros = (count: number) => '00'.repeat(count);

const V4 = `01 9307 8601 9501 16 ${zeros(33)} 04000000 f09faab3f09faab3`;
const V7 = `01 bc06 48 dc01 29 ${zeros(34)} c0000000 5996ad2d 07000000 f09faab3f09faab3`;

describe('footers of Pebble', () => {
  it('of version 4 name metaindex and index', () => {
    expect(footer(V4)).toMatchObject({
      footer: {
        formatVersion: 4,
        length: 53,
        metaindex: { offset: 915, size: 134 },
        index: { offset: 149, size: 22 },
      },
      anomalies: [],
    });
  });

  it('of version 7 have a checksum of their own', () => {
    expect(footer(V7)).toMatchObject({
      footer: { formatVersion: 7, length: 61, metaindex: { offset: 828, size: 72 } },
      anomalies: [],
    });
    expect(footer(V7.replace('c0000000', 'c1000000')).anomalies).toMatchObject([
      { rule: 'sst/footer-checksum' },
    ]);
  });

  it('of a version that does not exist are wrong', () => {
    expect(footer(V4.replace('04000000', '0c000000')).anomalies).toMatchObject([{ rule: 'sst/bad-footer' }]);
  });
});

describe('tables of Pebble', () => {
  it.each([
    ['cosmos', '000010.sst', { points: 2, ranges: 0, values: 0 }],
    ['rangekeys', '000005.sst', { points: 4, ranges: 21, values: 0 }],
    ['valueblocks', '000005.sst', { points: 4, ranges: 0, values: 25 }],
  ] as const)('%s %s', async (base, file, { points, ranges, values }) => {
    const table = await openTable(memorySource(fixture(`pebble-stores/${base}`).get(file)!), {
      dialect: 'pebble',
    });
    expect(table.anomalies).toEqual([]);
    expect(table.unsupported).toEqual([]);
    expect(table.dialect).toBe('pebble');
    expect(table.footer?.formatVersion).toBe(points);
    expect(table.rangeKeys).toHaveLength(ranges);
    expect(table.valueBlocks?.handles ?? []).toHaveLength(values);
  });

  it('of the format after the last one are said to be unread', async () => {
    const V8 = `01 bc06 48 dc01 29 ${zeros(34)} c0000000 c6866b1f 08000000 f09faab3f09faab3`;
    const { unsupported, anomalies } = await openTable(
      memorySource(Buffer.concat([Buffer.alloc(5000), hex(V8)])),
    );
    expect(anomalies).toEqual([]);
    expect(unsupported[0].reason).toContain('table format v8');
  });
});

describe('values that stand apart', () => {
  it('have a handle after a prefix', () => {
    const handle = hex('a0 25 00 00');
    expect(valueLength(handle, 0, handle.length, undefined)).toBe(37);
    expect(valueLength(handle, 0, handle.length, Float64Array.of(36))).toBe(-1);
    expect(valueLength(hex('00 616263'), 0, 4, undefined)).toBe(3);
    expect(valueLength(hex('40 05'), 0, 2, undefined)).toBe(-1);
  });

  it('have an index of three widths', () => {
    const { blocks, anomalies } = decodeValueIndex(hex('00 d87e00 7201'), Uint8Array.of(1, 3, 2));
    expect({ blocks, anomalies }).toEqual({
      blocks: { handles: [{ offset: 32472, size: 370 }] },
      anomalies: [],
    });
  });
});

describe('orders with suffixes', () => {
  const order = (name: string, a: string, b: string) =>
    Math.sign(compareUserKeys(comparatorNamed(name), hex(a), hex(b)) ?? Number.NaN);
  const text = (s: string) => Buffer.from(s).toString('hex');

  it('puts newer suffixes first, and none before all', () => {
    const test = (a: string, b: string) => order('pebble.internal.testkeys', text(a), text(b));
    expect([test('a', 'a@1'), test('a@10', 'a@9'), test('a@9', 'b'), test('a@1', 'a@1')]).toEqual([
      -1, -1, -1, 0,
    ]);
  });

  it('leaves a logical time of zero out of CockroachDB’s versions', () => {
    const cockroach = (a: string, b: string) => order('cockroach_comparator', a, b);
    const wall = '0000000000000005';
    expect(cockroach(`6100${wall}09`, `6100${wall}000000000d`)).toBe(0);
    expect(cockroach('6100', `6100${wall}09`)).toBe(-1);
    expect(cockroach('610000000000000000 0609', `6100${wall}09`)).toBe(-1);
    expect(cockroach(`6100${wall}09`, '6200')).toBe(-1);
  });

  it.each(['pebble.internal.testkeys', 'cockroach_comparator'])('%s is an order', (name) => {
    const comparator = comparatorNamed(name);
    const bytes = fc.uint8Array({ maxLength: 24 });
    fc.assert(
      fc.property(bytes, bytes, bytes, (a, b, c) => {
        const compare = (x: Uint8Array, y: Uint8Array) => Math.sign(compareUserKeys(comparator, x, y)!);
        expect(compare(a, b) + compare(b, a)).toBe(0);
        if (compare(a, b) <= 0 && compare(b, c) <= 0) expect(compare(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });
});

describe('any bytes', () => {
  it('decode as range keys, value index and table without an exception', async () => {
    const comparator = comparatorNamed();
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 300 }),
        fc.uint8Array({ maxLength: 4 }),
        async (bytes, widths) => {
          decodeRangeKeys(bytes, comparator);
          decodeValueIndex(bytes, widths);
          await openTable(memorySource(Buffer.concat([bytes, hex(V4)])), { dialect: 'pebble' });
        },
      ),
    );
  });
});
