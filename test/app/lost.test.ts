import { describe, expect, it } from 'vitest';
import { kvrocksFamilies } from '../../src/app/kvrocks/families.js';
import { kvrocksProfile } from '../../src/app/kvrocks/profile.js';
import { LostTallies } from '../../src/app/lost.js';
import { encodeBatch } from '../../src/encode/batch/encode.js';
import { FAMILY, string } from '../support/kvrocks.js';

const names = Object.keys(FAMILY).map((name, id) => ({ id, name }));
const profile = kvrocksProfile({ families: kvrocksFamilies(names)!, slots: false });
const log = (text: string) => ({ kind: 'log-data' as const, columnFamily: 0, key: Buffer.from(text) });
const set = (key: string) => encodeBatch({ sequence: 1n, ops: [log('1'), string(key, 'v')] });

describe('what lost batches did', () => {
  it('is told for each outcome that loses them', () => {
    const tallies = new LostTallies(profile);
    tallies.add(set('a'), [0, 1]);
    tallies.add(set('b'), [1]);
    expect(tallies.of(0)).toMatchObject({ count: 1, kinds: [{ kind: 'SET', count: 1 }] });
    expect(tallies.of(1)?.first.map(({ text }) => text)).toEqual(['SET a v', 'SET b v']);
    expect(tallies.of(2)).toBeUndefined();
  });

  it('keeps the first twenty, and says how many stand under a wrong checksum', () => {
    const tallies = new LostTallies(profile);
    for (let i = 0; i < 30; i++) tallies.add(set(`k${i}`), [0], i % 10 === 0);
    expect(tallies.of(0)).toMatchObject({ count: 30, damagedBatches: 3 });
    expect(tallies.of(0)?.first).toHaveLength(20);
  });

  it('does not hold on to a buffer that is used again', () => {
    const tallies = new LostTallies(profile);
    const batch = Buffer.from(set('a'));
    tallies.add(batch, [0]);
    batch.fill(0);
    expect(tallies.of(0)?.first).toMatchObject([{ text: 'SET a v', key: { utf8: 'a' } }]);
  });

  it('is nothing for a batch without a command', () => {
    const tallies = new LostTallies(profile);
    tallies.add(encodeBatch({ sequence: 1n, ops: [log('2')] }), [0]);
    expect(tallies.of(0)).toBeUndefined();
  });
});
