import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeStreamSubkey,
  streamFields,
  streamId,
  streamKeyText,
} from '../../../src/app/kvrocks/stream.js';

const u64 = (value: bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
};
const named = (text: string) => Buffer.concat([u64(BigInt(text.length)), Buffer.from(text)]);
const special = (type: number, ...rest: Uint8Array[]) =>
  Buffer.concat([Buffer.alloc(8, 0xff), Buffer.from([type]), ...rest]);
const id = Buffer.concat([u64(1700n), u64(2n)]);

describe('a subkey of a stream', () => {
  it.each([
    ['an entry', id, { kind: 'entry', id: '1700-2' }, 'entry 1700-2'],
    ['a group', special(1, named('g')), { kind: 'group' }, 'group g'],
    ['a consumer', special(2, named('g'), named('c')), { kind: 'consumer' }, 'consumer c of group g'],
    [
      'a pending entry',
      special(3, named('g'), id),
      { kind: 'pending', id: '1700-2' },
      'entry 1700-2 pending in group g',
    ],
  ])('is %s', (_, subkey, decoded, text) => {
    expect(decodeStreamSubkey(subkey)).toMatchObject(decoded);
    expect(streamKeyText(subkey)).toBe(text);
  });

  it.each([
    ['an id that is cut', id.subarray(0, 15)],
    ['a group longer than the key', special(1, u64(9n), Buffer.from('g'))],
    ['a consumer that is missing', special(2, named('g'))],
    ['a type that does not exist', special(9, named('g'), id)],
  ])('is unknown with %s', (_, subkey) => {
    expect(decodeStreamSubkey(subkey).kind).toBe('unknown');
  });
});

describe('an entry of a stream', () => {
  it('has fields and values in turn, or is none', () => {
    const fields = streamFields(Uint8Array.of(1, 0x66, 1, 0x76));
    expect(fields?.map((field) => Buffer.from(field).toString())).toEqual(['f', 'v']);
    expect(streamFields(Uint8Array.of(1, 0x66, 5, 0x76))).toBeUndefined();
  });
});

it('no bytes make a decoder throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(70), (any, at) => {
      streamKeyText(any);
      streamKeyText(Buffer.concat([Buffer.alloc(8, 0xff), any]));
      streamFields(any);
      expect(streamId(any, at) === undefined).toBe(any.length < at + 16);
    }),
  );
});
