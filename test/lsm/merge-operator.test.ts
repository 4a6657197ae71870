import { describe, expect, it } from 'vitest';
import { mergeOperator } from '../../src/lsm/merge-operator.js';
import { bytes, text } from './entries.js';

const number = (value: bigint) => {
  const into = Buffer.alloc(8);
  into.writeBigUInt64LE(value);
  return new Uint8Array(into);
};

function merge(id: string, base: string | undefined, operands: string[], delimiter?: string): string {
  const fields = new Map(delimiter === undefined ? [] : [['delimiter', delimiter]]);
  const operator = mergeOperator({ id, fields });
  return text(operator!.merge(base === undefined ? undefined : bytes(base), operands.map(bytes)));
}

describe('merge operators', () => {
  it.each(['StringAppendOperator', 'StringAppendTESTOperator', 'stringappend'])('%s appends', (id) => {
    expect(merge(id, undefined, ['a'])).toBe('a');
    expect(merge(id, undefined, ['a', 'b'])).toBe('a,b');
    expect(merge(id, 'base', ['a', 'b'])).toBe('base,a,b');
    // an empty value is a value: only an absent one takes no delimiter
    expect(merge(id, '', ['a'])).toBe(',a');
    expect(merge(id, 'x', ['a'], '; ')).toBe('x; a');
    expect(merge(id, 'x', ['a'], '')).toBe('xa');
  });

  it('UInt64AddOperator adds modulo 2^64 and takes what is no number for 0', () => {
    const { merge: add } = mergeOperator({ id: 'UInt64AddOperator', fields: new Map() })!;
    expect(add(number(5n), [number(1n), number(2n)])).toEqual(number(8n));
    expect(add(undefined, [number(7n)])).toEqual(number(7n));
    expect(add(bytes('abc'), [number(7n), bytes('')])).toEqual(number(7n));
    expect(add(number((1n << 64n) - 1n), [number(2n)])).toEqual(number(1n));
  });

  it('MaxOperator, PutOperator and BytesXOR do what their names say', () => {
    expect(merge('MaxOperator', 'b', ['a', 'c', 'bb'])).toBe('c');
    expect(merge('MaxOperator', undefined, ['a'])).toBe('a');
    expect(merge('PutOperator', 'b', ['a', 'c'])).toBe('c');
    expect(merge('BytesXOR', 'ab', ['  ', 'X'])).toBe('\x19B');
  });

  it('knows nothing of an application’s own', () => {
    expect(mergeOperator({ id: 'MyOperator', fields: new Map() })).toBeUndefined();
  });
});
