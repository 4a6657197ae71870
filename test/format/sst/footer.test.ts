import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeFooter, magicAt, nearestMagic } from '../../../src/format/sst/footer.js';
import { locateFooter } from '../../../src/format/sst/locate.js';
import { openSource } from '../../../src/io/source.js';
import { fixture } from '../../support/files.js';

const zeros = (count: number) => '00'.repeat(count);

/** Footers that real engines wrote, and the file offset at which each stood. */
const FOOTERS = {
  'format version 5': {
    hex: `01 8609 50 ef01 1a ${zeros(34)} 05000000 f7cff485b741e288`,
    offset: 1243,
    footer: {
      format: 'block-based',
      formatVersion: 5,
      checksumType: 1,
      baseContext: 0,
      metaindex: { offset: 1158, size: 80 },
      index: { offset: 239, size: 26 },
    },
  },
  'format version 7, XXH3': {
    hex: `04 3e007a00 2d694c59 71c25f56 67000000 ${zeros(24)} 07000000 f7cff485b741e288`,
    offset: 1520,
    footer: {
      formatVersion: 7,
      checksumType: 4,
      baseContext: 0x565fc271,
      metaindex: { offset: 1412, size: 103 },
    },
  },
  'format version 7, crc32c': {
    hex: `01 3e007a00 0c6043bb 37535632 67000000 ${zeros(24)} 07000000 f7cff485b741e288`,
    offset: 1495,
    footer: { checksumType: 1, baseContext: 0x32565337 },
  },
  'format version 6': {
    hex: `01 3e007a00 5c56cad9 38cdd367 84000000 ${zeros(24)} 06000000 f7cff485b741e288`,
    offset: 5983,
    footer: { formatVersion: 6 },
  },
  'format version 7 without checksums': {
    hex: `00 3e007a00 aaf5f01f 7aacf01f 57000000 ${zeros(24)} 07000000 f7cff485b741e288`,
    offset: 22992,
    footer: { checksumType: 0, baseContext: 0x1ff0ac7a },
  },
  LevelDB: {
    hex: `adec01 32 e4ec01 fa03 ${zeros(31)} 57fb808b247547db`,
    offset: 30819,
    footer: {
      format: 'legacy',
      formatVersion: 0,
      checksumType: 1,
      metaindex: { offset: 30253, size: 50 },
      index: { offset: 30308, size: 506 },
    },
  },
};

function decode(hex: string, offset: number) {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  const magic = magicAt(bytes, bytes.length);
  return magic && decodeFooter(bytes, bytes.length, offset, magic);
}

describe.each(Object.entries(FOOTERS))('%s', (_, { hex, offset, footer }) => {
  test('decodes', () => {
    expect(decode(hex, offset)).toEqual({ footer: expect.objectContaining(footer), anomalies: [] });
  });
});

test('a footer with a checksum knows where it stands', () => {
  const { hex } = FOOTERS['format version 7, XXH3'];
  expect(decode(hex, 1521)?.anomalies).toMatchObject([
    { rule: 'sst/footer-checksum', offset: 1521, length: 53 },
  ]);
});

test('every bit of a footer with a checksum is covered', () => {
  const { hex, offset } = FOOTERS['format version 7, crc32c'];
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  for (let bit = 0; bit < 45 * 8; bit++) {
    const copy = Buffer.from(bytes);
    copy[bit >> 3] ^= 1 << (bit & 7);
    const { anomalies = [], unsupported } = decode(copy.toString('hex'), offset) ?? {};
    expect([bit, anomalies.length > 0 || unsupported !== undefined]).toEqual([bit, true]);
  }
});

test('tables of other forms', () => {
  const pebble = decode(`01 b174 3e d96c f501 ${zeros(33)} 01000000 f09faab3f09faab3`, 14964);
  expect(pebble).toMatchObject({ footer: { format: 'pebble', formatVersion: 1 }, anomalies: [] });
  const plain = decode(`8101 20 00 00 ${zeros(35)} b8138f7aeb18344f`, 500);
  expect(plain).toMatchObject({ footer: { format: 'plain', checksumType: 0 }, anomalies: [] });
  const future = decode(
    `01 3e007a00 0c6043bb 37535632 67000000 ${zeros(24)} 08000000 f7cff485b741e288`,
    1495,
  );
  expect(future?.footer?.formatVersion).toBe(8);
});

test('the nearest magic number', () => {
  const damaged = Buffer.from('f7cff485b741e289', 'hex');
  expect(magicAt(damaged, 8)).toBeUndefined();
  expect(nearestMagic(damaged, 8)).toMatchObject({ magic: { format: 'block-based' }, bits: 1 });
});

describe('looking for the footer of a real table', () => {
  const table = new Uint8Array(fixture('basic-7.8').get('000018.sst')!);
  const locate = async (bytes: Uint8Array) => locateFooter(await openSource({ kind: 'memory', bytes }));

  test('where it should be', async () => {
    expect(await locate(table)).toMatchObject({ footer: { offset: table.length - 53 }, anomalies: [] });
  });

  test('under a flipped bit of the magic number', async () => {
    const bytes = table.slice();
    bytes[bytes.length - 3] ^= 0x10;
    const { footer, anomalies } = await locate(bytes);
    expect(footer).toMatchObject({ offset: table.length - 53 });
    expect(anomalies).toMatchObject([{ rule: 'sst/bad-magic', offset: table.length - 53, length: 53 }]);
  });

  test('before bytes that were appended', async () => {
    const { footer, anomalies } = await locate(Buffer.concat([table, Buffer.alloc(100)]));
    expect(footer).toMatchObject({ offset: table.length - 53 });
    expect(anomalies).toMatchObject([{ rule: 'sst/trailing-bytes', offset: table.length, length: 100 }]);
  });

  test('nowhere: empty, cut, zeroed', async () => {
    expect((await locate(new Uint8Array(0))).anomalies).toMatchObject([{ rule: 'sst/empty' }]);
    expect((await locate(table.slice(0, 20))).anomalies).toMatchObject([
      { rule: 'sst/truncated', offset: 20 },
    ]);
    expect((await locate(table.slice(0, 900))).anomalies).toMatchObject([
      { rule: 'sst/truncated', offset: 900 },
    ]);
    const zeroed = table.slice();
    zeroed.fill(0, 600);
    const last = zeroed.length - 600;
    expect((await locate(zeroed)).anomalies).toMatchObject([
      { rule: 'sst/zeroed', offset: 600, length: last },
    ]);
  });

  test('any end of a file: no throw, at most one answer', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), fc.nat(200), async (end, cut) => {
        const bytes = Buffer.concat([table.subarray(0, table.length - cut), end]);
        const { footer, anomalies, unsupported } = await locate(bytes);
        expect(footer !== undefined || anomalies.length > 0 || unsupported !== undefined).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});
