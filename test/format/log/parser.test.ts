import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeBatch } from '../../../src/encode/batch/encode.js';
import { encodePhysical, LogWriter, type LogWriterOptions } from '../../../src/encode/log/writer.js';
import { decodeBatch } from '../../../src/format/batch/decode.js';
import { bytesOf, concat, logWithGap, parse } from './listing.js';

const BLOCK = 32768;

/** A put whose batch has `length` bytes. */
function batch(sequence: number, length: number): Uint8Array {
  let value = length - 12 - 4;
  while (encodePut(sequence, value).length > length) value--;
  const bytes = encodePut(sequence, value);
  // A varint may make it one byte short; log data fills up.
  return bytes.length === length ? bytes : encodePut(sequence, value, length - bytes.length);
}

function encodePut(sequence: number, value: number, filler = 0): Uint8Array {
  return encodeBatch({
    sequence: BigInt(sequence),
    ops: [
      { kind: 'put', columnFamily: 0, key: new Uint8Array([0x6b]), value: new Uint8Array(value).fill(0x76) },
      ...Array.from({ length: filler }, () => ({
        kind: 'noop' as const,
        columnFamily: 0,
        key: new Uint8Array(0),
      })),
    ],
  });
}

/** A log of batches of these lengths, sequences from 1 on. */
function log(lengths: number[], options: LogWriterOptions = {}): Uint8Array {
  const writer = new LogWriter({ number: 12n, ...options });
  return concat(...lengths.map((length, i) => writer.record(batch(i + 1, length))));
}

const patched = (bytes: Uint8Array, offset: number, ...values: number[]) => {
  const copy = bytes.slice();
  copy.set(values, offset);
  return copy;
};

describe('logs that RocksDB wrote', () => {
  test('one put', async () => {
    const { events, records } = await parse(
      bytesOf('0f0aef62|1300|01|0100000000000000|01000000|01 026b31 027631'),
    );
    expect(events).toEqual(['record 0+26', 'end clean 26']);
    expect(decodeBatch(records[0])).toMatchObject({ sequence: 1n, count: 1, anomalies: [] });
  });

  test.each([
    ['batch of two', 'ec88427c|1600|01|0200000000000000|02000000|01 0161 0131|01 0162 0132'],
    ['column family 1', '5ab29e05|1400|01|0500000000000000|01000000|05 01 02636b 026376'],
    ['range delete in column family 1', '2bcab727|1200|01|0600000000000000|01000000|0e 01 0178 017a'],
    ['range delete', '0d2c354e|1100|01|0600000000000000|01000000|0f 0178 017a'],
    ['entity', '55801026|1c00|01|0100000000000000|01000000|16 026531 0b|01 02 00 02 026331 01|6476 78'],
    ['log data only', '943f427f|1200|01|0900000000000000|00000000|03 046f6e6c79'],
    ['after a point-in-time recovery', '0fa92666|0c00|01|0300000000000000|00000000'],
    [
      'prepare',
      '284f830c|2700|01|0200000000000000|03000000|09|01 026b31 027631|01 026b32 027632|01 026b31 03763162|0a 027431',
    ],
    ['commit', '1fe87f53|1000|01|0300000000000000|00000000|0b 027431'],
    ['rollback under WritePrepared', 'b1b6ee65|1400|01|0800000000000000|01000000|00 027931|0c 027433'],
  ])('%s', async (_name, hex) => {
    const bytes = bytesOf(hex);
    const { events, records } = await parse(bytes);
    expect(events).toEqual([`record 0+${bytes.length}`, `end clean ${bytes.length}`]);
    expect(decodeBatch(records[0]).anomalies).toEqual([]);
  });

  test('LevelDB: put k=v, then a batch', async () => {
    const hex =
      'e75a4d00|1100|01|0100000000000000|01000000|01 016b 0176' +
      '3f5f787d|1400|01|0200000000000000|02000000|01 0161 0131|00 016b';
    expect((await parse(bytesOf(hex))).events).toEqual(['record 0+24', 'record 24+27', 'end clean 51']);
  });

  test('predecessor record', async () => {
    const hex = 'bd76393d|1800|82|0400000000000000|3300000000000000|0200000000000000';
    expect((await parse(bytesOf(hex))).events).toEqual(['predecessor 0+31', 'end clean 31']);
  });

  test('compressed log', async () => {
    const hex =
      'e12c08f8|0400|09|07000000' +
      '7e0ad386|1f00|01|28b52ffd 24 12 910000 0100000000000000 01000000 01 026131 0176 c2d0383b';
    const { events, records } = await parse(bytesOf(hex));
    expect(events).toEqual(['compression 0+11', 'record 11+38', 'end clean 49']);
    expect(decodeBatch(records[0])).toMatchObject({ sequence: 1n, count: 1, anomalies: [] });
  });

  test('recycled file: the old log shows through after the last record', async () => {
    const key = '01 046f303030 2f'.replaceAll(' ', '');
    const record = `01283d51|4200|05|0c000000|3300000000000000|01000000|${key}${'74'.repeat(47)}`;
    const writer = new LogWriter({ number: 12n, recyclable: true });
    const own = concat(writer.record(bytesOf(record).subarray(11)), writer.record(batch(52, 66)));
    expect(Buffer.from(own).toString('hex', 0, 77)).toBe(record.replaceAll('|', ''));
    const old = encodePhysical(5, batch(40, 79), 8);
    const { tail, events } = await parse(concat(own, new Uint8Array(26).fill(0x77), old), { number: 12n });
    expect(events).toEqual(['record 0+77', 'record 77+77', 'end damaged 154+116']);
    expect(tail.oldRecord).toEqual({ offset: 180, logNumber: 8 });
  });
});

describe('where a log may leave zeros', () => {
  test('no room for a header at the end of a block', async () => {
    for (const [recyclable, header] of [
      [false, 7],
      [true, 11],
    ] as const) {
      for (let left = 1; left < header; left++) {
        const first = BLOCK - left - header;
        const bytes = log([first, 40], { recyclable });
        expect((await parse(bytes, { number: 12n })).events).toEqual([
          `record 0+${BLOCK - left}`,
          `record ${BLOCK}+${40 + header}`,
          `end clean ${BLOCK + 40 + header}`,
        ]);
      }
    }
  });

  test('room for a header and nothing else: an empty first fragment', async () => {
    const { events } = await parse(log([BLOCK - 14, 40]));
    expect(events).toEqual([`record 0+${BLOCK - 7}`, `record ${BLOCK - 7}+54`, `end clean ${BLOCK + 47}`]);
  });

  test('before a metadata record that must not be split', async () => {
    const writer = new LogWriter();
    const bytes = concat(
      writer.record(batch(1, BLOCK - 27)),
      writer.timestampSizes(
        new Map([
          [1, 8],
          [2, 8],
          [3, 8],
        ]),
      ),
    );
    expect((await parse(bytes)).events).toEqual([
      `record 0+${BLOCK - 20}`,
      `timestamp-sizes ${BLOCK}+25`,
      `end clean ${BLOCK + 25}`,
    ]);
  });

  test('inside a record, in a compressed and recycled log: healthy, though RocksDB rejects it', async () => {
    const { bytes, start, gap } = logWithGap(batch(1, 32_700), batch(2, 64_000));
    const { events, records, damages } = await parse(bytes, { number: 12n });
    expect(events).toEqual([
      'compression 0+11',
      `record 11+${start - 11}`,
      `zero-gap ${gap}+8`,
      `record ${start}+${bytes.length - start}`,
      `end clean ${bytes.length}`,
    ]);
    expect(damages[0].recordOffset).toBe(start);
    expect(records[1]).toEqual(batch(2, 64_000));
  });

  test('to the end of the file', async () => {
    const { events } = await parse(concat(log([40]), new Uint8Array(5000)));
    expect(events).toEqual(['record 0+47', 'end zero-fill 47+5000']);
  });
});

describe('damage, with records after it', () => {
  const lengths = [40, 60, 50, 70];
  // 0+47, 47+67, 114+57, 171+77
  const healthy = log(lengths);

  test.each([
    ['a flipped bit in a payload', patched(healthy, 80, healthy[80] ^ 4), 'checksum 47+67'],
    ['a flipped bit in a checksum', patched(healthy, 48, healthy[48] ^ 1), 'checksum 47+67'],
    ['a flipped bit in a type', patched(healthy, 53, 0x41), 'checksum 47+67'],
    ['a length that is too small', patched(healthy, 51, 58), 'checksum 47+67'],
    ['a length past the end of the file', patched(healthy, 52, 1), 'bad-length 47+67'],
    ['a length past the end of the block', patched(healthy, 52, 0x80), 'bad-length 47+67'],
    ['a header of zeros', patched(healthy, 47, 0, 0, 0, 0, 0, 0, 0), 'zeros 47+67'],
  ])('%s', async (_name, bytes, damage) => {
    expect((await parse(bytes)).events).toEqual([
      'record 0+47',
      damage,
      'record 114+57',
      'record 171+77',
      'end clean 248',
    ]);
  });

  test('a length that ends at another record: those between are found', async () => {
    const equal = log([57, 57, 57, 57]);
    expect((await parse(patched(equal, 68, 57 + 64))).events).toEqual([
      'record 0+64',
      'checksum 64+64',
      'record 128+64',
      'record 192+64',
      'end clean 256',
    ]);
  });

  test('zeros over several records', async () => {
    const bytes = patched(healthy, 60, ...new Uint8Array(80));
    expect((await parse(bytes)).events).toEqual([
      'record 0+47',
      'checksum 47+124',
      'record 171+77',
      'end clean 248',
    ]);
  });

  test('blocks of zeros', async () => {
    const bytes = log([BLOCK - 7, BLOCK - 7, BLOCK - 7, 40]);
    bytes.fill(0, BLOCK, 3 * BLOCK);
    const { events, damages } = await parse(bytes);
    expect(events).toEqual([
      `record 0+${BLOCK}`,
      `zeros ${BLOCK}+${2 * BLOCK}`,
      `record ${3 * BLOCK}+47`,
      `end clean ${3 * BLOCK + 47}`,
    ]);
    expect(damages[0].zeroed).toBe(true);
  });

  test('a fragment: the others of its record go with it', async () => {
    const bytes = log([100, 3 * BLOCK, 40]);
    const broken = patched(bytes, BLOCK + 500, 0);
    const { events, damages } = await parse(broken);
    const last = bytes.length - 47;
    expect(events).toEqual([
      'record 0+107',
      `checksum ${BLOCK}+${BLOCK}`,
      `record ${last}+47`,
      `end clean ${bytes.length}`,
    ]);
    expect(damages[0]).toMatchObject({ recordOffset: 107, orphans: 2 });
  });

  test('a first fragment that is gone', async () => {
    const bytes = log([BLOCK + 1000, 40]);
    const { events, damages } = await parse(bytes.subarray(BLOCK));
    expect(events[0]).toMatch(/^orphan-fragment 0\+/);
    expect(damages[0].header).toMatchObject({ kind: 'last' });
    expect(events[1]).toMatch(/^record /);
  });

  test('last fragments that are gone', async () => {
    const bytes = log([3 * BLOCK]);
    const pieced = concat(bytes.subarray(0, BLOCK), log([40]));
    const { events } = await parse(pieced);
    expect(events).toEqual([`unfinished-record 0+${BLOCK}`, `record ${BLOCK}+47`, `end clean ${BLOCK + 47}`]);
  });

  test('bytes in the rest of a block where no header fits', async () => {
    const bytes = log([BLOCK - 10, 40]);
    expect((await parse(patched(bytes, BLOCK - 2, 1))).events).toEqual([
      `record 0+${BLOCK - 3}`,
      `trailer ${BLOCK - 3}+3`,
      `record ${BLOCK}+47`,
      `end clean ${BLOCK + 47}`,
    ]);
  });

  test('a recyclable record after legacy ones, on which RocksDB hangs', async () => {
    const bytes = concat(log([40]), encodePhysical(5, batch(2, 40), 12));
    expect((await parse(bytes, { number: 12n })).events).toEqual([
      'record 0+47',
      'mixed-headers 47+51',
      'record 47+51',
      'end clean 98',
    ]);
  });

  test('another log under this name', async () => {
    const bytes = log([40, 40], { number: 25n, recyclable: true });
    const { events, parser } = await parse(bytes, { number: 12n });
    expect(events).toEqual(['wrong-log-number 0+51', 'record 0+51', 'record 51+51', 'end clean 102']);
    expect(parser.foreignLogNumber).toBe(25);
  });

  test('a lost write in a recycled log: old records, and new ones after', async () => {
    const own = log([60, 60, 60], { recyclable: true });
    const bytes = patched(own, 71, ...encodePhysical(5, batch(5, 60), 9));
    expect((await parse(bytes, { number: 12n })).events).toEqual([
      'record 0+71',
      'stale-record 71+71',
      'record 142+71',
      'end clean 213',
    ]);
  });

  test.each([
    ['unknown', 20, 'unknown-type'],
    ["one of the reader's own result codes", 132, 'unknown-type'],
    ['unknown, to be skipped', 200, 'ignorable'],
  ])('a whole record whose type is %s', async (_name, type, event) => {
    const bytes = concat(log([40]), encodePhysical(type, bytesOf('0102')), log([40]));
    expect((await parse(bytes)).events).toEqual([
      'record 0+47',
      `${event} 47+9`,
      'record 56+47',
      'end clean 103',
    ]);
  });

  test('the compression record: the frames after it tell that they are compressed', async () => {
    const writer = new LogWriter();
    const bytes = concat(writer.compression(), writer.record(batch(1, 100)));
    const { events, records } = await parse(patched(bytes, 8, 1));
    expect(events[0]).toBe('checksum 0+11');
    expect(records).toEqual([batch(1, 100)]);
  });
});

describe('ends', () => {
  const healthy = log([40, BLOCK + 60]);
  const total = healthy.length;

  test.each([
    ['nothing', 0, 'clean 0'],
    ['inside a header', 47 + 3, 'torn-header 47+3'],
    ['inside a payload', 47 + 20, 'torn-body 47+20'],
    ['between fragments', BLOCK, `torn-fragments 47+${BLOCK - 47}`],
    ['inside the last fragment', total - 1, `torn-body ${BLOCK}+${total - 1 - BLOCK}`],
    ['at a record', 47, 'clean 47'],
  ])('%s', async (_name, size, end) => {
    const { events } = await parse(healthy.subarray(0, size));
    expect(events.at(-1)).toBe(`end ${end}`);
  });

  test('a file that holds old records only: a recycled log without a first write', async () => {
    const { events, tail } = await parse(log([40, 40], { number: 5n, recyclable: true }), { number: 12n });
    expect(events).toEqual(['end recycled 0+102']);
    expect(tail.oldRecord).toEqual({ offset: 0, logNumber: 5 });
  });

  test('a record that goes on into old content', async () => {
    const own = log([40, 2 * BLOCK], { recyclable: true });
    const old = log([50, 50], { number: 3n, recyclable: true });
    const { tail } = await parse(concat(own.subarray(0, BLOCK), old), { number: 12n });
    expect(tail).toMatchObject({ kind: 'recycled', offset: BLOCK, damage: { recordOffset: 51 } });
  });
});

describe('properties', () => {
  const lengths = fc.array(
    fc.oneof(
      fc.integer({ min: 16, max: 300 }),
      fc.integer({ min: 32_600, max: 33_000 }),
      fc.integer({ min: 60_000, max: 100_000 }),
    ),
    { maxLength: 6 },
  );
  const kind = fc.record({ recyclable: fc.boolean(), compress: fc.boolean() });

  const write = (sizes: number[], { recyclable, compress }: { recyclable: boolean; compress: boolean }) => {
    const writer = new LogWriter({ number: 12n, recyclable });
    return concat(
      ...(compress ? [writer.compression()] : []),
      ...sizes.map((length, i) => writer.record(batch(i + 1, length))),
    );
  };

  test('what is written is read back, and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(lengths, kind, async (sizes, style) => {
        const { records, damages, tail } = await parse(write(sizes, style), { number: 12n });
        expect(damages).toEqual([]);
        expect(tail.kind).toBe('clean');
        expect(records.map((record) => Buffer.from(record).toString('base64'))).toEqual(
          sizes.map((length, i) => Buffer.from(batch(i + 1, length)).toString('base64')),
        );
      }),
      { numRuns: 60 },
    );
  });

  test('a cut leaves the records before it and a tail', async () => {
    await fc.assert(
      fc.asyncProperty(
        lengths,
        kind,
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (sizes, style, where) => {
          const bytes = write(sizes, style);
          const cut = bytes.subarray(0, Math.floor(where * bytes.length));
          const whole = await parse(bytes, { number: 12n });
          const { events, damages, tail } = await parse(cut, { number: 12n });
          expect(damages).toEqual([]);
          expect(events.slice(0, -1)).toEqual(whole.events.slice(0, events.length - 1));
          expect(tail.offset + tail.length).toBe(cut.length);
        },
      ),
      { numRuns: 100 },
    );
  });

  test('any change: it ends, and damage lies in the file, in order', async () => {
    const change = fc.tuple(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer({ min: 1, max: 5000 }),
      fc.nat(255),
    );
    await fc.assert(
      fc.asyncProperty(
        lengths,
        kind,
        fc.array(change, { minLength: 1, maxLength: 4 }),
        async (sizes, style, changes) => {
          const bytes = write(sizes, style);
          for (const [where, length, value] of changes) {
            const from = Math.floor(where * bytes.length);
            if (value < 128) bytes.fill(value < 64 ? 0 : value, from, from + length);
            else if (from < bytes.length) bytes[from] ^= value;
          }
          const { damages, tail } = await parse(bytes, { number: 12n });
          let behind = 0;
          for (const { offset, length, reason } of damages) {
            if (reason === 'unfinished-record') continue;
            expect(offset).toBeGreaterThanOrEqual(behind);
            expect(length).toBeGreaterThan(0);
            behind = offset + length;
          }
          expect(tail.offset + tail.length).toBeLessThanOrEqual(bytes.length);
          expect(behind).toBeLessThanOrEqual(bytes.length);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('arbitrary bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 500 }), async (bytes) => {
        const { tail } = await parse(bytes, { number: 12n });
        expect(tail.offset + tail.length).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 500 },
    );
  });
});
