import { describe, expect, it } from 'vitest';
import {
  ABS,
  batch,
  bytesOf,
  flipped,
  full,
  PIT,
  padded,
  physical,
  put,
  replayed,
  SKIP,
  TOL,
  verdict,
} from './wals.js';

const a = batch(1, [put('a', '1')]);
const b = batch(2, [put('b', '2')]);
const c = batch(3, [put('c', '3')]);
const version = (major: number, minor: number, patch = 0) => ({ version: { major, minor, patch } });

describe('recycled WALs', () => {
  const stale = full(batch(90, [put('z', '9')]), 3);
  const wal = bytesOf(full(a, 4), full(b, 4), stale);

  it('a record of another log ends the file; in point-in-time recovery it also stops replay (9.1)', async () => {
    const wals = { 4: wal, 5: full(batch(9, [put('n', '9')]), 5) };
    expect(await verdict(wals, ABS)).toBe('OK 1 a=1, 2 b=2, 9 n=9');
    expect(await verdict(wals, PIT)).toBe('OK 1 a=1, 2 b=2');
    expect(await verdict(wals, PIT, version(9, 0))).toBe('OK 1 a=1, 2 b=2, 9 n=9');
    // stepped over, so that what lies after it in the file counts again
    expect(await verdict({ 4: bytesOf(wal, full(c, 4)) }, SKIP)).toBe('OK 1 a=1, 2 b=2, 3 c=3');
  });

  it('an old record in skip-any-corrupted made the engine hang before 8.9 (facebook/rocksdb#11979)', async () => {
    expect((await replayed({ 4: wal }, SKIP, version(8, 8))).error?.kind).toBe('hang');
    expect((await replayed({ 4: wal }, ABS, version(8, 8))).error).toBeUndefined();
  });

  it('noise after the end is a cut record in absolute mode and nothing in tolerant ones', async () => {
    const noise = bytesOf(full(a, 4), full(b, 4), Buffer.from('2f'.repeat(40), 'hex'));
    expect(await verdict({ 4: noise }, ABS)).toBe('truncated record body');
    expect(await verdict({ 4: noise }, TOL)).toBe('OK 1 a=1, 2 b=2');
    expect(await verdict({ 4: noise }, PIT)).toBe('OK 1 a=1, 2 b=2');
    // a wrong checksum ends a recycled file in silence, and is damage in another
    expect(await verdict({ 4: flipped(bytesOf(full(a, 4), full(b, 4)), 30) }, TOL)).toBe('OK 1 a=1');
    expect(await verdict({ 4: flipped(bytesOf(full(a), full(b)), 30) }, TOL)).toBe('checksum mismatch');
  });

  it('a recyclable record after a legacy one hangs the engine from 9.3 on (facebook/rocksdb#12643)', async () => {
    const mixed = bytesOf(full(a), full(b, 4));
    for (const mode of [ABS, PIT, TOL, SKIP]) {
      expect((await replayed({ 4: mixed }, mode)).error?.kind).toBe('hang');
      expect(await verdict({ 4: mixed }, mode, version(9, 2))).toBe('OK 1 a=1, 2 b=2');
    }
  });
});

describe('records that are not data', () => {
  it('types after the last known one act as the reader’s own results', async () => {
    // 132 end of file, 133 bad record, 134 bad header, 135 old record, 136 bad length, 137 bad checksum
    const behindOne = (type: number) => ({ 4: bytesOf(full(a), physical(type, '00'), full(b)) });
    expect(await verdict(behindOne(132), ABS)).toBe('OK 1 a=1');
    expect(await verdict(behindOne(133), ABS)).toBe('OK 1 a=1, 2 b=2');
    expect(await verdict(behindOne(134), ABS)).toBe('truncated header');
    expect(await verdict(behindOne(135), ABS)).toBe('OK 1 a=1');
    expect(await verdict(behindOne(136), ABS)).toBe('truncated record body');
    expect(await verdict(behindOne(137), ABS)).toBe('checksum mismatch');
    expect(await verdict(behindOne(138), ABS)).toBe('OK 1 a=1, 2 b=2');
    expect(await verdict(behindOne(12), ABS, version(9, 10))).toBe('OK 1 a=1');
    expect(await verdict(behindOne(200), ABS, version(9, 10))).toBe('unknown record type 4294967240');
  });

  it('a compressed WAL is empty for releases before 7.0', async () => {
    const compressed = bytesOf(physical(9, '07000000'), full(a));
    expect(await verdict({ 4: compressed }, ABS, version(6, 29))).toBe('OK');
  });

  it('decodes a compressed record, and drops one whose frame is damaged without a word', async () => {
    // written by RocksDB 11.9: put a1=v under sequence 1
    const frame = '28b52ffd2412910000010000000000000001000000010261310176c2d0383b';
    const wal = bytesOf(physical(9, '07000000'), physical(1, frame));
    expect(await verdict({ 4: wal }, ABS)).toBe('OK 1 a1=v');
    // another content than its checksum covers, and no frame at all
    for (const wrong of [frame.replace('026131', '026132'), `00${frame.slice(2)}`]) {
      const { applied, error, uneventful, wals } = await replayed(
        { 4: bytesOf(physical(9, '07000000'), physical(1, wrong)) },
        ABS,
      );
      expect({ applied, error, uneventful }).toEqual({ applied: [], error: undefined, uneventful: false });
      expect(wals[0].silentDrops).toMatchObject([{ reason: 'undecodable-fragment', offset: 11 }]);
    }
  });

  it('says what is wrong with them', async () => {
    const cases: [Uint8Array, string][] = [
      [bytesOf(full(a), physical(9, '07000000')), 'SetCompressionType not the first record'],
      [physical(9, '0700'), 'could not decode SetCompressionType record'],
      [physical(9, '04000000'), 'could not decode SetCompressionType record'],
      [bytesOf(physical(9, '07000000'), physical(9, '07000000')), 'read multiple SetCompressionType records'],
      [physical(10, '0100000008'), 'could not decode user-defined timestamp size record'],
      [physical(10, '010000000000'), 'User-defined timestamp size record contains zero timestamp size.'],
      [
        bytesOf(physical(10, '010000000800'), physical(10, '010000000800')),
        'User-defined timestamp size record contains update to recorded column family.',
      ],
      [physical(130, '0011'), 'could not decode PredecessorWALInfoType record'],
      [
        bytesOf(physical(2, a), physical(10, '010000000800')),
        'user-defined timestamp size record interspersed partial record',
      ],
    ];
    for (const [wal, text] of cases) expect(await verdict({ 4: wal }, ABS)).toBe(text);
  });
});

describe('what the engine hashes', () => {
  it('takes in dropped fragments: a whole record after them is refused (facebook/rocksdb#14709)', async () => {
    const long = batch(3, [put('c', '3'.repeat(40))]);
    // the zero trailer abandons the fragment and the call goes on to the next block
    const wal = bytesOf(
      padded(physical(2, b)),
      physical(2, long.subarray(0, 20)),
      physical(4, long.subarray(20)),
    );
    expect(await verdict({ 4: wal }, SKIP)).toBe('Write batch content corrupted.');
    expect(await verdict({ 4: wal }, SKIP, version(7, 4))).toBe(`OK 3 c=${'3'.repeat(40)}`);
    // a record in one piece is hashed by itself
    expect(await verdict({ 4: bytesOf(padded(physical(2, b)), full(c)) }, SKIP)).toBe('OK 3 c=3');
  });
});

describe('blocks', () => {
  it('looks at the last 1 to 6 bytes of a block never, at 7 always', async () => {
    const filling = (left: number) => {
      const payload = batch(1, [[0x03, 0], put('a', '1')]);
      const size = 32768 - left - 7;
      const log = new Uint8Array(size);
      log.set(payload);
      // log data up to the size: 0x03, varint32 length
      const rest = size - payload.length - 4;
      log.set([0x03, (rest & 0x7f) | 0x80, ((rest >> 7) & 0x7f) | 0x80, rest >> 14], payload.length);
      return full(log);
    };
    for (const left of [1, 6]) {
      const wal = bytesOf(filling(left), new Uint8Array(left).fill(0xee), full(b));
      expect(await verdict({ 4: wal }, ABS)).toBe('OK 1 a=1, 2 b=2');
    }
    const wal = bytesOf(filling(7), new Uint8Array(7).fill(0xee), full(b));
    expect(await verdict({ 4: wal }, ABS)).toBe('bad record length');
  });

  it('reads records across blocks, and says where each begins and ends', async () => {
    const long = batch(1, [put('k', 'v'.repeat(100))]);
    const big = new Uint8Array(40_000);
    big.set(batch(2, [], 0));
    // one log data operation of 39,984 bytes
    big.set([0x03, 0xb0, 0xb8, 0x02], 12);
    const head = 32768 - full(long).length - 7;
    const wal = bytesOf(full(long), physical(2, big.subarray(0, head)), physical(4, big.subarray(head)));
    const { wals, error } = await replayed({ 4: wal }, ABS);
    expect(error).toBeUndefined();
    expect(wals[0]).toMatchObject({
      records: 2,
      appliedEnd: wal.length,
      applied: [{ from: 0, to: wal.length }],
    });
  });
});

it('a WAL whose number passes 2^32 owns no recyclable record: the header holds 32 bits', async () => {
  const number = 2 ** 32 + 4;
  expect(await verdict({ [number]: full(a, 4) }, ABS)).toBe('OK');
});
