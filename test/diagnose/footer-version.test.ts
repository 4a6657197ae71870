import { describe, expect, test } from 'vitest';
import { footerVersionCause } from '../../src/diagnose/footer-version.js';
import { openSource } from '../../src/io/source.js';
import { fixture } from '../support/files.js';

/** Bytes from the version to the end of a footer of Pebble's. */
const VERSION = 12;

async function causeOf(table: Uint8Array, bit: number) {
  const bytes = Uint8Array.from(table);
  bytes[bytes.length - VERSION + (bit >> 3)] ^= 1 << (bit & 7);
  const source = await openSource({ kind: 'memory', bytes });
  return footerVersionCause(source, { dialect: 'pebble', file: '000001.sst', depth: 'full' });
}

const tables = ['columns-v5', 'rangekeys', 'valueblocks', 'virtual'].flatMap((store) =>
  [...fixture(`pebble-stores/${store}`)]
    .filter(([file, { length }]) => file.endsWith('.sst') && length < 64 << 10)
    .map(([file, bytes]) => ({ table: `${store}/${file}`, bytes })),
);

describe('a version of a footer that does not exist', () => {
  test.each(tables)('of $table leads to the one that was there, or to none', async ({ table, bytes }) => {
    let named = 0;
    for (const bit of [0, 1, 2, 5, 17]) {
      const cause = await causeOf(bytes, bit);
      if (cause === undefined) continue;
      named++;
      expect(cause).toMatchObject({
        certainty: 'proven',
        changes: [{ offset: bytes.length - VERSION + (bit >> 3), bit: bit & 7 }],
      });
    }
    if (table.startsWith('virtual')) expect(named).toBeGreaterThan(2);
  });
});
