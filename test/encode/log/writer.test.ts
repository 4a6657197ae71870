import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ZstdStream } from '../../../src/codec/zstd-stream.js';
import { LogWriter, rewritePredecessor, storedFrame } from '../../../src/encode/log/writer.js';
import { bytesOf, concat, parse } from '../../format/log/listing.js';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('as RocksDB writes it', () => {
  test('a record', () => {
    const batch = bytesOf('0100000000000000|01000000|01 026b31 027631');
    expect(hex(new LogWriter().record(batch))).toBe(`0f0aef62130001${hex(batch)}`);
  });

  test('a recyclable record', () => {
    const batch = bytesOf(`3300000000000000|01000000|01 046f303030 2f${'74'.repeat(47)}`);
    const bytes = new LogWriter({ number: 12n, recyclable: true }).record(batch);
    expect(hex(bytes)).toBe(`01283d514200050c000000${hex(batch)}`);
  });

  test('a compression record', () => {
    expect(hex(new LogWriter({ recyclable: true }).compression())).toBe('e12c08f804000907000000');
  });

  test('a predecessor record', () => {
    const bytes = new LogWriter().predecessor({ number: 4n, size: 51n, lastSequence: 2n });
    expect(hex(bytes)).toBe('bd76393d180082040000000000000033000000000000000200000000000000');
  });
});

test('a log is continued where it ends, in the middle of a block', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 70_000 }),
      fc.integer({ min: 0, max: 90_000 }),
      async (before, after) => {
        const start = new LogWriter().record(new Uint8Array(before).fill(1));
        const next = new LogWriter({ offset: start.length });
        const bytes = concat(start, next.record(new Uint8Array(after).fill(2)));
        expect(next.offset).toBe(bytes.length);
        const { records, damages, tail } = await parse(bytes);
        expect([records.map((r) => r.length), damages, tail.kind]).toEqual([[before, after], [], 'clean']);
      },
    ),
    { numRuns: 100 },
  );
});

test('a stored frame decodes to its content', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 400_000 }), (length) => {
      const content = new Uint8Array(length).map((_, i) => i * 7);
      const stream = new ZstdStream();
      const { bytes, error } = stream.push(storedFrame(content));
      expect(error).toBeUndefined();
      expect(stream.atFrameEnd).toBe(true);
      expect(Buffer.compare(bytes, content)).toBe(0);
    }),
    { numRuns: 20 },
  );
});

test('a predecessor record in place', async () => {
  const bytes = new LogWriter().predecessor({ number: 4n, size: 51n, lastSequence: 2n });
  const patch = rewritePredecessor(0, { number: 4n, size: 40n, lastSequence: 1n });
  bytes.set(patch.bytes, patch.offset);
  expect((await parse(bytes)).events).toEqual(['predecessor 0+31', 'end clean 31']);
  expect(bytes[7 + 8]).toBe(40);
});
