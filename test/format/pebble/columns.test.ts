import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decompressBlock } from '../../../src/codec/block.js';
import { decompressMinLz } from '../../../src/codec/minlz.js';
import { BlockReader } from '../../../src/format/sst/block.js';
import {
  type ColumnForm,
  keySchemaNamed,
  layOut,
  rowsOfColumns,
} from '../../../src/format/sst/column-rows.js';
import { decodeFrame, readColumns } from '../../../src/format/sst/columns.js';
import { loadBlock } from '../../../src/format/sst/load.js';
import { openTable, type Table } from '../../../src/format/sst/table.js';
import { memorySource } from '../../../src/io/source.js';
import { fixture } from '../../support/files.js';

const hex = (text: string) => new Uint8Array(Buffer.from(text.replace(/[^0-9a-f]/g, ''), 'hex'));
const DEFAULT: ColumnForm = { version: 7, schema: 'default' };
const LIMIT = 1 << 20;

/** Keys, sequence and type in hexadecimal, and values of a row block. */
function entries(rows: Uint8Array | undefined): string[] {
  const reader = new BlockReader(rows!);
  const all: string[] = [];
  for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
    const { key, valueOffset, valueLength } = entry;
    const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
    all.push(`${text(key)} ${text(rows!.subarray(valueOffset, valueOffset + valueLength))}`);
  }
  expect(reader.anomalies).toEqual([]);
  return all;
}

// a#1,SET=a; b#2,DEL
const DATA = hex(`01000000 01 0700 02000000
  04 2e000000 03 36000000 02 37000000 01 3c000000 03 50000000 01 55000000 01 56000000
  04 01 00 00 01 02 6162 | 00 | 02 0101 0002 | 00 000000 0300000000000000 0100000000000000 | 01 00 01 01 61 | 01 | 01 | 00`);
const INDEX = hex(`01 0400 02000000 03 1b000000 02 21000000 02 24000000 03 27000000
  01 00 01 02 63 65 | 01 00 6b | 01 66 6c | 00 | 00`);

describe('columnar blocks', () => {
  it('give the rows that they stand for', () => {
    const rows = rowsOfColumns(DATA, 'data', DEFAULT, LIMIT);
    expect(entries(rows.bytes)).toEqual(['610101000000000000 0061', '620002000000000000 ']);
  });

  it('of an index give separators and handles', () => {
    expect(entries(rowsOfColumns(INDEX, 'index', DEFAULT, LIMIT).bytes)).toEqual(['63 0066', '65 6b6c']);
  });

  it('of keys that are not known are checked as far as they go', () => {
    const unknown: ColumnForm = { version: 7, schema: keySchemaNamed('mine') };
    expect(rowsOfColumns(DATA, 'data', unknown, LIMIT)).toEqual({ error: '' });
    const cut = DATA.slice();
    cut[0x36] = 0x20;
    expect(rowsOfColumns(cut, 'data', unknown, LIMIT).error).toContain('column 1');
  });

  it.each([
    ['more rows than there are bytes', 7, 0xff, 'cannot stand'],
    ['a column that begins inside another', 12, 0x2f, 'column 0'],
    ['a width that does not exist', 0x37, 0x03, 'width'],
    ['a summary of bits that is wrong', 0x48, 0x00, 'sums up'],
    ['a prefix that is said not to change', 0x40, 0x01, 'row 1 says wrongly'],
    ['a key longer than the longest', 0, 0x00, 'longer'],
    ['a last byte that is not zero', 0x57, 0x01, 'last byte'],
    ['a column of another type', 11, 0x03, 'column 0'],
  ])('%s: it does not decode', (_, at, byte, problem) => {
    const bytes = DATA.slice();
    bytes[at] = byte;
    expect(rowsOfColumns(bytes, 'data', DEFAULT, LIMIT).error).toContain(problem);
  });

  it('of ranges whose keys are not divided among them do not decode', () => {
    // three boundary keys, of which the second begins past both keys
    const bytes = hex(`03000000 01 0500 02000000
      03 24000000 02 2c000000 02 30000000 03 33000000 03 34000000
      01 00 01 02 03 61 62 63 | 01 00 09 02 | 01 0f 0f | 00 | 00 | 00`);
    expect(rowsOfColumns(bytes, 'spans', DEFAULT, LIMIT).error).toContain('out of order');
    bytes[0x2e] = 1;
    expect(rowsOfColumns(bytes, 'spans', DEFAULT, LIMIT).error).toBeUndefined();
  });

  it('do not give more than the limit', () => {
    expect(rowsOfColumns(DATA, 'data', DEFAULT, 30).error).toContain('limit');
  });
});

async function tablesOf(base: string): Promise<[string, Table][]> {
  const files = [...fixture(`pebble-stores/${base}`)].filter(
    ([name, { length }]) => /sst$/.test(name) && length,
  );
  return Promise.all(
    files.map(
      async ([name, bytes]) => [name, await openTable(memorySource(bytes), { dialect: 'pebble' })] as const,
    ),
  ) as Promise<[string, Table][]>;
}

describe('tables of columns', () => {
  it.each([
    ['columns', { version: 6, schema: 'default' }],
    ['columns-cockroach', { version: 7, schema: 'crdb1' }],
    ['columns-v5', { version: 5, schema: 'crdb1' }],
  ])('%s', async (base, form) => {
    for (const [, { anomalies, unsupported, space, indexSound }] of await tablesOf(base)) {
      expect({ anomalies, unsupported, indexSound }).toEqual({
        anomalies: [],
        unsupported: [],
        indexSound: true,
      });
      expect(space?.columns).toEqual(form);
    }
  });

  it('whatever bytes of a block are changed, decode or say why, in bounded time and memory', async () => {
    const blocks: { bytes: Uint8Array; kind: 'data' | 'index' | 'spans' | 'pairs'; form: ColumnForm }[] = [
      { bytes: DATA, kind: 'data', form: DEFAULT },
      { bytes: INDEX, kind: 'index', form: DEFAULT },
    ];
    const kinds = { 'range-tombstones': 'spans', 'range-keys': 'spans', properties: 'pairs' } as const;
    for (const [, table] of await tablesOf('columns-cockroach')) {
      const form = table.space!.columns!;
      const first = { offset: table.index!.offset(0), size: table.index!.size(0) };
      blocks.push({ bytes: (await loadBlock(table.space!, first, 'data')).columnar!, kind: 'data', form });
      for (const { kind, handle } of table.meta) {
        const layout = kinds[kind as keyof typeof kinds];
        if (layout === undefined) continue;
        const { columnar } = await loadBlock(table.space!, handle, kind as keyof typeof kinds);
        blocks.push({ bytes: columnar!, kind: layout, form });
      }
    }
    const change = fc.tuple(fc.nat(), fc.nat(255));
    fc.assert(
      fc.property(
        fc.nat(blocks.length - 1),
        fc.array(change, { maxLength: 4 }),
        fc.option(fc.nat(), { nil: undefined }),
        fc.constantFrom('default', 'crdb1', 'unknown'),
        (which, changes, length, schema) => {
          const { bytes: whole, kind, form } = blocks[which];
          const bytes = whole.slice(0, length === undefined ? whole.length : length % whole.length);
          for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
          for (const each of [form, { ...form, schema }]) {
            layOut(bytes, kind, each);
            const rows = rowsOfColumns(bytes, kind, each, LIMIT);
            if (rows.bytes === undefined) continue;
            expect(rows.bytes.length).toBeLessThanOrEqual(LIMIT);
            entries(rows.bytes);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('any bytes are a frame, or none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(20), (bytes, start) => {
        const frame = decodeFrame(bytes, start);
        if (typeof frame !== 'string') readColumns(bytes, frame);
      }),
    );
  });
});

describe('MinLZ', () => {
  it('decompresses literals, copies, repeats and both fused forms', () => {
    // "abcd", a copy of 8 from 4 back, a repeat of 3, a literal "e"
    const block = hex('00 10 18 61626364 d1 00 14 00 65');
    expect(Buffer.from(decompressMinLz(block, LIMIT).bytes ?? [])).toEqual(Buffer.from('abcdabcdabcdabce'));
  });

  it('takes what stands after a length of 0 as it is, and a block without the mark as Snappy', () => {
    expect(decompressMinLz(hex('00 00 6162'), LIMIT).bytes).toEqual(hex('6162'));
    expect(decompressMinLz(hex('02 04 6162'), LIMIT).bytes).toEqual(hex('6162'));
  });

  it('any bytes decompress within the limit, or say why', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const { bytes: output } = decompressMinLz(Uint8Array.of(0, ...bytes), 5000);
        if (output !== undefined) expect(output.length).toBeLessThanOrEqual(5000);
      }),
    );
  });

  it('damaged blocks of Pebble’s own decompress, or say why', async () => {
    const blocks: Uint8Array[] = [];
    for (const [, { index, space, source }] of await tablesOf('columns-cockroach'))
      for (let i = 0; i < index!.count; i++) {
        const bytes = new Uint8Array(index!.size(i) + 1);
        await source.read(bytes, index!.offset(i));
        if (bytes.at(-1) === 8) blocks.push(bytes.subarray(0, -1));
        expect(space?.compression.dialect ?? 'pebble').toBe('pebble');
      }
    expect(blocks.length).toBeGreaterThan(5);
    for (const block of blocks)
      expect(decompressBlock(8, block, { dialect: 'pebble' }).error).toBeUndefined();
    fc.assert(
      fc.property(fc.nat(blocks.length - 1), fc.nat(), fc.nat(255), (which, at, byte) => {
        const block = blocks[which].slice();
        block[at % block.length] = byte;
        decompressBlock(8, block, { dialect: 'pebble' });
      }),
      { numRuns: 2000 },
    );
  });
});
