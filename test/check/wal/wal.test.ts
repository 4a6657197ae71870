import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { WalContext, WalFacts } from '../../../src/check/unit.js';
import { checkWal } from '../../../src/check/wal/wal.js';
import { type BatchInput, encodeBatch } from '../../../src/encode/batch/encode.js';
import { encodePhysical, LogWriter, type LogWriterOptions } from '../../../src/encode/log/writer.js';
import { openSource } from '../../../src/io/source.js';
import { bytesOf, concat, logWithGap } from '../../format/log/listing.js';

const BLOCK = 32768;
const key = new Uint8Array([0x6b]);

const put = (length = 3, columnFamily = 0) => ({
  kind: 'put' as const,
  columnFamily,
  key,
  value: new Uint8Array(length).fill(0x76),
});

function log(batches: BatchInput[], options: LogWriterOptions = {}): Uint8Array {
  const writer = new LogWriter({ number: 12n, ...options });
  return concat(...batches.map((batch) => writer.record(encodeBatch(batch))));
}

async function check(bytes: Uint8Array, context: Partial<WalContext> = {}) {
  const source = await openSource({ kind: 'memory', bytes });
  const result = await checkWal(source, {
    dialect: 'rocksdb',
    file: '000012.log',
    number: 12n,
    depth: 'full',
    recycling: false,
    ...context,
  });
  const lines = result.findings.map((f) => `${f.severity} ${f.rule} ${f.offset}+${f.length}`);
  const evidence = result.findings.map((f) => f.evidence);
  return { ...result, facts: result.facts as WalFacts, lines, evidence };
}

/** Five batches of two operations: 35 bytes each, 175 in all. */
const five = [1n, 3n, 5n, 7n, 9n].map((sequence) => ({ sequence, ops: [put(), put(4, 2)] }));
const healthy = log(five);

test('a healthy log: facts and nothing to say', async () => {
  const { lines, facts } = await check(healthy);
  expect(lines).toEqual([]);
  expect(facts).toMatchObject({
    records: 5,
    physicalRecords: 5,
    firstSequence: 1n,
    lastSequence: 9n,
    nextSequence: 11n,
    end: healthy.length,
    tail: 'clean',
    recyclable: false,
    transactions: false,
    columnFamilies: [
      { id: 0, operations: 5 },
      { id: 2, operations: 5 },
    ],
  });
});

test('an empty log', async () => {
  const { lines, facts } = await check(new Uint8Array(0));
  expect(lines).toEqual([]);
  expect(facts).toMatchObject({ records: 0, end: 0, tail: 'clean', tailOffset: 0 });
});

describe('damage', () => {
  const size = healthy.length / 5;
  const flipped = healthy.slice();
  flipped[2 * size + 20] ^= 0x20;

  test('a flipped bit: what follows is proof that it is no crash tail', async () => {
    const { lines, evidence, facts } = await check(flipped);
    expect(lines).toEqual([`error wal/checksum-mismatch ${2 * size}+${size}`]);
    expect(evidence[0]).toMatchObject({
      strictModeSays: 'checksum mismatch',
      proof: '2 whole batches, sequences 7–9, follow: damage, not a crash tail',
      sequencesMissing: '5–6',
      bytes: { hex: { marks: [{ offset: 2 * size, length: 7 }] } },
    });
    expect(facts).toMatchObject({ records: 4, firstDamage: 2 * size, tail: 'clean' });
  });

  test('a wrong length under a checksum that holds for another one', async () => {
    const bytes = healthy.slice();
    bytes[size + 4] ^= 0x40;
    const { lines, findings } = await check(bytes);
    expect(lines).toEqual([`error wal/bad-length ${size}+${size}`]);
    expect(findings[0].message).toBe(
      `The length says ${(size - 7) ^ 0x40} bytes, the checksum holds for ${size - 7}`,
    );
  });

  test('zeros over a page', async () => {
    const bytes = log(Array.from({ length: 400 }, (_, i) => ({ sequence: BigInt(i + 1), ops: [put(50)] })));
    bytes.fill(0, 4096, 8192);
    const { findings } = await check(bytes);
    expect(findings).toHaveLength(1);
    expect(findings[0].evidence.zeros).toMatchObject({ offset: 4096 });
    expect(findings[0].offset).toBeLessThan(4096);
    expect(findings[0].offset! + findings[0].length!).toBeGreaterThanOrEqual(8192);
  });

  test('the last record: nothing follows, so it may be torn or rotten', async () => {
    const bytes = healthy.slice();
    bytes[4 * size + 30] ^= 1;
    const { lines, evidence, facts } = await check(bytes);
    expect(lines).toEqual([`error wal/checksum-mismatch ${4 * size}+${size}`]);
    expect(evidence[0].following).toBe('nothing that is a record of this log');
    expect(facts).toMatchObject({ tail: 'damaged', tailOffset: 4 * size, end: 4 * size });
  });

  test('a log that holds another', async () => {
    const { lines } = await check(log(five, { number: 25n, recyclable: true }));
    expect(lines).toEqual([`error wal/wrong-log-number 0+${size + 4}`]);
  });
});

describe('ends', () => {
  const size = healthy.length / 5;

  test.each([
    ['inside a header', 4 * size + 3, `warning wal/torn-tail ${4 * size}+3`, 'truncated header'],
    ['inside a body', 4 * size + 30, `warning wal/torn-tail ${4 * size}+30`, 'truncated record body'],
  ])('%s', async (_name, cut, line, says) => {
    const { lines, evidence, facts } = await check(healthy.subarray(0, cut));
    expect(lines).toEqual([line]);
    expect(evidence[0].strictModeSays).toBe(says);
    expect(facts).toMatchObject({ tail: 'torn', end: 4 * size });
  });

  test('zeros: nothing is lost', async () => {
    const { lines, facts } = await check(concat(healthy, new Uint8Array(10_000)));
    expect(lines).toEqual([`note wal/zero-fill ${healthy.length}+10000`]);
    expect(facts.tail).toBe('zero-fill');
  });

  test('text after the last record', async () => {
    const garbage = new TextEncoder().encode('the quick brown fox jumps over the lazy dog');
    const { lines } = await check(concat(healthy, garbage));
    expect(lines).toEqual([`error wal/trailing-garbage ${healthy.length}+${garbage.length}`]);
  });

  test('a record of several fragments is torn where its first one begins', async () => {
    const bytes = log([
      { sequence: 1n, ops: [put(100)] },
      { sequence: 2n, ops: [put(2 * BLOCK)] },
    ]);
    const first = 7 + 12 + 4 + 100;
    const { lines, evidence } = await check(bytes.subarray(0, 2 * BLOCK));
    expect(lines).toEqual([`warning wal/torn-tail ${first}+${2 * BLOCK - first}`]);
    expect(evidence[0].strictModeSays).toBe('error reading trailing data due to encountering EOF');
  });

  test('a recycled file: the old log after the last record is no damage', async () => {
    const own = log(five, { recyclable: true });
    const old = log(five, { recyclable: true, number: 8n });
    const noise = old.subarray(20);
    const { lines, findings, facts } = await check(concat(own, noise));
    expect(lines).toEqual([`note wal/recycled-remains ${own.length}+${noise.length}`]);
    expect(findings[0].message).toContain('log 8');
    expect(facts).toMatchObject({ tail: 'recycled', recyclable: true, end: own.length });
  });

  test('a recycled file whose last record is damaged: its header still names this log', async () => {
    const own = log(five, { recyclable: true });
    const size = own.length / 5;
    own[4 * size + 25] ^= 1;
    const { lines } = await check(concat(own, log(five, { recyclable: true, number: 8n }).subarray(20)));
    expect(lines).toEqual([expect.stringMatching(`^error wal/checksum-mismatch ${4 * size}`)]);
  });
});

describe('a checksum that holds around a batch that does not', () => {
  test('wrong count', async () => {
    const bytes = log([five[0], { ...five[1], count: 3 }, five[2]]);
    const { lines, evidence, facts } = await check(bytes);
    expect(lines).toEqual(['error batch/wrong-count 35+35']);
    expect(evidence[0]).toMatchObject({
      sequence: '3',
      count: 3,
      operationsFound: 2,
      checksum: 'matches',
      everyModeSays: 'WriteBatch has wrong count',
      anomalyOffset: 35 + 7 + 8,
    });
    expect(facts.columnFamilies).toEqual([
      { id: 0, operations: 2 },
      { id: 2, operations: 2 },
    ]);
  });

  test('unknown tag in the second block of a record: the place in the file', async () => {
    const batch = encodeBatch({ sequence: 1n, ops: [put(40_000), put()] });
    const tag = batch.length - 7;
    batch[tag] = 0x65;
    const writer = new LogWriter();
    const { lines, evidence } = await check(writer.record(batch));
    expect(lines).toEqual([`error batch/unknown-tag 0+${batch.length + 14}`]);
    expect(evidence[0]).toMatchObject({ anomalyOffset: tag + 14, batchOffset: tag, fragments: 2, tag: 101 });
  });

  test('a healthy record that RocksDB takes for damage', async () => {
    const first = encodeBatch({ sequence: 1n, ops: [put(32_600)] });
    const second = encodeBatch({ sequence: 2n, ops: [put(64_000)] });
    const { bytes, start, gap } = logWithGap(first, second);
    const { lines, evidence, facts } = await check(bytes);
    expect(lines).toEqual([`error wal/zero-gap-in-record ${gap}+8`]);
    expect(evidence[0]).toMatchObject({ recordOffset: start, strictModeSays: 'error in middle of record' });
    expect(facts).toMatchObject({ records: 2, lastSequence: 2n, tail: 'clean' });
  });

  test('a compressed record that is cut, but whole to its checksum', async () => {
    const writer = new LogWriter();
    const start = writer.compression();
    const record = writer.record(encodeBatch(five[0]));
    const payload = record.subarray(7, record.length - 5);
    const { lines } = await check(concat(start, encodePhysical(1, payload)));
    expect(lines).toEqual([`error wal/decompression-failed 11+${payload.length + 7}`]);
  });
});

describe('sequence numbers', () => {
  const sequences = (...list: [bigint, number][]) =>
    log(list.map(([sequence, count]) => ({ sequence, ops: Array.from({ length: count }, () => put()) })));

  test.each([
    ['back', sequences([10n, 1], [9n, 1]), ['error sequence/backwards 26+26']],
    ['twice the same', sequences([10n, 2], [11n, 1]), ['warning sequence/overlap 33+26']],
    ['a hole: a note', sequences([10n, 1], [15n, 1]), ['note sequence/gap 26+0']],
    ['an empty batch and the next one share a number', sequences([10n, 0], [10n, 1]), []],
  ])('%s', async (_name, bytes, lines) => {
    expect((await check(bytes)).lines).toEqual(lines);
  });

  test('beyond 2^32 and 2^53', async () => {
    const high = (1n << 53n) + 1n;
    const bytes = sequences([0xfffffffen, 2], [0x100000000n, 1], [high, 1], [high + 1n, 1], [high + 1n, 1]);
    const { lines, facts } = await check(bytes);
    expect(lines).toEqual(['warning sequence/overlap 111+26', 'note sequence/gap 59+0']);
    expect(facts.nextSequence).toBe(high + 2n);
  });

  test('a prepared transaction and what follows share a number', async () => {
    const marker = (kind: 'begin-prepare' | 'end-prepare' | 'commit') => ({ kind, columnFamily: 0, key });
    const bytes = log([
      { sequence: 2n, ops: [marker('begin-prepare'), put(), put(), marker('end-prepare')] },
      { sequence: 2n, ops: [put()] },
      { sequence: 3n, ops: [marker('commit')] },
      { sequence: 5n, ops: [put()] },
    ]);
    const { lines, facts } = await check(bytes);
    expect(lines).toEqual([]);
    expect(facts.transactions).toBe(true);
  });
});

test('metadata records', async () => {
  const writer = new LogWriter();
  const predecessor = { number: 4n, size: 51n, lastSequence: 2n };
  const bytes = concat(
    writer.predecessor(predecessor),
    writer.timestampSizes(new Map([[2, 8]])),
    writer.record(encodeBatch(five[0])),
    encodePhysical(10, bytesOf('02000000 1000')),
    encodePhysical(200, bytesOf('00')),
  );
  const { lines, facts, findings } = await check(bytes);
  expect(facts.predecessor).toEqual({ ...predecessor, offset: 0, length: 31 });
  expect(lines).toEqual([
    'error batch/short-key 44+35',
    'error wal/malformed-metadata 79+13',
    'note wal/ignorable-record 92+8',
  ]);
  expect(findings[1].evidence.strictModeSays).toBe(
    'User-defined timestamp size record contains update to recorded column family.',
  );
});

test('a recyclable log whose number does not fit its headers', async () => {
  const bytes = log(five, { recyclable: true, number: 12n });
  const { lines } = await check(bytes, { number: (1n << 32n) + 12n });
  expect(lines).toEqual([`error wal/number-too-large 0+${bytes.length}`]);
});

test('depth: headers alone, or everything', async () => {
  const bytes = log([five[0], { ...five[1], count: 3 }, five[2]]);
  bytes[25] ^= 1;
  const everything = ['error wal/checksum-mismatch 0+35', 'error batch/wrong-count 35+35'];
  expect((await check(bytes, { depth: 'structure' })).lines).toEqual([]);
  expect((await check(bytes, { depth: 'checksums' })).lines).toEqual(everything);
  expect((await check(bytes)).lines).toEqual(everything);
});

test('on any change it ends, and findings lie in the file', async () => {
  const base = log([
    ...Array.from({ length: 30 }, (_, i) => ({ sequence: BigInt(i + 1), ops: [put(200), put(300, 1)] })),
    { sequence: 61n, ops: [put(70_000)] },
    { sequence: 62n, ops: [put(20_000)] },
  ]);
  const where = fc.double({ min: 0, max: 1, noNaN: true });
  await fc.assert(
    fc.asyncProperty(
      where,
      fc.nat(255),
      fc.integer({ min: 1, max: 600 }),
      where,
      async (at, value, length, cut) => {
        const bytes = base.slice(0, Math.ceil((0.3 + 0.7 * cut) * base.length));
        const from = Math.floor(at * bytes.length);
        bytes.fill(value, from, from + length);
        const { findings, facts } = await check(bytes);
        for (const { offset, length: covered } of findings) {
          expect(offset).toBeGreaterThanOrEqual(0);
          expect(offset! + covered!).toBeLessThanOrEqual(bytes.length);
        }
        expect(facts.end).toBeLessThanOrEqual(facts.size);
      },
    ),
    { numRuns: 200 },
  );
});
