import { describe, expect, it } from 'vitest';
import type { RecoveryMode } from '../../src/recovery/mode.js';
import {
  ABS,
  batch,
  bytesOf,
  family,
  flipped,
  full,
  op,
  PIT,
  physical,
  put,
  replayed,
  SKIP,
  TOL,
  verdict,
} from './wals.js';

const one = (sequence: number, key: string) => full(batch(sequence, [put(key, String(sequence))]));
const version = (major: number, minor: number, patch = 0) => ({ version: { major, minor, patch } });

describe('which WALs are read', () => {
  const wals = { 3: flipped(one(1, 'a'), 8), 4: one(2, 'b'), 5: one(3, 'c') };

  it('none below what every column family still needs, whatever is in it', async () => {
    const families = [family(0, 'default', { logNumber: 5n }), family(1, 'one', { logNumber: 4n })];
    const { wals: seen, applied, cutoff } = await replayed(wals, ABS, { families });
    expect(cutoff).toBe(4n);
    expect(seen.map(({ state }) => state)).toEqual(['not-needed', 'applied', 'applied']);
    // WAL 4 is read for `one`; what it says of `default` is in a table
    expect(applied).toEqual(['3 c=3']);
  });

  it('all from min_log_number_to_keep on under two-phase commit, and before 6.29.5', async () => {
    const families = [family(0, 'default', { logNumber: 5n }), family(1, 'one', { logNumber: 5n })];
    expect((await replayed(wals, ABS, { families })).cutoff).toBe(5n);
    const keep = { families, minLogNumberToKeep: 4n };
    expect((await replayed(wals, ABS, { ...keep, policy: 'write-committed' })).cutoff).toBe(4n);
    expect((await replayed(wals, ABS, { ...keep, ...version(6, 29, 4) })).cutoff).toBe(4n);
    expect((await replayed(wals, ABS, { ...keep, ...version(6, 29, 5) })).cutoff).toBe(5n);
    expect((await replayed(wals, ABS, { ...keep, ...version(7, 1, 1) })).cutoff).toBe(4n);
  });

  it('a read that fails is an IO error, which only skip-any-corrupted survives', async () => {
    const failing = {
      number: 4n,
      file: '000004.log',
      size: 100,
      open: async () => ({
        size: 100,
        descriptor: { kind: 'memory' as const, bytes: new Uint8Array(0) },
        read: () => Promise.reject(Object.assign(new Error('i/o error'), { code: 'EIO' })),
        close: async () => {},
      }),
    };
    const outcome = (mode: RecoveryMode) => replayed({}, mode, { wals: [failing] });
    expect((await outcome(ABS)).error?.code).toBe('io-error');
    expect((await outcome(PIT)).error?.code).toBe('io-error');
    expect((await outcome(SKIP)).error).toBeUndefined();
  });
});

describe('point in time', () => {
  const torn = one(3, 'c').subarray(0, 20);

  it('stops, and goes on in a WAL that begins with the next sequence number', async () => {
    const wals = {
      4: bytesOf(one(1, 'a'), one(2, 'b'), torn),
      5: one(7, 'lost'),
      6: one(3, 'again'),
      7: one(4, 'more'),
    };
    const { applied, lastSequence, stopped, wals: seen } = await replayed(wals, PIT);
    expect(applied).toEqual(['1 a=1', '2 b=2', '3 again=3', '4 more=4']);
    expect({ lastSequence, stopped }).toEqual({ lastSequence: 4n, stopped: false });
    expect(seen.map(({ state }) => state)).toEqual(['stopped', 'dropped', 'applied', 'applied']);
    expect(seen[0]).toMatchObject({ appliedEnd: 48, stoppedAt: 48, records: 2 });
  });

  it('goes on after an empty batch with that number: the mark of an earlier recovery', async () => {
    const mark = full(batch(3, []));
    const wals = { 4: bytesOf(one(1, 'a'), one(2, 'b'), torn), 5: bytesOf(mark, one(9, 'n')) };
    expect(await verdict(wals, PIT)).toBe('OK 1 a=1, 2 b=2, 9 n=9');
  });

  it('refuses where a column family has tables beyond the point, not where it is empty', async () => {
    const wals = { 4: bytesOf(one(1, 'a'), torn) };
    const ahead = (tableBytes: bigint) => ({
      families: [family(0, 'default'), family(1, 'one', { logNumber: 5n, tableBytes })],
    });
    const text =
      'Column family inconsistency: SST file contains data beyond the point of corruption in CF one. WAL recovery stopped ' +
      'at corruption point, but SST files contain newer data.';
    expect(await verdict(wals, PIT, ahead(10n))).toBe(text);
    expect(await verdict(wals, PIT, ahead(0n))).toBe('OK 1 a=1');
    expect(await verdict(wals, TOL, ahead(10n))).toBe('OK 1 a=1');
    expect(await verdict(wals, PIT, { ...ahead(10n), ...version(10, 5) })).toBe(
      'SST file is ahead of WALs in CF one',
    );
    // the flag is not taken back for a later WAL without a batch
    expect(await verdict({ ...wals, 6: new Uint8Array(0) }, PIT, ahead(10n))).toBe(text);
  });
});

describe('sequence numbers', () => {
  it('may not go back, from 10.1 on', async () => {
    const wals = { 4: bytesOf(one(5, 'a'), one(2, 'b')) };
    const text =
      'Sequence number is being set backwards during recovery, this is likely a software bug or a data corruption. ' +
      'Prev next seqno: 6 , current next seqno: 3';
    for (const mode of [ABS, PIT, TOL, SKIP]) {
      expect(await verdict(wals, mode)).toBe(text);
      expect(await verdict(wals, mode, version(10, 0))).toBe('OK 5 a=5, 2 b=2');
    }
  });

  it('may not come twice under one key: a copied WAL, before 10.1', async () => {
    const four = bytesOf(one(1, 'a'), one(2, 'b'));
    const text =
      'two consecutive TryAgain in WriteBatch handler; this is either a software bug or data corruption.';
    const old = version(9, 7, 4);
    expect(await verdict({ 4: four, 5: four }, ABS, old)).toBe(text);
    expect(await verdict({ 4: four, 5: four }, PIT, old)).toBe('OK 1 a=1, 2 b=2');
    expect(await verdict({ 4: four, 5: bytesOf(one(1, 'x'), one(2, 'b')) }, SKIP, old)).toBe(
      'OK 1 a=1, 2 b=2, 1 x=1',
    );
    // under other keys they may
    expect(await verdict({ 4: four, 5: bytesOf(one(1, 'x'), one(2, 'y')) }, ABS, old)).toBe(
      'OK 1 a=1, 2 b=2, 1 x=1, 2 y=2',
    );
    // and from 10.1 on the way back itself is refused
    expect(await verdict({ 4: four, 5: four }, PIT)).toMatch(/^Sequence number is being set backwards/);
  });

  it('go one further before 6.16 where a key has its number already, and the operation is taken', async () => {
    const old = version(6, 15, 5);
    const four = bytesOf(one(1, 'a'), one(2, 'b'));
    expect(await verdict({ 4: four, 5: four }, ABS, old)).toBe('OK 1 a=1, 2 b=2, 2 a=1, 3 b=2');
    // under the next number, too, is one too many
    const six = full(batch(1, [put('b', 'x'), put('b', 'y')]));
    const text =
      'two consecutive TryAgain in WriteBatch handler; this is either a software bug or data corruption.';
    const twice = { 4: full(batch(1, [put('b', '1'), put('b', '2')])), 5: six };
    expect(await verdict(twice, ABS, old)).toBe(text);
    expect(await verdict({ 4: four, 5: four }, ABS, version(6, 16))).toBe(text);
  });

  it('are consumed by operations on column families that are gone or flushed', async () => {
    const families = [family(0, 'default'), family(1, 'one', { logNumber: 9n })];
    const ops = [op(0x05, 7, 'x', '1'), op(0x05, 1, 'y', '2'), put('z', '3')];
    const { applied, lastSequence } = await replayed({ 4: full(batch(1, ops)) }, ABS, { families });
    expect(applied).toEqual(['3 z=3']);
    expect(lastSequence).toBe(3n);
  });

  it('are not consumed by an empty range, although its writer reserved one', async () => {
    const { applied, lastSequence } = await replayed(
      { 4: full(batch(1, [op(0x0f, 'a', 'a'), put('z', '3')])) },
      ABS,
    );
    expect(applied).toEqual(['1 z=3']);
    expect(lastSequence).toBe(1n);
  });

  it('are consumed by ranges that cover no key before 6.11, which takes them like any other', async () => {
    const wals = { 4: full(batch(1, [op(0x0f, 'a', 'a'), op(0x0f, 'z', 'a'), put('z', '3')])) };
    const old = await replayed(wals, ABS, version(6, 10, 3));
    expect(old.applied).toEqual(['1 range a=a', '2 range z=a', '3 z=3']);
    expect(old.lastSequence).toBe(3n);
    expect(await verdict(wals, ABS, version(6, 11, 0))).toBe('end key comes before start key');
  });

  it('the MANIFEST’s last sequence stands when WALs end before it', async () => {
    expect((await replayed({ 4: one(3, 'a') }, ABS, { lastSequence: 10n })).lastSequence).toBe(10n);
    expect((await replayed({ 4: one(30, 'a') }, ABS, { lastSequence: 10n })).lastSequence).toBe(30n);
  });
});

describe('a batch that can only be applied in part', () => {
  const inverted = full(batch(2, [put('b', '2'), op(0x0f, 'z', 'a'), put('c', '4')]));
  const wals = { 4: bytesOf(one(1, 'a'), inverted, one(9, 'n')), 5: one(10, 'm') };

  it('keeps its first operations', async () => {
    expect(await verdict(wals, ABS)).toBe('end key comes before start key');
    const { applied, lastSequence, wals: seen } = await replayed(wals, PIT);
    expect(applied).toEqual(['1 a=1', '2 b=2']);
    expect(lastSequence).toBe(2n);
    expect(seen[0].torn).toMatchObject({ offset: 24, taken: 2, takenEnd: 17, sequence: 2n });
    expect(seen[0].appliedEnd).toBe(24);
  });

  it('in skip-any-corrupted the next record follows (9.11); before, the rest of its WAL was dropped', async () => {
    expect(await verdict(wals, SKIP)).toBe('OK 1 a=1, 2 b=2, 9 n=9, 10 m=10');
    expect(await verdict(wals, SKIP, version(9, 10))).toBe('OK 1 a=1, 2 b=2, 10 m=10');
  });

  it('merges need an operator', async () => {
    const merging = { 4: full(batch(1, [op(0x02, 'k', 'v')])) };
    const without = { families: [family(0, 'default', { mergeOperator: false })] };
    expect(await verdict(merging, ABS)).toBe('OK 1 merge k=v');
    expect(await verdict(merging, ABS, without)).toBe(
      'Merge requires `ColumnFamilyOptions::merge_operator != nullptr`',
    );
    expect(await verdict(merging, PIT, without)).toBe('OK');
  });

  it('before 7.4 also where it does not decode', async () => {
    const undecodable = { 4: bytesOf(full(batch(1, [put('a', '1'), op(0x7f)], 2)), one(3, 'c')) };
    expect(await verdict(undecodable, PIT)).toBe('unknown WriteBatch tag: 127');
    expect(await verdict(undecodable, PIT, version(7, 3))).toBe('OK 1 a=1');
    expect(await verdict(undecodable, ABS, version(7, 3))).toBe('unknown WriteBatch tag');
  });
});

describe('predecessor records (track_and_verify_wals)', () => {
  const predecessor = (number: number, size: number, last: number) => {
    const payload = new Uint8Array(24);
    const view = new DataView(payload.buffer);
    for (const [i, value] of [number, size, last].entries()) view.setBigUint64(8 * i, BigInt(value), true);
    return physical(130, payload);
  };
  const four = one(1, 'a');
  const verify = { trackAndVerifyWals: true };
  const recording = (record: Uint8Array) => ({ 4: four, 6: bytesOf(record, one(2, 'b')) });

  it('fits what was read', async () => {
    expect(await verdict(recording(predecessor(4, four.length, 1)), ABS, verify)).toBe('OK 1 a=1, 2 b=2');
  });

  it('says what does not', async () => {
    expect(await verdict(recording(predecessor(5, 24, 1)), ABS, verify)).toBe(
      'Mismatched predecessor log number of WAL file 000006.log Recorded 5. Observed 4',
    );
    expect(await verdict(recording(predecessor(5, 24, 1)), ABS, { ...verify, ...version(10, 5) })).toBe(
      'Missing WAL of log number 5',
    );
    expect(await verdict(recording(predecessor(4, 24, 9)), ABS, verify)).toMatch(
      /^Mismatched last sequence number recorded/,
    );
    expect(await verdict(recording(predecessor(4, 99, 1)), ABS, verify)).toBe(
      'Mismatched size of the WAL of log number 4. Recorded 99 bytes. Observed 24 bytes.',
    );
    expect(await verdict({ 6: bytesOf(predecessor(5, 24, 1), one(2, 'b')) }, ABS, verify)).toBe(
      'Missing WAL of log number 5',
    );
  });

  it('is a stop in point-in-time recovery, blamed on the predecessor, and nothing without the option', async () => {
    const { applied, corruptedWal } = await replayed(recording(predecessor(4, 99, 1)), PIT, verify);
    expect({ applied, corruptedWal }).toEqual({ applied: ['1 a=1'], corruptedWal: 4n });
    expect(await verdict(recording(predecessor(4, 99, 1)), SKIP, verify)).toBe('OK 1 a=1, 2 b=2');
    expect(await verdict(recording(predecessor(4, 99, 1)), ABS)).toBe('OK 1 a=1, 2 b=2');
  });
});

it('lets values through that no flush will write, and says so', async () => {
  const good = full(batch(1, [op(0x16, 'e', '\x01\x01\x00\x01x')]));
  expect((await replayed({ 4: good }, ABS)).unflushable).toBeUndefined();
  const wal = bytesOf(good, full(batch(2, [op(0x05, 1, 'a', 'b'), op(0x17, 1, 'e', '\x09')])));
  const { error, unflushable } = await replayed({ 4: wal }, ABS);
  expect(error).toBeUndefined();
  expect(unflushable).toMatchObject({
    wal: 4n,
    offset: good.length,
    columnFamily: 1,
    sequence: 3n,
    kind: 'entity',
  });
  const index = full(batch(1, [op(0x11, 'k', '\x01\x00\x01\x01\x00')]));
  expect((await replayed({ 4: index }, ABS)).unflushable).toMatchObject({
    reason: 'Invalid blob file number',
  });
});
