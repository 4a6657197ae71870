import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkPebbleBlob } from '../../../src/check/blob/pebble-blob.js';
import {
  decodePebbleBlobFooter,
  decodePebbleBlobIndex,
  decodeValues,
} from '../../../src/format/blob/pebble-blob.js';
import { memorySource } from '../../../src/io/source.js';
import { scanTarget } from '../../../src/scan/scan.js';
import { withDatabase } from '../../support/database.js';
import { fixture, readFileSet } from '../../support/files.js';
import { repaired } from '../../support/pebble.js';

const store = 'pebble-stores/values';
const names = [...fixture(store).keys()].filter((name) => name.endsWith('.blob'));

const check = (bytes: Uint8Array) =>
  checkPebbleBlob(memorySource(bytes), { file: '000006.blob', depth: 'full', dialect: 'pebble' });

describe('a blob file of Pebble', () => {
  test.each(names)('is read to its last value: %s', async (name) => {
    const { findings, unchecked, facts } = await check(fixture(store).get(name)!);
    expect([findings, unchecked]).toEqual([[], []]);
    expect(facts).toMatchObject({ readable: true, hasFooter: true });
    expect(facts.kind === 'blob' && facts.records).toBeGreaterThan(0);
  });

  test.each(names)('has no bit that nothing checks: %s', async (name) => {
    const bytes = Buffer.from(fixture(store).get(name)!);
    for (let at = 0; at < bytes.length; at += 7) {
      bytes[at] ^= 1 << (at & 7);
      const { findings } = await check(bytes);
      expect(findings.length, `${at}`).toBeGreaterThan(0);
      for (const { rule, offset = 0, length = 0 } of findings) {
        expect(rule).toMatch(/^blob\/values-(footer|block)$/);
        expect(offset + length).toBeLessThanOrEqual(bytes.length);
      }
      bytes[at] ^= 1 << (at & 7);
    }
  });

  test('may be cut anywhere', async () => {
    const bytes = fixture(store).get(names[0])!;
    for (let length = 0; length < bytes.length; length += 13)
      expect((await check(bytes.subarray(0, length))).findings.length, `${length}`).toBeGreaterThan(0);
  });

  test('may hold anything', async () => {
    const bytes = fixture(store).get(names[0])!;
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.length - 1),
        fc.uint8Array({ minLength: 1, maxLength: 90 }),
        async (at, noise) => {
          const changed = Buffer.from(bytes);
          changed.set(noise.subarray(0, bytes.length - at), at);
          await check(changed);
          decodePebbleBlobFooter(noise, noise.length);
          decodePebbleBlobIndex(noise, 10);
          decodeValues(noise);
        },
      ),
    );
  });
});

describe('a flipped bit in a blob file of Pebble', () => {
  // a value, a checksum, the index, the footer and its checksum
  test.each([
    '000006.blob 100.3',
    '000006.blob 1083.1',
    '000019.blob end-50.6',
    '000019.blob end-20.0',
    '000019.blob end-37.7',
    '000019.blob end-3.2',
  ])('is named and flipped back: %s', async (place) => {
    await withDatabase(store, [`flip ${place}`], async (dir) => {
      const { findings } = await scanTarget(dir, { jobs: 1 });
      expect(findings.filter(({ severity }) => severity === 'error')).toMatchObject([
        { cause: { kind: 'bit-flip', certainty: 'proven' } },
      ]);
      await repaired(dir, { strategy: 'heal' });
      const after = readFileSet(dir);
      for (const [name, bytes] of fixture(store))
        expect(Buffer.compare(after.get(name)!, bytes), name).toBe(0);
    });
  });
});

describe('blob files in a store of Pebble', () => {
  const found = (...patches: string[]) =>
    withDatabase(store, patches, async (dir) => {
      const { findings, unchecked } = await scanTarget(dir, { jobs: 1 });
      const bad = findings.filter(({ severity }) => severity !== 'note');
      return [...bad.map(({ rule, file }) => `${rule} ${file}`), ...unchecked.map(({ reason }) => reason)];
    });

  test('are all that its MANIFEST names', async () => {
    expect(await found()).toEqual([]);
    expect(await found('remove 000019.blob')).toEqual(['directory/missing-blob 000019.blob']);
  });

  test('are as large as it says, and have the blocks that tables name', async () => {
    expect(await found('copy 000019.blob 000006.blob')).toEqual([
      'directory/wrong-blob-size 000006.blob',
      'blob/dangling-reference 000017.sst',
    ]);
  });

  test('cost nothing that it does not name', async () => {
    expect(await found('copy 000019.blob 000999.blob', 'zero 000999.blob 0 40')).toEqual([]);
  });
});
