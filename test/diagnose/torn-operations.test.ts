import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tornOperations } from '../../src/diagnose/torn-operations.js';
import { type BatchOpInput, encodeBatch } from '../../src/encode/batch/encode.js';

const put = (key: string, value: string): BatchOpInput => ({
  kind: 'put',
  columnFamily: 1,
  key: Buffer.from(key),
  value: Buffer.from(value),
});
const whole = encodeBatch({
  sequence: 1n,
  ops: ['a', 'b', 'c', 'd', 'e', 'f'].map((key) => put(`key-${key}`, `value-${key}`)),
});
const families = new Set([0, 1]);
const keys = (ops: readonly { key: Uint8Array }[]) => ops.map(({ key }) => Buffer.from(key).toString());

describe('a batch that another writer wrote into', () => {
  it('that is whole has nothing behind', () => {
    const { before, behind } = tornOperations(whole, families);
    expect(before).toHaveLength(6);
    expect(behind).toEqual([]);
  });

  it('is told on both sides of the place where it loses step', () => {
    const torn = Buffer.from(whole);
    // a length of the second operation that leads into the third
    const at = torn.indexOf('value-b') - 1;
    torn[at] += 4;
    const { before, behind } = tornOperations(torn, families);
    expect(keys(before)).toContain('key-a');
    expect(keys(behind).slice(-3)).toEqual(['key-d', 'key-e', 'key-f']);
  });

  it('gives back what the operation before the place has swallowed', () => {
    const torn = Buffer.from(whole);
    torn[torn.indexOf('value-b') - 1] += 4;
    const { before, behind } = tornOperations(torn, families);
    expect(keys(behind)[0]).toBe('key-c');
    expect(Buffer.from(before.at(-1)!.value!).toString()).toBe('value-b');
  });

  it('of any bytes: nothing throws', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.nat(whole.length - 1),
        fc.nat(255),
        (bytes, at, byte) => {
          tornOperations(bytes, families);
          const changed = Buffer.from(whole);
          changed[at] = byte;
          tornOperations(changed, families);
          tornOperations(changed.subarray(0, at), families);
        },
      ),
    );
  });
});
