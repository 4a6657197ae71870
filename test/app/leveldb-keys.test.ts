import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bitcoin, coinText, indexText } from '../../src/app/bitcoin/application.js';
import { chromium, localStorageText } from '../../src/app/chromium/application.js';
import { idbKeyText } from '../../src/app/chromium/idb-key.js';
import { minecraft, minecraftKeyText } from '../../src/app/minecraft/application.js';
import type { ProfileFacts } from '../../src/app/profile.js';

const hex = (digits: string) => Buffer.from(digits.replace(/ /g, ''), 'hex');
const facts = (keys: Uint8Array[], comparator = 'leveldb.BytewiseComparator'): ProfileFacts => ({
  directory: '',
  columnFamilies: [{ id: 0, name: 'default', comparator }],
  sample: async () => keys,
  entries: async () => {},
  open: async () => undefined,
  kindOf: async () => undefined,
});

// keys that Chromium 156 has written
describe('keys of IndexedDB', () => {
  test.each([
    ['00 00 00 00 00', 'schema version'],
    ['00 01 00 00 32 01 00', 'database 1, store 1: name'],
    ['00 01 00 00 c8 06 006f 0072 0064 0065 0072 0073', 'database 1, id of store "orders"'],
    ['00 01 00 00 64 01 1f 00', 'database 1, store 1, index 31: name'],
    ['00 01 01 01 03 0000000000000000', 'database 1, store 1, key 0'],
    [
      '00 01 01 1f 02 003070aedebf7842 00 03 0000000000000000',
      'database 1, store 1, index 31: 2023-11-23T20:41:52.131Z of key 0',
    ],
    ['00 01 03 01 06 03 010203', 'database 1, store 3, key 3 bytes'],
    ['00 01 03 01 04 02 00 03 000000000000f03f', 'database 1, store 3, key [null, 1]'],
  ])('%s', (key, text) => {
    expect(idbKeyText(hex(key))).toBe(text);
  });

  test('cut off are none', () => {
    expect(idbKeyText(hex('00 01 01 01 03 00'))).toBeUndefined();
    expect(idbKeyText(hex('00 01 03 01 04 ffffff7f'))).toBeUndefined();
  });
});

test('rows of Local Storage', () => {
  const row = Buffer.from('_http://127.0.0.1:8931\0\x01item00001', 'latin1');
  expect(localStorageText(row)).toBe('"item00001" of http://127.0.0.1:8931');
  expect(localStorageText(Buffer.from('META:http://a'))).toBe('size of http://a');
  expect(localStorageText(Buffer.from('other'))).toBeUndefined();
});

test('coins, blocks, files and flags of Bitcoin Core', () => {
  const id = `${'01'.repeat(31)}ff`;
  expect(coinText(hex(`43 ${id} 00`))).toBe(`coin ff${'01'.repeat(31)}:0`);
  expect(coinText(hex(`43 ${id} 8000`))).toBe(`coin ff${'01'.repeat(31)}:128`);
  expect(indexText(hex(`62 ${id}`))).toBe(`block ff${'01'.repeat(31)}`);
  expect(indexText(hex('66 07000000'))).toBe('block file 7');
  expect(indexText(Buffer.from('F\x07txindex'))).toBe('flag txindex');
});

test('chunks, actors and players of Minecraft', () => {
  expect(minecraftKeyText(hex('ffffffff 02000000 2f 04'))).toBe('chunk -1, 2: sub-chunk 4');
  expect(minecraftKeyText(hex('00000000 02000000 01000000 32'))).toBe('chunk 0, 2 of the nether: entities');
  expect(minecraftKeyText(Buffer.from('~local_player'))).toBe('local player');
  expect(minecraftKeyText(Buffer.concat([Buffer.from('digp'), hex('01000000 02000000')]))).toBe(
    'actors of chunk 1, 2',
  );
  expect(minecraftKeyText(hex('00000000 02000000 07000000 32'))).toBeUndefined();
});

describe('the program that wrote a LevelDB', () => {
  const title = async (keys: Uint8Array[], comparator?: string) => {
    for (const { detect } of [bitcoin, chromium, minecraft]) {
      const profile = await detect(facts(keys, comparator));
      if (profile !== undefined) return profile.title;
    }
    return undefined;
  };
  const coin = hex(`43 ${'00'.repeat(32)} 01`);

  test('is told by its keys, or by its comparator', async () => {
    expect(await title([Buffer.from('\x0e\0obfuscate_key'), coin])).toBe('Bitcoin Core chainstate');
    expect(await title([hex(`62 ${'00'.repeat(32)}`), Buffer.from('l')])).toBe('Bitcoin Core block index');
    expect(await title([], 'idb_cmp1')).toBe('Chromium IndexedDB');
    const chunks = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((x) => Uint8Array.of(x, 0, 0, 0, 0, 0, 0, 0, 0x2d));
    expect(await title(chunks)).toBe('Minecraft world');
  });

  test('is nobody for other keys', async () => {
    expect(await title([])).toBeUndefined();
    expect(await title([coin])).toBeUndefined();
    expect(await title([Buffer.from('key:0001'), Buffer.from('key:0002')])).toBeUndefined();
  });

  test('has words for any bytes, or none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (key) => {
        for (const text of [
          idbKeyText(key),
          localStorageText(key),
          coinText(key),
          indexText(key),
          minecraftKeyText(key),
        ])
          expect(text === undefined || text.length > 0).toBe(true);
      }),
    );
  });
});
