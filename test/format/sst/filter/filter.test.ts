import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keyScratch } from '../../../../src/bytes/kernel.js';
import { readDataBlocks } from '../../../../src/format/sst/data-blocks.js';
import { openBlockFilter } from '../../../../src/format/sst/filter/block-filter.js';
import { openFilter } from '../../../../src/format/sst/filter/open.js';
import { openTable } from '../../../../src/format/sst/table.js';
import { openSource } from '../../../../src/io/source.js';
import { fixture } from '../../../support/files.js';

/** The filter of a table that RocksDB 7.8.3 wrote: apple, apricot, banana, cherry, grape and others. */
const fruit = Buffer.from(
  '4020000010000000040010400100002000c80100000000000c0002060010000000002000010400000000008000000010' +
    '00000000000000001080000100200001' +
    'ff00060000',
  'hex',
);
const has = (payload: Uint8Array, key: string) =>
  openFilter(payload).mayMatch(Buffer.from(key), 0, key.length);

test('a FastLocalBloom filter as RocksDB wrote it', () => {
  const filter = openFilter(fruit);
  expect(filter).toMatchObject({ kind: 'fast-local-bloom', problems: [] });
  for (const key of ['apple', 'apricot', 'banana', 'cherry', 'grape']) expect(has(fruit, key)).toBe(true);
  for (const key of ['x', 'y', 'zz']) expect(has(fruit, key)).toBe(false);
});

/** `NewRibbonFilterPolicy(7, -1)` of RocksDB 7.8.3 over key00000000 to key00000249: three blocks, five columns. */
const ribbon = Buffer.from(
  'fciYOmERVmIqKTy2Nui09WfA2JclEcomCyaUsDl+jGhdAMgi9BLEcoXd6SChWrX3pMiYh/ICdg5EMZQfC8D8v8/AWDdBEHYSGFoqGKa2' +
    'EKXNQmTU4wqh1uiGzaLWDnDw0GOMTS+K0CWDhP3lVKjbNtj83/X5QFIQ0YqCKPD5nSMzP6X9KQJI3z22maLtpcQamats0X9ihGbEadmp' +
    'Q83EsZOPAAAAAAAAAAAAAAAAAACjnAEAAAAAAAAAAAAAAAAA9Q0AAAAAAAAAAAAAAAAAABwSAAAAAAAAAAAAAAAAAAC2hwEAAAAAAAAA' +
    'AAAAAAAA/uwDAAA=',
  'base64',
);

test('a Ribbon filter as RocksDB wrote it', () => {
  expect(openFilter(ribbon)).toMatchObject({ kind: 'ribbon', problems: [] });
  const keys = Array.from({ length: 1250 }, (_, i) => `key${String(i).padStart(8, '0')}`);
  expect(keys.slice(0, 250).filter((key) => !has(ribbon, key))).toEqual([]);
  // one in 2^5 is let through
  expect(keys.slice(250).filter((key) => has(ribbon, key)).length).toBeLessThan(60);
});

test('a key in the kernel’s memory, or inside of a larger array, is the same key', () => {
  keyScratch.set(Buffer.from('..banana..'));
  expect(openFilter(fruit).mayMatch(keyScratch, 2, 8)).toBe(true);
  expect(openFilter(fruit).mayMatch(Buffer.from('..banana..'), 2, 8)).toBe(true);
});

/** Every whole-table filter of a fixture: what kind it is, keys it misses, and how many of as many others it lets through. */
async function filtersOf(name: string) {
  const results = [];
  for (const [file, bytes] of fixture(name)) {
    if (!/\.(sst|ldb)$/.test(file)) continue;
    const source = await openSource({ kind: 'memory', bytes });
    const table = await openTable(source);
    const meta = table.meta.find((block) => /^(full)?filter\./.test(block.name));
    if (meta === undefined) continue;
    const payload = bytes.slice(meta.handle.offset, meta.handle.offset + meta.handle.size);
    const whole = openFilter(payload);
    const blocks = openBlockFilter(payload, meta.name.includes('leveldb') ? 'unsigned' : 'signed');
    const result = {
      file,
      kind: meta.name.startsWith('full') ? whole.kind : 'block',
      keys: 0,
      missed: 0,
      other: 0,
    };
    for await (const block of readDataBlocks(table)) {
      for (const { key } of block.entries()) {
        const other = Buffer.concat([key, Buffer.from('?')]);
        const ask = (asked: Uint8Array) =>
          result.kind === 'block'
            ? blocks.mayMatch(block.handle.offset, asked, 0, asked.length)
            : whole.mayMatch(asked, 0, asked.length);
        result.keys++;
        if (!ask(key)) result.missed++;
        if (ask(other)) result.other++;
      }
    }
    results.push(result);
  }
  return results;
}

describe('no filter misses a key of its table', () => {
  test.each([
    ['formats-7.8', ['fast-local-bloom', 'legacy-bloom']],
    ['basic-9.7', []],
    ['leveldb', ['block']],
  ])('%s', async (name, kinds) => {
    const filters = await filtersOf(name);
    expect(filters.map((filter) => filter.kind)).toEqual(expect.arrayContaining(kinds));
    expect(filters.filter((filter) => filter.missed > 0)).toEqual([]);
    // one in a hundred is usual at ten bits a key
    const [keys, other] = [filters.reduce((n, f) => n + f.keys, 0), filters.reduce((n, f) => n + f.other, 0)];
    if (keys > 0) expect(other / keys).toBeLessThan(0.1);
  });
});

describe('metadata', () => {
  const bits = Buffer.alloc(64, 0xff);
  const filter = (tail: string, body: Uint8Array = bits) =>
    openFilter(Buffer.concat([body, Buffer.from(tail, 'hex')]));

  test('five bytes and less hold no key', () => {
    for (const length of [0, 4, 5]) {
      expect(openFilter(new Uint8Array(length))).toMatchObject({ kind: 'matches-nothing', problems: [] });
      expect(openFilter(new Uint8Array(length)).mayMatch(bits, 0, 3)).toBe(false);
    }
  });

  test('six zero bytes are what the builder leaves after an error', () => {
    expect(openFilter(new Uint8Array(6))).toMatchObject({ kind: 'always-true', problems: [] });
  });

  test.each([
    ['a kind that is reserved', 'fd00060000', /kind -3/],
    ['zero probes', 'ff00000000', /setting 0/],
    ['31 probes', 'ff001f0000', /setting 31/],
    ['another line size', 'ff00260000', /setting 38/],
    ['another implementation', 'ff01060000', /implementation 1/],
    ['reserved bytes', 'ff00060001', /reserved/],
    ['legacy lines of 21⅓ bytes', '0603000000', /3 lines/],
    ['no legacy line at all', '0600000000', /0 lines/],
    ['a Ribbon of one block', 'fe00010000', /at least 2/],
    ['a Ribbon of more blocks than segments', 'fe00050000', /too few/],
  ])('%s matches everything, as in RocksDB, and is said', (_, tail, message) => {
    const { kind, problems } = filter(tail);
    expect(kind).toBe('always-true');
    expect(problems).toEqual([expect.objectContaining({ message: expect.stringMatching(message) })]);
  });

  test('half a line', () => {
    expect(filter('ff00060000', bits.subarray(0, 63)).problems[0].message).toMatch(/whole lines/);
  });
});

describe('LevelDB’s filter block', () => {
  test('an empty filter matches nothing, a block after the last filter everything', () => {
    // no filter bytes; one offset, the start of the offsets, 2^11
    const filter = openBlockFilter(Buffer.from('00000000' + '00000000' + '0b', 'hex'), 'unsigned');
    expect(filter.problems).toEqual([]);
    expect(filter.mayMatch(0, Buffer.from('key'), 0, 3)).toBe(false);
    expect(filter.mayMatch(4096, Buffer.from('key'), 0, 3)).toBe(true);
  });

  test.each([
    ['', /shorter/],
    ['ff000000' + '0b', /after the end/],
    ['00000000' + '00000000' + '40', /2\^64/],
    ['01000000' + '00000000' + '00000000' + '0b', /filter 0 does not ascend/],
  ])('%s', (bytes, message) => {
    const filter = openBlockFilter(Buffer.from(bytes, 'hex'), 'unsigned');
    expect(filter.problems[0].message).toMatch(message);
    expect(filter.mayMatch(0, Buffer.from('key'), 0, 3)).toBe(true);
  });
});

test('no bytes make a filter throw', () => {
  const tail = fc.tuple(fc.constantFrom(0, 1, 6, 0xfe, 0xff), fc.nat(3), fc.nat(255), fc.nat(2), fc.nat(1));
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      tail,
      fc.uint8Array({ maxLength: 300 }),
      (body, end, key) => {
        const payload = Buffer.concat([body, Buffer.from(end)]);
        openFilter(payload).mayMatch(key, 0, key.length);
        openBlockFilter(payload, 'signed').mayMatch(body.length, key, 0, key.length);
      },
    ),
    { numRuns: 500 },
  );
});
