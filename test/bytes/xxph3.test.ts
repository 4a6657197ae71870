import { expect, test } from 'vitest';
import { SECRET, xxph3 } from '../../src/bytes/xxph3.js';

const hash = (text: string) => xxph3(Buffer.from(text)).toString(16).padStart(16, '0');

test('the secret is XXH3’s, 192 bytes', () => expect(SECRET.length).toBe(192));

// from filters that RocksDB 7.8.3 wrote
test.each([
  ['', '5342c3010fe1dd04'],
  ['a', '88d868bf607681c7'],
  ['abc', 'd39eeb71bb5342e8'],
  ['apple', '477599606c287630'],
  ['abcdefgh', '591716e1ea463467'],
  ['0123456789abcdef', '402c83c1955d056d'],
  ['x'.repeat(17), '61c637ab957e33d1'],
  ['x'.repeat(100), '33d6819f258fcb22'],
  ['x'.repeat(200), '876dba1c237a0f34'],
  ['x'.repeat(300), '1858aee0c0412fd4'],
  ['x'.repeat(1500), '20615e75b982ab3e'],
])('%#: %s', (text, expected) => expect(hash(text)).toBe(expected));

test('a range of a larger array hashes as the bytes alone', () => {
  const bytes = Buffer.from('..apple..');
  expect(xxph3(bytes, 2, 7).toString(16)).toBe('477599606c287630');
});
