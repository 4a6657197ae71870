import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeLogRecords, encodePhysical } from '../../../src/encode/log/writer.js';
import type { Anomaly } from '../../../src/finding/finding.js';
import { fileRange } from '../../../src/format/log/fragments.js';
import { type ManifestRecord, readManifestLog } from '../../../src/format/manifest/log.js';
import { memorySource } from '../../../src/io/source.js';

async function read(bytes: Uint8Array) {
  const records: ManifestRecord[] = [];
  const anomalies: Anomaly[] = [];
  const tail = await readManifestLog(memorySource(bytes), {
    record: (record) => records.push({ ...record, payload: Uint8Array.from(record.payload) }),
    damage: (anomaly) => anomalies.push(anomaly),
    oversized: () => expect.unreachable(),
  });
  return { records, anomalies, tail, payloads: records.map((r) => Buffer.from(r.payload).toString()) };
}

const payload = (text: string) => Buffer.from(text);
const log = (...texts: string[]) =>
  Buffer.from(encodeLogRecords(texts.map((text) => Buffer.from(text, 'latin1'))));
const engine = (anomalies: Anomaly[]) => anomalies.map((a) => a.evidence?.engine);

describe('a log', () => {
  it('reads the record that RocksDB writes first', async () => {
    const record = Buffer.from(
      '56f9b8f81c0001011a6c6576656c64622e4279746577697365436f6d70617261746f72',
      'hex',
    );
    const { payloads, anomalies, tail } = await read(record);
    expect(payloads).toEqual(['\x01\x1aleveldb.BytewiseComparator']);
    expect(anomalies).toEqual([]);
    expect(tail).toMatchObject({ state: 'clean', offset: record.length, length: 0 });
  });

  it('puts fragments together and knows where each byte came from', async () => {
    const long = 'x'.repeat(70_000);
    const { records, tail } = await read(log('first', long, ''));
    expect(records.map((r) => r.payload.length)).toEqual([5, 70_000, 0]);
    expect(tail.state).toBe('clean');
    const { fragments, offset, end } = records[1];
    expect(fragments.map((f) => f.fileOffset)).toEqual([19, 32775, 65543]);
    expect(offset).toBe(12);
    expect(fileRange(fragments, 0, 10)).toEqual({ offset: 19, length: 10 });
    // across the header between two fragments
    expect(fileRange(fragments, 32748, 2)).toEqual({ offset: 32767, length: 9 });
    expect(fileRange(fragments, 70_000, 0)).toEqual({ offset: end, length: 0 });
  });

  it.each([32768 - 7, 32768 - 8, 32768 - 13, 32768 - 14, 32768 - 15])(
    'is whole when %d bytes of a block are taken',
    async (used) => {
      const { payloads, tail, anomalies } = await read(log('a'.repeat(used - 7), 'after'));
      expect(payloads[1]).toBe('after');
      expect(anomalies).toEqual([]);
      expect(tail.state).toBe('clean');
    },
  );
});

describe('a tail that the engine ignores without a word', () => {
  const whole = log('one', 'two', 'three');
  const second = 10;
  const third = 20;

  it.each([
    [third + 3, 'the file ends inside a record header'],
    [third + 9, 'the file ends inside a record of 5 bytes'],
  ])('torn at %d', async (size, detail) => {
    const { payloads, tail, anomalies } = await read(whole.subarray(0, size));
    expect(payloads).toEqual(['one', 'two']);
    expect(anomalies).toEqual([]);
    expect(tail).toEqual({ state: 'torn', offset: third, length: size - third, detail });
  });

  it('torn between fragments: the tail starts at the first of them', async () => {
    const cut = log('one', 'y'.repeat(40_000)).subarray(0, 32768);
    const { payloads, tail } = await read(cut);
    expect(payloads).toEqual(['one']);
    expect(tail).toMatchObject({ state: 'torn', offset: 10, length: 32768 - 10 });
  });

  it.each([3, 7, 5000, 100_000])('%d zeros', async (zeros) => {
    const { payloads, tail, anomalies } = await read(Buffer.concat([whole, Buffer.alloc(zeros)]));
    expect(payloads).toHaveLength(3);
    expect(anomalies).toEqual([]);
    expect(tail).toMatchObject({ state: 'zero-fill', offset: whole.length, length: zeros });
  });

  it('garbage that would reach past the end', async () => {
    const { tail, anomalies } = await read(
      Buffer.concat([whole, Buffer.from('fffffffffffffffffff', 'latin1')]),
    );
    expect(anomalies).toEqual([]);
    expect(tail).toMatchObject({ state: 'garbage', offset: whole.length, length: 19 });
  });

  it('is damage when a whole record stands after it', async () => {
    const damaged = Buffer.from(whole);
    damaged[second + 5] = 0x7f;
    const { payloads, anomalies, tail } = await read(damaged);
    expect(payloads).toEqual(['one', 'three']);
    expect(anomalies).toMatchObject([
      {
        rule: 'manifest/bad-record-length',
        offset: second,
        length: 10,
        evidence: { recordsFollowAt: third },
      },
    ]);
    // RocksDB does not notice
    expect(engine(anomalies)).toEqual([undefined]);
    expect(tail.state).toBe('clean');
  });
});

describe('damage', () => {
  const filler = 'f'.repeat(40_000);

  it('a flipped bit, even in the last record; reading goes on after it', async () => {
    const whole = log('one', 'two', 'three');
    for (const [at, left] of [
      [8, ['two', 'three']],
      [18, ['one', 'three']],
      [28, ['one', 'two']],
    ] as const) {
      const damaged = Buffer.from(whole);
      damaged[at] ^= 4;
      const { payloads, anomalies, tail } = await read(damaged);
      expect(payloads).toEqual(left);
      expect(engine(anomalies)).toEqual(['Corruption: checksum mismatch']);
      expect(anomalies[0].offset).toBe(Math.floor(at / 10) * 10);
      expect(tail.state).toBe('clean');
    }
  });

  it('a length field that is too long for its block', async () => {
    const damaged = log('one', filler);
    damaged[4] = 0xff;
    damaged[5] = 0xff;
    expect(engine((await read(damaged)).anomalies)).toEqual(['Corruption: bad record length']);
  });

  it('a record of another type', async () => {
    const meta = log('one', 'two');
    meta[6] = 9;
    const { anomalies } = await read(Buffer.from(meta));
    expect(anomalies[0].rule).toBe('manifest/checksum-mismatch');
  });

  it('a block of zeros between records, which RocksDB skips in silence', async () => {
    const whole = log('one', filler, 'last');
    whole.fill(0, 0, 10);
    const { anomalies, payloads } = await read(whole);
    expect(anomalies[0]).toMatchObject({ rule: 'manifest/zeroed-range', offset: 0, length: 10 });
    expect(engine(anomalies)).toEqual([undefined]);
    expect(payloads).toEqual([filler, 'last']);
  });

  it('a first fragment without its last, and the other way round', async () => {
    const whole = log(filler, 'next');
    const firstOnly = Buffer.concat([whole.subarray(0, 32768), log('next')]);
    expect(engine((await read(firstOnly)).anomalies)).toEqual(['Corruption: partial record without end(1)']);
    const lastOnly = whole.subarray(32768);
    expect(engine((await read(lastOnly)).anomalies)).toEqual([
      'Corruption: missing start of fragmented record(2)',
    ]);
  });
});

describe('damage that the engine meets block by block', () => {
  const long = 'l'.repeat(100_000);

  it('zeros are one hole over all of their blocks, and what lost its beginning to them is told of', async () => {
    const whole = log('one', long, 'last');
    whole.fill(0, 10, 65536);
    const { anomalies, payloads, tail } = await read(whole);
    expect(anomalies).toMatchObject([
      { rule: 'manifest/zeroed-range', offset: 10, length: 65526, evidence: { goesOnAt: 65536 } },
      { rule: 'manifest/missing-fragment', offset: 65536, length: 32768 },
      { rule: 'manifest/missing-fragment', offset: 98304 },
    ]);
    expect(engine(anomalies)).toEqual([
      undefined,
      'Corruption: missing start of fragmented record(1)',
      'Corruption: missing start of fragmented record(2)',
    ]);
    expect(payloads).toEqual(['one', 'last']);
    expect(tail.state).toBe('clean');
  });

  it('each damaged block is told of', async () => {
    const whole = log(long, 'last');
    whole[10] ^= 1;
    whole[32768 + 10] ^= 1;
    expect((await read(whole)).anomalies).toMatchObject([
      { rule: 'manifest/checksum-mismatch', offset: 0, length: 32768 },
      { rule: 'manifest/checksum-mismatch', offset: 32768, length: 32768 },
      { rule: 'manifest/missing-fragment', offset: 65536 },
      { rule: 'manifest/missing-fragment', offset: 98304 },
    ]);
  });

  it('a record of another type ends the one that it interrupts without a further word', async () => {
    const [start, rest] = [log(long).subarray(0, 32768), log('next')];
    const foreign = Buffer.from(encodePhysical(9, payload('x')));
    const { anomalies } = await read(Buffer.concat([start, foreign, rest]));
    expect(engine(anomalies)).toEqual(['Corruption: unknown record type 9']);
  });

  it('zeros and a torn record after them are one tail', async () => {
    const torn = log('one', long).subarray(0, 80_000);
    torn.fill(0, 10, 65536);
    expect(await read(torn)).toMatchObject({
      anomalies: [],
      tail: { state: 'torn', offset: 10, length: torn.length - 10 },
    });
  });

  it('a copy of a record inside a damaged one is not read: the length still leads to the next', async () => {
    const inner = log('inner');
    const whole = log('one', `${'x'.repeat(20)}${inner.toString('latin1')}`, 'last');
    whole[20] ^= 1;
    const { payloads } = await read(whole);
    expect(payloads).toEqual(['one', 'last']);
  });
});

it('survives any mutation and truncation, with every range inside the file', async () => {
  const whole = log('one', 'z'.repeat(33_000), 'two', 'three');
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 }),
      fc.nat(whole.length),
      async (changes, size) => {
        const damaged = Buffer.from(whole);
        for (const [at, value] of changes) damaged[at] = value;
        const cut = damaged.subarray(0, size);
        const { anomalies, tail, records } = await read(cut);
        for (const { offset, length } of [...anomalies, tail]) {
          expect(offset + length).toBeLessThanOrEqual(cut.length);
          expect(length).toBeGreaterThanOrEqual(0);
        }
        for (const { offset, end } of records) expect(end).toBeGreaterThan(offset);
      },
    ),
    { numRuns: 300 },
  );
});

it('is bounded on a block that looks like a record at every byte', async () => {
  const block = Buffer.alloc(32768 * 40, 0x01);
  const started = performance.now();
  expect((await read(block)).records).toEqual([]);
  expect(performance.now() - started).toBeLessThan(5000);
});
