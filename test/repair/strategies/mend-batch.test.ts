import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BatchOpInput, encodeBatch } from '../../../src/encode/batch/encode.js';
import { decodeBatch, MAX_OPERATIONS } from '../../../src/format/batch/decode.js';
import { type MendRules, mendBatch } from '../../../src/repair/strategies/mend-batch.js';

const bytes = (text: string) => Buffer.from(text);
const put = (key: string, value: string | Uint8Array = 'value'): BatchOpInput => ({
  kind: 'put',
  columnFamily: 0,
  key: bytes(key),
  value: typeof value === 'string' ? bytes(value) : value,
});
const mark = (kind: BatchOpInput['kind'], xid = ''): BatchOpInput => ({
  kind,
  columnFamily: 0,
  key: bytes(xid),
});
const batchOf = (ops: BatchOpInput[], count?: number) =>
  encodeBatch({ sequence: 7n, ops, ...(count !== undefined && { count }) });

const doubtful: MendRules = { dialect: 'rocksdb', trusted: false, isPrepared: () => false };
const trusted: MendRules = { ...doubtful, trusted: true };
const keysOf = (batch: Uint8Array, rules = doubtful) =>
  mendBatch(batch, rules).kept.map(({ kind, key }) => `${kind} ${Buffer.from(key)}`);

describe('what is kept of a batch whose checksum does not hold', () => {
  it('is all of it where it decodes and its header counts as many', () => {
    expect(keysOf(batchOf([put('a'), put('b')]))).toEqual(['put a', 'put b']);
    expect(mendBatch(batchOf([put('a')]), doubtful).detail).toBe(
      'its checksum does not match; it decodes whole',
    );
  });

  it.each([doubtful, trusted])('is never more than the header counts', (rules) => {
    expect(keysOf(batchOf([put('a'), put('b'), put('c')], 2), rules)).toEqual(['put a', 'put b']);
    expect(keysOf(batchOf([put('a')], 0), rules)).toEqual([]);
  });

  it('is nothing of a batch with more operations than are taken apart, and all of one that is trusted', () => {
    const batch = new Uint8Array(12 + 2 * (MAX_OPERATIONS + 1));
    new DataView(batch.buffer).setUint32(8, MAX_OPERATIONS + 1, true);
    const { kept, batch: mended, detail } = mendBatch(batch, doubtful);
    expect([kept, mended]).toEqual([[], undefined]);
    expect(detail).toContain(`more than ${MAX_OPERATIONS} operations`);
    expect(mendBatch(batch, trusted).batch?.length).toBe(batch.length);
  });

  it('is what is there where the header counts more', () => {
    const { batch, kept } = mendBatch(batchOf([put('a'), put('b')], 5), doubtful);
    expect(kept).toHaveLength(2);
    expect(decodeBatch(batch!).anomalies).toEqual([]);
  });

  it.each([2, 4, 6, 40, 200])('is nothing from %d zeros at its end on', (zeros) => {
    const whole = batchOf([put('a'), put('b')], 40);
    const torn = Buffer.concat([whole, new Uint8Array(zeros)]);
    expect(keysOf(torn)).toEqual(['put a', 'put b']);
  });

  it('is nothing from a page of zeros in a value on', () => {
    expect(keysOf(batchOf([put('a'), put('b', new Uint8Array(512)), put('c')]))).toEqual(['put a']);
    // under a checksum that holds these are the value
    expect(keysOf(batchOf([put('a'), put('b', new Uint8Array(512))]), trusted)).toEqual(['put a', 'put b']);
  });

  it('is a small number that ends in a few zeros only with a checksum', () => {
    const number = new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]);
    expect(keysOf(batchOf([put('a'), put('n', number)]), trusted)).toEqual(['put a', 'put n']);
    expect(keysOf(batchOf([put('a'), put('n', number)]))).toEqual(['put a']);
  });

  it('is no prepared section without its end', () => {
    const prepared = batchOf([mark('begin-prepare'), put('a'), put('b'), mark('end-prepare', 'x')]);
    expect(keysOf(prepared)).toHaveLength(4);
    expect(keysOf(prepared.slice(0, prepared.length - 2))).toEqual([]);
    const behind = batchOf([put('z'), mark('begin-prepare'), put('a'), mark('end-prepare', 'x')]);
    expect(keysOf(behind.slice(0, behind.length - 2))).toEqual(['put z']);
  });

  it('is a decision only about a transaction that is there', () => {
    const commit = batchOf([mark('commit', 'xid')]);
    expect(mendBatch(commit, doubtful).batch).toBeUndefined();
    expect(
      mendBatch(commit, { ...doubtful, isPrepared: (xid) => String(Buffer.from(xid)) === 'xid' }).batch,
    ).toBeDefined();
    expect(mendBatch(commit, trusted).batch).toBe(commit);
  });

  it('has a right count, decodes and is no longer than the header counted, whatever the bytes', () => {
    const ops = fc.array(fc.tuple(fc.string(), fc.string()), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(ops, fc.nat(8), fc.nat(), fc.nat(255), fc.boolean(), (pairs, count, at, byte, safe) => {
        const batch = batchOf(
          pairs.map(([key, value]) => put(key, value)),
          count,
        );
        batch[8 + (at % (batch.length - 8))] = byte;
        const header = decodeBatch(batch).count;
        const { batch: mended, kept, operations } = mendBatch(batch, safe ? trusted : doubtful);
        expect(operations).toBeLessThanOrEqual(header);
        if (mended === undefined) return;
        const { anomalies, counted } = decodeBatch(mended);
        expect([anomalies, counted]).toEqual([[], operations]);
        // what the count leaves out (log data) may stand between the kept operations
        expect(kept.filter((op) => op.counted)).toHaveLength(operations);
      }),
    );
  });
});
