import { describe, expect, test } from 'vitest';
import { realign } from '../../src/diagnose/realign.js';
import { encodeBatch } from '../../src/encode/batch/encode.js';

const text = (value: string) => new TextEncoder().encode(value);
const put = (key: string, columnFamily = 0) => ({
  kind: 'put' as const,
  columnFamily,
  key: text(key),
  value: text(`value of ${key}`),
});

const families = new Set([0, 1]);

describe('the remainder of a batch that another writer wrote over', () => {
  const keys = ['first', 'second', 'third', 'fourth', 'fifth'];
  const batch = encodeBatch({ sequence: 7n, ops: keys.map((key) => put(key, 1)) });
  /** Each operation: tag, family, two lengths, key, value. */
  const starts = keys.map((_, i) => 12 + keys.slice(0, i).reduce((sum, key) => sum + 13 + 2 * key.length, 0));

  test('begins where operations decode to the end again', () => {
    const damaged = Uint8Array.from(batch);
    damaged.set(text('another writer was here, and there'), starts[0]);
    const found = realign(damaged, 12, families);
    expect(found?.offset).toBe(starts[2]);
    expect(found?.operations.map(({ kind, columnFamily }) => `${kind} ${columnFamily}`)).toEqual(
      Array(3).fill('put 1'),
    );
    expect(found?.confidence).toBe('medium');
  });

  test('is everything when nothing is damaged', () => {
    expect(realign(batch, 12, families)).toMatchObject({ offset: 12, confidence: 'high' });
  });

  test('is not found where the end is damaged', () => {
    const damaged = Uint8Array.from(batch);
    damaged.fill(0xee, starts[4]);
    expect(realign(damaged, 12, families)).toBeUndefined();
  });

  test('names known column families only', () => {
    // what a value happens to look like is no more than that
    expect(realign(batch, 12, new Set([0]))?.confidence).not.toBe('high');
    expect(realign(batch, 12, new Set([2]))).toBeUndefined();
  });

  test('of nothing', () => {
    expect(realign(batch, batch.length, families)).toBeUndefined();
  });
});
