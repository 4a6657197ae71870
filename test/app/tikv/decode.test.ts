import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeTikvKey } from '../../../src/app/tikv/keys.js';
import { decodeMemcomparable, memcomparableEnd } from '../../../src/app/tikv/memcomparable.js';
import {
  decodeLock,
  decodeWrite,
  type LockRecord,
  lockTypes,
  type WriteRecord,
  writeTypes,
} from '../../../src/app/tikv/records.js';
import {
  decodeApplyState,
  decodeRaftState,
  decodeRegionState,
  decodeStoreIdent,
  decodeTikvEntry,
} from '../../../src/app/tikv/states.js';
import { decodeTableKey, userKeyText } from '../../../src/app/tikv/table-key.js';
import { timestampText } from '../../../src/app/tikv/timestamp.js';
import { protoFields } from '../../../src/format/protobuf.js';
import * as tikv from '../../support/tikv.js';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const bytes = (maxLength = 40) => fc.uint8Array({ maxLength });
const short = fc.option(fc.uint8Array({ maxLength: 255 }), { nil: undefined });

/** Without properties that are not there. */
const defined = <T extends object>(record: T): T =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as T;

describe('keys', () => {
  it.each([
    ['01 01', { kind: 'store-ident' }],
    ['01 02', { kind: 'bootstrap' }],
    ['01 03', { kind: 'recovery' }],
    ['01 02 000000000000000c 01 0000000000000011', { kind: 'raft-log', region: 12n, index: 17n }],
    ['01 02 000000000000000c 02', { kind: 'raft-state', region: 12n }],
    ['01 02 000000000000000c 03', { kind: 'apply-state', region: 12n }],
    ['01 02 000000000000000c 04', { kind: 'snapshot-raft-state', region: 12n }],
    ['01 03 000000000000000c 01', { kind: 'region-state', region: 12n }],
    ['01 03 000000000000000c 01 0000000000000002', { kind: 'region-state', region: 12n, index: 2n }],
    ['7a 61 62', { kind: 'data', key: hex('6162') }],
  ])('%s', (text, expected) => {
    const decoded = decodeTikvKey(hex(text))!;
    expect({ ...decoded, ...('key' in decoded && { key: Buffer.from(decoded.key) }) }).toEqual(expected);
  });

  it.each(['', '01', '02 01', '01 04', '01 02 00', '01 02 000000000000000c 09', '79'])(
    '%s is none of TiKV’s',
    (text) => expect(decodeTikvKey(hex(text))).toBeUndefined(),
  );

  it('are memcomparable', () => {
    expect(tikv.memcomparable(Buffer.from('abc'))).toEqual(hex('6162630000000000 fa'));
    expect(tikv.memcomparable(Buffer.from('abcdefgh'))).toEqual(
      hex('6162636465666768 ff 0000000000000000 f7'),
    );
    for (const wrong of [
      '',
      '61',
      '6162630000000000 f9',
      '6162630000000001 fa',
      '6162630000000000 f6',
      '61'.repeat(8),
    ])
      expect(decodeMemcomparable(hex(wrong))).toBeUndefined();
  });

  it('come back from memcomparable form, and sort in it as they do', () => {
    fc.assert(
      fc.property(bytes(), bytes(), bytes(9), (a, b, rest) => {
        const encoded = Buffer.concat([tikv.memcomparable(a), rest]);
        expect(decodeMemcomparable(encoded)).toEqual({ bytes: a, end: encoded.length - rest.length });
        expect(Math.sign(Buffer.compare(tikv.memcomparable(a), tikv.memcomparable(b)))).toBe(
          Math.sign(Buffer.compare(a, b)),
        );
      }),
    );
  });

  it('of tables are named', () => {
    expect(decodeTableKey(tikv.rowKey(45n, -7n))).toEqual({ table: 45n, handle: -7n });
    expect(userKeyText(tikv.rowKey(45n, 7n))).toBe('table 45, row 7');
    expect(userKeyText(tikv.rowKey(45n))).toBe('table 45');
    expect(userKeyText(tikv.indexKey(45n, 2n, 9n, -1n))).toBe('table 45, index 2 (9, -1)');
    expect(userKeyText(Buffer.from('mDB:1'))).toBe('schema mDB:1');
    expect(userKeyText(Buffer.from('user:1'))).toBe('user:1');
    expect(userKeyText(hex('00ff'))).toBe('0x00ff');
  });

  it('have times in their timestamps', () => {
    expect(timestampText(tikv.timestampOf('2023-08-26T06:40:11.560Z', 4n))).toMatch(
      /^\d+ \(2023-08-26T06:40:11\.560Z\)$/,
    );
    expect(timestampText(17n)).toBe('17');
    expect(timestampText((1n << 64n) - 1n)).toBe(String((1n << 64n) - 1n));
  });
});

const peer = fc.record({ id: u64, storeId: u64, role: fc.nat(3), witness: fc.boolean() });
const region = fc.record({
  id: u64,
  startKey: bytes(),
  endKey: bytes(),
  confVersion: u64,
  version: u64,
  peers: fc.array(peer, { maxLength: 5 }),
});
const applyState = fc.record({
  appliedIndex: u64,
  truncatedIndex: u64,
  truncatedTerm: u64,
  commitIndex: u64,
  commitTerm: u64,
});
const write = fc.record({
  type: fc.constantFrom(...(Object.keys(writeTypes) as WriteRecord['type'][])),
  startTs: u64,
  shortValue: short,
  gcFence: fc.option(u64, { nil: undefined }),
});
const lock = fc.record({
  type: fc.constantFrom(...(Object.keys(lockTypes) as LockRecord['type'][])),
  primary: bytes(),
  startTs: u64,
  ttl: u64,
  shortValue: short,
  forUpdateTs: u64,
  minCommitTs: u64,
  secondaries: fc.option(fc.array(bytes(), { maxLength: 5 }), { nil: undefined }),
  inConflict: fc.boolean(),
});

describe('states and records', () => {
  it('of regions come back', () => {
    fc.assert(
      fc.property(fc.nat(4), region, (state, each) => {
        expect(decodeRegionState(tikv.encodeRegionState(state, each))).toEqual({ state, region: each });
      }),
    );
  });

  it('of regions that merge name their target', () => {
    fc.assert(
      fc.property(region, region, (from, into) => {
        const decoded = decodeRegionState(tikv.encodeRegionState(3, from, into));
        expect(decoded?.mergeTarget).toBe(into.id);
      }),
    );
  });

  it('of logs come back', () => {
    fc.assert(
      fc.property(applyState, u64, u64, bytes(), (apply, a, b, data) => {
        expect(decodeApplyState(tikv.encodeApplyState(apply))).toEqual(apply);
        const raft = { term: a, vote: b, commit: a, lastIndex: b };
        expect(decodeRaftState(tikv.encodeRaftState(raft))).toEqual(raft);
        expect(decodeTikvEntry(tikv.encodeEntry(a, b, data))).toEqual({ type: 0, index: a, term: b, data });
        expect(decodeStoreIdent(tikv.encodeStoreIdent(a, b, 2n))).toEqual({
          clusterId: a,
          storeId: b,
          apiVersion: 2n,
        });
      }),
    );
  });

  it('of transactions come back', () => {
    fc.assert(
      fc.property(write, lock, (aWrite, aLock) => {
        expect(decodeWrite(tikv.encodeWrite(aWrite))).toEqual(defined(aWrite));
        expect(decodeLock(tikv.encodeLock(aLock))).toEqual(defined(aLock));
      }),
    );
  });

  it('of a later release are read up to what is not known', () => {
    expect(decodeWrite(Buffer.concat([hex('50 05 76 01 61'), Buffer.from('?later')]))).toEqual({
      type: 'P',
      startTs: 5n,
      shortValue: hex('61'),
    });
    expect(decodeApplyState(tikv.message([1, 7], [60, 1], [61, hex('00')]))?.appliedIndex).toBe(7n);
  });

  it.each([
    ['nothing', ''],
    ['a type that does not exist', '51 05'],
    ['no timestamp', '50'],
    ['a value that is longer than the record', '50 05 76 09 61'],
    ['a fence that is cut', '50 05 46 0000'],
  ])('a write with %s is none', (_, text) => expect(decodeWrite(hex(text))).toBeUndefined());

  it.each([
    ['a primary that is longer than the record', '50 08 61 05 05'],
    ['a primary of negative length', '50 01 61 05 05'],
    ['more secondaries than bytes', '50 02 61 05 05 61 ff ff 03'],
  ])('a lock with %s is none', (_, text) => expect(decodeLock(hex(text))).toBeUndefined());
});

const decoders = {
  protoFields,
  decodeStoreIdent,
  decodeRegionState,
  decodeApplyState,
  decodeRaftState,
  decodeTikvEntry,
  decodeWrite,
  decodeLock,
  decodeTikvKey,
  decodeMemcomparable,
  decodeTableKey,
  userKeyText,
  memcomparableEnd,
};

describe('whatever the bytes are', () => {
  const encoded = fc.oneof(
    bytes(200),
    region.map((each) => tikv.encodeRegionState(0, each)),
    applyState.map(tikv.encodeApplyState),
    write.map(tikv.encodeWrite),
    lock.map(tikv.encodeLock),
    fc.tuple(u64, u64).map(([a, b]) => new Uint8Array(tikv.dataKey(tikv.indexKey(a, b, a), b))),
  );
  const damaged = fc
    .tuple(encoded, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat())
    .map(([whole, changes, cut]) => {
      const out = Uint8Array.from(whole);
      for (const [at, value] of changes) if (out.length > 0) out[at % out.length] = value;
      return cut % 3 === 0 && out.length > 0 ? out.subarray(0, cut % out.length) : out;
    });

  it.each(Object.entries(decoders))('%s does not throw', (_, decode) => {
    fc.assert(
      fc.property(damaged, (input) => {
        decode(input);
      }),
      { numRuns: 400 },
    );
  });

  it('a message of many fields is not one of TiKV’s', () => {
    const many = new Uint8Array(1 << 20).fill(0x08);
    expect(protoFields(many)).toBeUndefined();
  });
});
