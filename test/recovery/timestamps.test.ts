import { describe, expect, it } from 'vitest';
import { comparatorNamed } from '../../src/format/sst/comparator.js';
import { ABS, batch, bytesOf, family, full, op, physical, put, replayed, SKIP, verdict } from './wals.js';

const stamped = comparatorNamed('leveldb.BytewiseComparator.u64ts');
const withStamps = { families: [family(0, 'default', { comparator: stamped })] };
const T = 'TTTTTTTT';
/** Column family 0 has timestamps of 8 bytes. */
const recorded = physical(10, '000000000800');

describe('user-defined timestamps', () => {
  it('fit where the WAL recorded the size that the column family has', async () => {
    const wal = bytesOf(recorded, full(batch(1, [put(`a${T}`, '1'), op(0x00, `b${T}`)])));
    const { applied } = await replayed({ 4: wal }, ABS, withStamps);
    expect(applied).toEqual([`1 a${T}=1`, `2 delts b${T}`]);
  });

  it('are added as zeros where the WAL recorded none (8.4)', async () => {
    const wal = full(batch(1, [put('a', '1'), op(0x0f, 'b', 'c'), op(0x05, 7, 'x', 'y')]));
    const zeros = '\0'.repeat(8);
    const { applied } = await replayed({ 4: wal }, ABS, withStamps);
    expect(applied).toEqual([`1 a${zeros}=1`, `2 range b${zeros}=c${zeros}`]);
    const plain = full(batch(1, [put('a', '1')]));
    const before = await replayed({ 4: plain }, ABS, {
      ...withStamps,
      version: { major: 8, minor: 3, patch: 3 },
    });
    expect(before.applied).toEqual(['1 a=1']);
  });

  it('are taken off where the column family has none any more', async () => {
    const wal = bytesOf(recorded, full(batch(1, [put(`a${T}`, '1')])));
    expect(await verdict({ 4: wal }, ABS)).toBe('OK 1 a=1');
  });

  it('of two sizes do not mix, in no mode', async () => {
    const wal = bytesOf(physical(10, '000000000400'), full(batch(1, [put('aTTTT', '1')])));
    const text = 'WriteBatch contains unrecoverable timestamp size inconsistency.';
    expect(await verdict({ 4: wal }, ABS, withStamps)).toBe(text);
    expect(await verdict({ 4: wal }, SKIP, withStamps)).toBe(text);
  });

  it('do not change how a range’s ends compare', async () => {
    const wal = bytesOf(recorded, full(batch(1, [op(0x0f, `a${T}`, 'a\0\0\0\0\0\0\0\0')])));
    const { applied, lastSequence } = await replayed({ 4: wal }, ABS, withStamps);
    expect({ applied, lastSequence }).toEqual({ applied: [], lastSequence: 0n });
  });
});
