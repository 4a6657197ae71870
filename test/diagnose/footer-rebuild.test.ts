import { describe, expect, test } from 'vitest';
import { rebuildFooter } from '../../src/diagnose/footer-rebuild.js';
import { openSource } from '../../src/io/source.js';
import { fixture, fixtureNames } from '../support/files.js';

const FOOTER = 53;

/** What is worked out for a table whose footer is gone. */
async function rebuilt(table: Uint8Array): Promise<Uint8Array | undefined> {
  const bytes = Uint8Array.from(table).fill(0, table.length - FOOTER);
  return (await rebuildFooter(await openSource({ kind: 'memory', bytes })))?.bytes;
}

const tables = fixtureNames()
  .filter((name) => !name.startsWith('leveldb'))
  .flatMap((name) => [...fixture(name)].map(([file, bytes]) => ({ table: `${name}/${file}`, bytes })))
  .filter(({ table, bytes }) => table.endsWith('.sst') && bytes.length > FOOTER);

describe('a footer that is gone', () => {
  test.each(tables)('of $table is either exactly what was there or not given', async ({ bytes }) => {
    const found = await rebuilt(bytes);
    if (found !== undefined) expect(found).toEqual(Uint8Array.from(bytes.subarray(bytes.length - FOOTER)));
  });

  test.each(['format-7-11.9/000011.sst', 'basic-9.7/000008.sst'])(
    'of %s follows from the rest',
    async (name) => {
      expect(await rebuilt(tables.find(({ table }) => table === name)!.bytes)).toBeDefined();
    },
  );

  test('does not follow where the metaindex is damaged, too', async () => {
    const bytes = Uint8Array.from(tables.find(({ table }) => table === 'format-7-11.9/000011.sst')!.bytes);
    bytes[bytes.length - FOOTER - 20] ^= 1;
    expect(await rebuilt(bytes)).toBeUndefined();
  });

  test('of a file that is no table', async () => {
    for (const length of [0, 10, 53, 58, 500])
      expect(await rebuildFooter(await openSource({ kind: 'memory', bytes: new Uint8Array(length) }))).toBe(
        undefined,
      );
  });
});
