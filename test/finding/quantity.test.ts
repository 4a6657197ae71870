import { expect, it } from 'vitest';
import { byteSize, counted, duration, grouped, offsetText } from '../../src/finding/quantity.js';

it.each([
  [0, '0 bytes'],
  [1, '1 byte'],
  [1023, '1,023 bytes'],
  [1024, '1.00 KiB'],
  [1536, '1.50 KiB'],
  [10_239, '10.0 KiB'],
  [102_349, '100 KiB'],
  [1_048_000, '1,023 KiB'],
  [1_048_575, '1.00 MiB'],
  [2 ** 40, '1.00 TiB'],
  [2 ** 53, '8.00 PiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(byteSize(bytes)).toBe(text);
});

it.each([
  [0, '0.0 s'],
  [812, '0.8 s'],
  [9949, '9.9 s'],
  [9999, '10 s'],
  [61_000, '1 min 01 s'],
  [3_599_999, '1 h 00 min'],
  [7_500_000, '2 h 05 min'],
])('%d ms are %s', (milliseconds, text) => {
  expect(duration(milliseconds)).toBe(text);
});

it('groups counts and leaves offsets to be copied', () => {
  expect(grouped(1_234_567)).toBe('1,234,567');
  expect(grouped(2n ** 64n)).toBe('18,446,744,073,709,551,616');
  expect(counted(1, 'file')).toBe('1 file');
  expect(counted(4743, 'entry', 'entries')).toBe('4,743 entries');
  expect(offsetText(31290)).toBe('0x7a3a (31290)');
});
