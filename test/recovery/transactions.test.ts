import { describe, expect, it } from 'vitest';
import { afterOpen } from '../../src/recovery/transaction-db.js';
import { writePolicyOf } from '../../src/recovery/write-policy.js';
import {
  ABS,
  batch,
  bytesOf,
  full,
  NEWEST,
  NOOP,
  op,
  physical,
  put,
  replayed,
  SKIP,
  verdict,
  walFiles,
} from './wals.js';

/** Written by RocksDB 11.9, WriteCommitted: t1 prepared with k1, k2, k1; a plain put; t1 committed. */
const committed = bytesOf(
  full(batch(1, [NOOP, put('s', '0')])),
  physical(
    1,
    '02000000000000000300000009' + '01026b31027631' + '01026b32027632' + '01026b3103763162' + '0a027431',
  ),
  physical(1, '0200000000000000010000000d010270310176'),
  physical(1, '0300000000000000000000000b027431'),
);

/** The same under WritePrepared, and the rollback of another. */
const prepared = bytesOf(
  full(batch(1, [NOOP, put('s', '0'), NOOP])),
  physical(
    1,
    '02000000000000000300000012' + '01026b31027631' + '01026b32027632' + '01026b3103763162' + '0a027431',
  ),
  physical(1, '0400000000000000010000000d0102703101760d'),
  physical(1, '0500000000000000000000000b027431'),
);

describe('transactions', () => {
  it('WriteCommitted: prepared operations take sequence numbers when they are committed', async () => {
    const { applied, lastSequence, transactions } = await replayed({ 4: committed }, ABS, {
      policy: 'write-committed',
    });
    expect(applied).toEqual(['1 s=0', '2 p1=v', '3 k1=v1', '4 k2=v2', '5 k1=v1b']);
    expect({ lastSequence, transactions }).toEqual({ lastSequence: 5n, transactions: [] });
  });

  it('WriteCommitted: what is not decided is not applied', async () => {
    const undecided = committed.subarray(0, committed.length - 23);
    const outcome = await replayed({ 4: undecided }, ABS, { policy: 'write-committed' });
    expect(outcome.applied).toEqual(['1 s=0', '2 p1=v']);
    expect(outcome.transactions).toMatchObject([{ name: 't1', unprepared: false }]);
    expect(afterOpen(outcome)).toEqual({ lastSequence: 2n, hidden: [] });
  });

  it('WritePrepared: sub-batches share a number, a key that is there already begins another', async () => {
    const { applied, lastSequence } = await replayed({ 4: prepared }, ABS, { policy: 'write-prepared' });
    expect(applied).toEqual(['1 s=0', '2 k1=v1', '2 k2=v2', '3 k1=v1b', '4 p1=v']);
    expect(lastSequence).toBe(5n);
  });

  it('WritePrepared: what is not decided is applied and hidden; the open takes one number', async () => {
    const undecided = prepared.subarray(0, prepared.length - 23);
    const outcome = await replayed({ 4: undecided }, ABS, { policy: 'write-prepared' });
    expect(outcome.applied).toHaveLength(5);
    expect(afterOpen(outcome)).toEqual({
      lastSequence: 5n,
      hidden: [{ from: 2n, to: 4n, keepsMerges: false }],
    });
  });

  it('WriteUnprepared: what was never prepared is rolled back, one number for each batch', async () => {
    const wal = bytesOf(
      full(batch(1, [NOOP, put('s', '0'), NOOP])),
      full(batch(2, [[0x13], put('k', '1'), op(0x0a, 't')])),
      full(batch(3, [[0x13], put('k', '2'), op(0x0a, 't')])),
    );
    const outcome = await replayed({ 4: wal }, ABS, { policy: 'write-unprepared' });
    expect(outcome.transactions).toMatchObject([{ name: 't', unprepared: true, batches: [{}, {}] }]);
    expect(afterOpen(outcome)).toEqual({
      lastSequence: 6n,
      hidden: [
        { from: 2n, to: 3n, keepsMerges: true },
        { from: 3n, to: 4n, keepsMerges: true },
      ],
    });
  });

  it('a plain DB refuses prepared sections; skip-any-corrupted passes over them from 9.11 on', async () => {
    const text = 'WAL contains prepared transactions. Open with TransactionDB::Open().';
    expect(await verdict({ 4: committed }, ABS)).toBe(text);
    expect(await verdict({ 4: committed }, SKIP)).toBe('OK 1 s=0, 2 p1=v');
    expect(await verdict({ 4: committed }, SKIP, { version: { major: 9, minor: 10, patch: 0 } })).toBe(text);
  });

  it('another policy than the one that wrote is refused', async () => {
    expect(await verdict({ 4: committed }, ABS, { policy: 'write-prepared' })).toMatch(
      /^WriteCommitted txn tag when write_after_commit_ is disabled/,
    );
    expect(await verdict({ 4: prepared }, ABS, { policy: 'write-committed' })).toMatch(
      /^WritePrepared\/WriteUnprepared txn tag when write_after_commit_ is enabled/,
    );
  });

  it('the WAL tells the policy', async () => {
    expect(await writePolicyOf(walFiles({ 4: committed }), NEWEST)).toBe('write-committed');
    expect(await writePolicyOf(walFiles({ 4: prepared }), NEWEST)).toBe('write-prepared');
    const unprepared = full(batch(9, [[0x13], put('k', '1'), op(0x0a, 't')]));
    expect(await writePolicyOf(walFiles({ 4: prepared, 5: unprepared }), NEWEST)).toBe('write-unprepared');
    expect(await writePolicyOf([], NEWEST)).toBe('write-committed');
  });

  it('a name that no transaction may have keeps the TransactionDB from opening', async () => {
    const wal = full(batch(1, [[0x09], put('k', '1'), op(0x0a, '')]));
    const outcome = await replayed({ 4: wal }, ABS, { policy: 'write-committed' });
    expect(afterOpen(outcome).error?.message).toBe(
      'Transaction name length must be between 1 and 512 chars.',
    );
  });
});
