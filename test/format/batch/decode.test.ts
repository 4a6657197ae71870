import { describe, expect, test } from 'vitest';
import { decodeBatch, isCut, MAX_OPERATIONS } from '../../../src/format/batch/decode.js';
import { BatchTally } from '../../../src/format/batch/tally.js';
import { verifyBatch } from '../../../src/format/batch/verify.js';

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex.replaceAll(/[\s|]/g, ''), 'hex'));
const text = (from: Uint8Array | undefined) =>
  from === undefined ? undefined : Buffer.from(from).toString();

/** Operations as `kind@offset cf key=value`. */
function listing(hex: string): string[] {
  return decodeBatch(bytes(hex)).ops.map(
    (op) => `${op.kind}@${op.offset} ${op.columnFamily} ${text(op.key)}=${text(op.value) ?? ''}`,
  );
}

/** Rule ids with ranges, and what the engine would say. */
function trouble(hex: string): { anomalies: string[]; engine?: string } {
  const batch = decodeBatch(bytes(hex));
  const anomalies = batch.anomalies.map((a) => `${a.rule} ${a.offset}+${a.length}`);
  return { anomalies, engine: batch.engineError?.message };
}

describe('batches that RocksDB wrote', () => {
  test('two puts', () => {
    const hex = '0200000000000000|02000000|01 0161 0131|01 0162 0132';
    expect(decodeBatch(bytes(hex))).toMatchObject({
      sequence: 2n,
      count: 2,
      counted: 2,
      anomalies: [],
      decodedLength: 22,
    });
    expect(listing(hex)).toEqual(['put@12 0 a=1', 'put@17 0 b=2']);
  });

  test.each([
    ['put in column family 1', '0500000000000000|01000000|05 01 02636b 026376', ['put@12 1 ck=cv']],
    ['range delete, column family 1', '0600000000000000|01000000|0e 01 0178 017a', ['range-delete@12 1 x=z']],
    ['range delete, default', '0600000000000000|01000000|0f 0178 017a', ['range-delete@12 0 x=z']],
    ['log data only', '0900000000000000|00000000|03 046f6e6c79', ['log-data@12 0 only=']],
    ['the empty batch after a point-in-time recovery', '0300000000000000|00000000', []],
    [
      'put, merge, single delete, log data',
      '0100000000000000|03000000|01 016b 0176|02 016b 0178|07 0171|03 026869',
      ['put@12 0 k=v', 'merge@17 0 k=x', 'single-delete@22 0 q=', 'log-data@25 0 hi='],
    ],
    [
      'a prepared transaction',
      '0200000000000000|03000000|09|01 026b31 027631|01 026b32 027632|01 026b31 03763162|0a 027431',
      ['begin-prepare@12 0 =', 'put@13 0 k1=v1', 'put@20 0 k2=v2', 'put@27 0 k1=v1b', 'end-prepare@35 0 t1='],
    ],
    ['a commit', '0300000000000000|00000000|0b 027431', ['commit@12 0 t1=']],
    [
      'a rollback under WritePrepared',
      '0800000000000000|01000000|00 027931|0c 027433',
      ['delete@12 0 y1=', 'rollback@16 0 t3='],
    ],
  ])('%s', (_name, hex, ops) => {
    expect(listing(hex)).toEqual(ops);
    expect(trouble(hex)).toEqual({ anomalies: [], engine: undefined });
  });

  test('a timed put carries its time after the value', () => {
    const [op] = decodeBatch(bytes('0100000000000000|01000000|18 016b 09 76 0102000000000000')).ops;
    expect(op).toMatchObject({ kind: 'timed-put', writeTime: 513n });
    expect(text(op.value)).toBe('v');
  });

  test('a commit with a timestamp stores the timestamp first', () => {
    const [op] = decodeBatch(bytes('0100000000000000|00000000|15 027473 027431')).ops;
    expect([text(op.key), text(op.value)]).toEqual(['t1', 'ts']);
  });

  test('bits above 32 of a fifth varint byte are dropped, as the engine does', () => {
    expect(listing('0100000000000000|01000000|00 8180808070 6b')).toEqual(['delete@12 0 k=']);
  });
});

describe('batches that cannot be', () => {
  test.each([
    ['too short', '01000000000000', ['batch/too-short 0+7'], 'log record too small'],
    [
      'unknown tag, a letter out of a value',
      '0100000000000000|02000000|01 016b 0176|65 0102',
      ['batch/unknown-tag 17+1'],
      'unknown WriteBatch tag: 101',
    ],
    [
      'a tag above 127 is printed sign-extended',
      '0100000000000000|01000000|80',
      ['batch/unknown-tag 12+1'],
      'unknown WriteBatch tag: 4294967168',
    ],
    [
      'a type of internal keys is no tag',
      '0100000000000000|01000000|14 016b',
      ['batch/unknown-tag 12+1'],
      'unknown WriteBatch tag: 20',
    ],
    [
      'value cut off',
      '0100000000000000|01000000|01 016b 0576',
      ['batch/truncated-operand 12+5'],
      'bad WriteBatch Put',
    ],
    [
      'single delete cut off',
      '0100000000000000|01000000|07 026b',
      ['batch/truncated-operand 12+3'],
      'bad WriteBatch Delete',
    ],
    [
      'count too high',
      '0100000000000000|05000000|00 016b',
      ['batch/wrong-count 8+4'],
      'WriteBatch has wrong count',
    ],
    [
      'sequence over 56 bits',
      '0000000000000001|01000000|00 016b',
      ['batch/sequence-too-large 0+8'],
      undefined,
    ],
    [
      'timed put without time',
      '0100000000000000|01000000|18 016b 0176',
      ['batch/short-timed-put 12+5'],
      undefined,
    ],
    [
      'entity with columns out of order',
      '0100000000000000|01000000|16 0165 0a 01 02 0162 00 0161 00 0000',
      ['batch/malformed-entity 12+14'],
      undefined,
    ],
    [
      'prepared section without an end',
      '0100000000000000|01000000|09|00 016b',
      ['batch/unbalanced-prepare 12+1'],
      undefined,
    ],
  ])('%s', (_name, hex, anomalies, engine) => {
    expect(trouble(hex)).toEqual({ anomalies, engine });
  });

  test('a key that is shorter than its timestamp', () => {
    const batch = bytes('0100000000000000|01000000|05 02 026b6b 0176');
    const timestampSizes = new Map([[2, 8]]);
    expect(decodeBatch(batch, { timestampSizes }).anomalies[0]).toMatchObject({ rule: 'batch/short-key' });
    expect(decodeBatch(batch).anomalies).toEqual([]);
    const tally = new BatchTally();
    tally.timestampSizes = timestampSizes;
    expect(verifyBatch(batch, 0, batch.length, tally)).toBe(false);
  });

  test('maxOps bounds what is kept, not what is checked', () => {
    const batch = decodeBatch(bytes('0100000000000000|03000000|00 0161|00 0162|65'), { maxOps: 1 });
    expect(batch.ops).toHaveLength(1);
    expect(batch).toMatchObject({ counted: 2, anomalies: [{ rule: 'batch/unknown-tag' }] });
  });
});

test.each([
  ['unknown-tag', '0200000000000000|01000000|65'],
  ['wrong-count', '0200000000000000|02000000|01 0161 0131'],
  ['malformed-batch', '0200000000000000|01000000|01 0561'],
  ['malformed-batch', '0200'],
])('what the engine says is %s by a field, not by its words', (kind, hex) => {
  expect(decodeBatch(bytes(hex)).engineError?.kind).toBe(kind);
});

test.each([0, 1])('of a batch with %i operations more than the limit all are counted', (more) => {
  const batch = new Uint8Array(12 + 2 * (MAX_OPERATIONS + more));
  new DataView(batch.buffer).setUint32(8, MAX_OPERATIONS + more, true);
  const decoded = decodeBatch(batch);
  expect(decoded.ops.length).toBe(MAX_OPERATIONS);
  expect([decoded.counted, decoded.anomalies.length, isCut(decoded)]).toEqual([
    MAX_OPERATIONS + more,
    0,
    more > 0,
  ]);
});
