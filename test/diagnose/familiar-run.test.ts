import { expect, it } from 'vitest';
import { crc32c, maskCrc } from '../../src/bytes/crc32c.js';
import { familiarRun } from '../../src/diagnose/familiar-run.js';

const sample = Buffer.from('alpha=1;beta=22;gamma=333;delta=4444;'.repeat(20));
const whole = Uint8Array.from(Buffer.from('delta=17;beta=22;alpha=1;beta=53;'));
const stored = maskCrc(crc32c(whole));

function damaged(at: number, ...bytes: number[]): Uint8Array {
  const copy = whole.slice();
  copy.set(bytes, at);
  return copy;
}

it('finds what the sample has between the same neighbours', () => {
  const bytes = damaged(10, 3, 7, 9, 1, 2);
  expect(familiarRun(bytes, stored, sample, 0)).toEqual({ at: 10, bytes: whole.slice(10, 15) });
});

it('finds nothing that the sample does not have, nor before its first place', () => {
  expect(familiarRun(damaged(6, 3, 7), stored, sample, 0)).toBeUndefined();
  expect(familiarRun(damaged(10, 3, 7), stored, sample, 12)).toBeUndefined();
});

it('finds nothing in what is right, nor in what is longer than it looks for', () => {
  expect(familiarRun(whole, stored ^ 1, sample, 0)).toBeUndefined();
  expect(familiarRun(damaged(9, 1, 2, 3, 4, 5, 6, 7, 8), stored, sample, 0)).toBeUndefined();
});
