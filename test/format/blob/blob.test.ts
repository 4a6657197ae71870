import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compressBlock } from '../../../src/codec/block.js';
import { encodeBlobRecord } from '../../../src/encode/blob/blob-file.js';
import { decodeBlobIndex } from '../../../src/format/blob/blob-index.js';
import { decodeBlobFileFooter, isBlobFileFooter } from '../../../src/format/blob/footer.js';
import { decodeBlobFileHeader } from '../../../src/format/blob/header.js';
import { readBlob } from '../../../src/format/blob/read-blob.js';
import {
  decodeBlobRecordHeader,
  findRecordHeader,
  isHeaderIntact,
  recordLength,
} from '../../../src/format/blob/record.js';
import { type BlobSpan, walkBlobFile } from '../../../src/format/blob/walk.js';
import { openSource } from '../../../src/io/source.js';
import { encodeBlobFile } from '../../support/blob-file.js';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('bytes that RocksDB wrote', () => {
  test('header', () => {
    const { header, anomalies } = decodeBlobFileHeader(
      hex(`378f2400 01000000 00000000 00 00 ${'00'.repeat(16)}`),
    );
    expect(anomalies).toEqual([]);
    expect(header).toEqual({
      version: 1,
      columnFamily: 0,
      flags: 0,
      compression: 0,
      expiration: { from: 0n, to: 0n },
    });
  });

  test('record header', () => {
    const record = decodeBlobRecordHeader(
      hex('0900000000000000 4000000000000000 0000000000000000 f636360e 982635a5'),
    );
    expect(isHeaderIntact(record)).toBe(true);
    expect(record).toMatchObject({ keyLength: 9, valueLength: 64, expiration: 0 });
    expect(recordLength(record)).toBe(105);
  });

  test('footer', () => {
    const bytes = hex(`378f2400 1400000000000000 ${'00'.repeat(16)} fd271baa`);
    expect(isBlobFileFooter(bytes)).toBe(true);
    expect(decodeBlobFileFooter(bytes).recordCount).toBe(20);
  });

  test('index', () => {
    expect(decodeBlobIndex(hex('01 0a 47 40 00'))).toEqual({
      kind: 'blob',
      fileNumber: 10n,
      offset: 71n,
      size: 64n,
      compression: 0,
      expiration: undefined,
    });
  });
});

describe('blob indexes', () => {
  test('with an expiration, as BlobDB writes them', () => {
    expect(decodeBlobIndex(hex('02 64 0a 47 40 07'))).toMatchObject({ expiration: 100n, compression: 7 });
    expect(decodeBlobIndex(hex('00 64 6869'))).toMatchObject({ kind: 'inlined', expiration: 100n });
  });

  test.each([
    ['', /empty/],
    ['03 0a 47 40 00', /unknown kind 3/],
    ['01 0a 47 c0', /cut off/],
    ['01 0a 47 40 00 00', /2 bytes where one/],
    ['02 ff', /expiration is cut off/],
  ])('%s is malformed', (bytes, error) => {
    expect(decodeBlobIndex(hex(bytes))).toMatchObject({
      kind: 'malformed',
      error: expect.stringMatching(error),
    });
  });
});

const record = (key: string, value: string) => ({ key: Buffer.from(key), value: Buffer.from(value) });
const records = [
  record('a', 'alpha'),
  record('bb', 'x'.repeat(500)),
  record('ccc', ''),
  record('dddd', 'delta'),
];

async function walk(bytes: Uint8Array, end = bytes.length - 32): Promise<BlobSpan[]> {
  const spans: BlobSpan[] = [];
  for await (const span of walkBlobFile(await openSource({ kind: 'memory', bytes }), {
    end,
    contents: true,
  })) {
    spans.push({ ...span });
  }
  return spans;
}

const summary = (spans: BlobSpan[]) => spans.map(({ kind, offset, length }) => `${kind} ${offset}+${length}`);

describe('the walk over records', () => {
  const file = encodeBlobFile(0, 0, records);

  test('what was encoded comes back', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({ key: fc.uint8Array({ maxLength: 20 }), value: fc.uint8Array({ maxLength: 200 }) }),
        ),
        async (written) => {
          const spans = await walk(encodeBlobFile(5, 0, written));
          expect(spans.map((span) => span.kind)).toEqual(written.map(() => 'record'));
          spans.forEach((span, i) => {
            expect(span.length).toBe(32 + written[i].key.length + written[i].value.length);
            expect(span).toMatchObject({ computedBlobCrc: span.header!.blobCrc });
          });
        },
      ),
    );
  });

  test('a header with wrong lengths is stepped over, the next record found', async () => {
    const bytes = Uint8Array.from(file);
    bytes[30 + 38 + 8] ^= 4;
    expect(summary(await walk(bytes))).toEqual([
      'record 30+38',
      'damaged 68+534',
      'record 602+35',
      'record 637+41',
    ]);
  });

  test('a header whose lengths are well keeps its record', async () => {
    const bytes = Uint8Array.from(file);
    bytes[68 + 24] ^= 1;
    const [, damaged] = await walk(bytes);
    expect(damaged).toMatchObject({ kind: 'damaged', length: 534, headerOnly: true });
  });

  test('a record that reaches past the end is cut', async () => {
    expect(summary(await walk(file, 600))).toEqual(['record 30+38', 'cut 68+532']);
    expect(summary(await walk(file, 80))).toEqual(['record 30+38', 'cut 68+12']);
  });

  test('records larger than the read buffer', async () => {
    const large = encodeBlobFile(0, 0, [record('k', 'v'.repeat(3_000_000)), record('l', 'w')]);
    expect(summary(await walk(large))).toEqual(['record 30+3000033', 'record 3000063+34']);
    large[30 + 8] ^= 1;
    expect(summary(await walk(large))).toEqual(['damaged 30+3000033', 'record 3000063+34']);
  });

  test('spans cover every byte once, whatever the damage', async () => {
    const change = fc.tuple(fc.integer({ min: 30, max: file.length - 33 }), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 8 }), async (changes) => {
        const bytes = Uint8Array.from(file);
        for (const [at, to] of changes) bytes[at] = to;
        let at = 30;
        for (const span of await walk(bytes)) {
          expect(span.offset).toBe(at);
          expect(span.length).toBeGreaterThan(0);
          at += span.length;
        }
        expect(at).toBe(bytes.length - 32);
      }),
    );
  });
});

test('an intact record header is found at any place', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (before) => {
      const bytes = Buffer.concat([before, encodeBlobRecord(record('key', 'value'))]);
      expect(findRecordHeader(bytes, 0, bytes.length)).toBe(before.length);
    }),
  );
});

describe('reading one value', () => {
  const value = Buffer.from('value '.repeat(40));
  const stored = compressBlock(7, value)!;
  const key = Buffer.from('key');
  const file = encodeBlobFile(0, 7, [record('first', '1'), { key, value: stored }]);
  const place = { offset: BigInt(30 + 38 + 32 + 3), size: BigInt(stored.length), compression: 7, key };
  const read = async (bytes: Uint8Array, at: typeof place) =>
    readBlob(await openSource({ kind: 'memory', bytes }), at);

  test('gives it decompressed', async () =>
    expect(Buffer.from((await read(file, place)).value!)).toEqual(value));

  test.each([
    ['another key', { key: Buffer.from('kez') }, /another key/],
    ['another size', { size: place.size - 1n }, /the record has 3 and/],
    ['an offset between records', { offset: place.offset + 1n }, /outside|header/],
    ['an offset outside of the file', { offset: 2n ** 63n }, /outside/],
    ['a size outside of the file', { size: 2n ** 63n }, /outside/],
  ])('%s is refused', async (_, change, error) => {
    expect((await read(file, { ...place, ...change })).error).toMatch(error);
  });

  test('a damaged value is refused', async () => {
    const bytes = Uint8Array.from(file);
    bytes[Number(place.offset) + 3] ^= 1;
    expect((await read(bytes, place)).error).toMatch(/CRC of key and value/);
  });
});
