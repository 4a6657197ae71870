import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commandsOf } from '../../../src/app/kvrocks/commands.js';
import { kvrocksFamilies } from '../../../src/app/kvrocks/families.js';
import { bearsSlot, decodeSubkey, decodeUserKey, slotOf } from '../../../src/app/kvrocks/key.js';
import { decodeMetadata, decodeScore } from '../../../src/app/kvrocks/metadata.js';
import { redisCommand } from '../../../src/app/redis/word.js';
import { decodeBatch } from '../../../src/format/batch/decode.js';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const ascii = (text: string) => Buffer.from(text);
const names = ['default', 'metadata', 'zset_score', 'pubsub', 'propagate', 'stream', 'search'];
const families = kvrocksFamilies(names.map((name, id) => ({ id, name })))!;
const layout = { families, slots: false };

type Op = ['log', string] | ['put' | 'delete', number, Buffer, Buffer?];

/** A batch of short operations. */
function batch(...ops: Op[]): Buffer {
  const item = (bytes: Buffer) => Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const parts = ops.map((op) => {
    if (op[0] === 'log') return Buffer.concat([Buffer.from([3]), item(ascii(op[1]))]);
    const [kind, family, key, value = Buffer.alloc(0)] = op;
    const head = family === 0 ? [kind === 'put' ? 1 : 0] : [kind === 'put' ? 5 : 4, family];
    return Buffer.concat([Buffer.from(head), item(key), ...(kind === 'put' ? [item(value)] : [])]);
  });
  const header = Buffer.alloc(12);
  header.writeUInt32LE(ops.filter(([kind]) => kind !== 'log').length, 8);
  return Buffer.concat([header, ...parts]);
}

const namespace = Buffer.concat([Buffer.from([11]), ascii('__namespace')]);
const key = (user: string) => Buffer.concat([namespace, ascii(user)]);
function subkey(user: string, sub: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(user.length);
  return Buffer.concat([namespace, length, ascii(user), Buffer.alloc(8, 1), sub]);
}
const at = (index: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(index));
  return bytes;
};
const said = (bytes: Buffer) =>
  commandsOf(decodeBatch(bytes).ops, layout).map(({ words }) => redisCommand(words));
const meta = (type: number) => Buffer.concat([Buffer.from([0x80 | type]), Buffer.alloc(24)]);

describe('keys', () => {
  it('have the slots of a Redis cluster', () => {
    expect(slotOf(ascii('123456789'))).toBe(0x31c3);
    expect(slotOf(ascii('foo'))).toBe(12182);
    expect(slotOf(ascii('a{foo}b'))).toBe(12182);
    expect(slotOf(ascii('{}foo'))).not.toBe(12182);
  });

  it('are taken apart with and without slots', () => {
    const withSlot = Buffer.concat([namespace, hex('2f96'), ascii('foo')]);
    expect(bearsSlot(withSlot)).toBe(true);
    expect(bearsSlot(key('foo'))).toBe(false);
    expect(decodeUserKey(withSlot, true)).toMatchObject({ slot: 12182, key: ascii('foo') });
    expect(decodeUserKey(key('foo'), false)).toMatchObject({
      namespace: ascii('__namespace'),
      key: ascii('foo'),
    });
    expect(decodeSubkey(subkey('h', ascii('f')), false)).toMatchObject({
      key: ascii('h'),
      version: 0x0101010101010101n,
      subkey: ascii('f'),
    });
  });
});

describe('values', () => {
  it('are read in both forms', () => {
    expect(decodeMetadata(hex('01 00000002 62'))).toEqual({ type: 1, expire: 2000n, rest: ascii('b') });
    expect(decodeMetadata(hex('81 0000000000000007 62'))).toEqual({ type: 1, expire: 7n, rest: ascii('b') });
    const list = `83${'00'.repeat(8)}${'00'.repeat(7)}05${'00'.repeat(7)}02${'7f'.repeat(8)}${'80'.repeat(8)}`;
    expect(decodeMetadata(hex(list))).toMatchObject({
      ...{ type: 3, version: 5n, size: 2n },
      list: { head: 0x7f7f7f7f7f7f7f7fn, tail: 0x8080808080808080n },
    });
    for (const wrong of ['', '71', '00', '0f00000000', '8300', `03${'00'.repeat(16)}`])
      expect(decodeMetadata(hex(wrong))).toBeUndefined();
  });

  it('have scores that sort as their bytes do', () => {
    expect(decodeScore(hex('bff0000000000000'))).toBe(1);
    expect(decodeScore(hex('400fffffffffffff'))).toBe(-1);
    expect(decodeScore(hex('8000000000000000'))).toBe(0);
    expect(decodeScore(hex('00'))).toBeUndefined();
  });
});

describe('batches as commands', () => {
  it('a batch that a server printed (apache/kvrocks#713)', () => {
    const bytes = hex('0200000000000000 01000000 030131 05010d 0b5f5f6e616d657370616365 61 06 0100000000 62');
    expect(said(bytes)).toEqual(['SET a b']);
  });

  const value = (text: string, expire = 0) => Buffer.concat([Buffer.from([0x81]), at(expire), ascii(text)]);
  const cases: [string, Op[]][] = [
    [
      'SET a "x y"',
      [
        ['log', '1'],
        ['put', 1, key('a'), value('x y')],
      ],
    ],
    [
      'SET a x PXAT 99',
      [
        ['log', '1'],
        ['put', 1, key('a'), value('x', 99)],
      ],
    ],
    [
      'PEXPIREAT a 99',
      [
        ['log', '0 8'],
        ['put', 1, key('a'), value('x', 99)],
      ],
    ],
    ['DEL a', [['delete', 1, key('a')]]],
    [
      'HSET h f v',
      [
        ['log', '2'],
        ['put', 0, subkey('h', ascii('f')), ascii('v')],
        ['put', 1, key('h'), meta(2)],
      ],
    ],
    [
      'HDEL h f',
      [
        ['log', '2'],
        ['delete', 0, subkey('h', ascii('f'))],
        ['put', 1, key('h'), meta(2)],
      ],
    ],
    [
      'SADD s m',
      [
        ['log', '4'],
        ['put', 0, subkey('s', ascii('m'))],
        ['put', 1, key('s'), meta(4)],
      ],
    ],
    [
      'LPUSH l a b',
      [
        ['log', '3 6'],
        ['put', 0, subkey('l', at(9)), ascii('a')],
        ['put', 0, subkey('l', at(8)), ascii('b')],
        ['put', 1, key('l'), meta(3)],
      ],
    ],
    [
      'RPOP l',
      [
        ['log', '3 4'],
        ['delete', 0, subkey('l', at(9))],
        ['delete', 1, key('l')],
      ],
    ],
    [
      'LTRIM l 0 5',
      [
        ['log', '3 2 0 5'],
        ['delete', 0, subkey('l', at(9))],
        ['put', 1, key('l'), meta(3)],
      ],
    ],
    [
      'ZADD z 1 m',
      [
        ['log', '5'],
        ['put', 0, subkey('z', ascii('m')), hex('bff0000000000000')],
        ['put', 2, subkey('z', Buffer.concat([hex('bff0000000000000'), ascii('m')]))],
      ],
    ],
    [
      'SETBIT b 9 1',
      [
        ['log', '6 9 9'],
        ['put', 0, subkey('b', ascii('0')), hex('0002')],
      ],
    ],
    [
      'XADD x 5-1 f v',
      [
        ['log', '8'],
        ['put', 5, subkey('x', Buffer.concat([at(5), at(1)])), hex('01660176')],
      ],
    ],
    ['PUBLISH news hello', [['put', 3, ascii('news'), ascii('hello')]]],
  ];
  it.each(cases)('%s', (command, ops) => {
    expect(said(batch(...ops))).toEqual([command]);
  });

  it('several in one batch, as EXEC writes them, whatever the id of the server', () => {
    const bytes = batch(
      ['log', '1'],
      ['put', 1, key('a'), value('1')],
      ['log', '4'],
      ['put', 0, subkey('s', ascii('m'))],
      ['log', 'r 0123456789ABCDEF'],
    );
    expect(said(bytes)).toEqual(['SET a 1', 'SADD s m']);
  });

  it('any bytes, without a throw', () => {
    const text = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
    const op = fc.oneof(
      fc
        .constantFrom('0 8', '1', '2', '3 6', '3 4', '5', '6 9 7', '8', '10', 'x')
        .map((log): Op => ['log', log]),
      fc.tuple(fc.constantFrom('put' as const, 'delete' as const), fc.nat(7), text, text),
      fc.tuple(
        fc.constant('put' as const),
        fc.nat(5),
        text.map((sub) => subkey('k', sub)),
        text,
      ),
    );
    fc.assert(
      fc.property(fc.array(op, { maxLength: 8 }), fc.boolean(), (ops, slots) => {
        commandsOf(decodeBatch(batch(...ops)).ops, { families, slots });
      }),
      { numRuns: 300 },
    );
  });
});

it('the column families of Kvrocks are known by their names', () => {
  expect(kvrocksFamilies([{ id: 0, name: 'default' }])).toBeUndefined();
  expect(kvrocksFamilies([...names, 'other'].map((name, id) => ({ id, name })))).toBeUndefined();
  expect(families.get(1)).toBe('metadata');
});
