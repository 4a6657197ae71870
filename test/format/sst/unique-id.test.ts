import { expect, test } from 'vitest';
import { publicUniqueId } from '../../../src/format/sst/unique-id.js';

function internal(low: bigint, high: bigint): Uint8Array {
  const view = new DataView(new ArrayBuffer(16));
  view.setBigUint64(0, low, true);
  view.setBigUint64(8, high, true);
  return new Uint8Array(view.buffer);
}

test.each([
  [8755166601115676446n, 2485055328999439937n, '5906D0A7F8FEB1B4-26F81FCEDB9B7941'],
  [8755166601115676446n, 2485055328999439938n, '4A5F4B592F011185-A62C0AAC980CA85B'],
  [2608323192423100566n, 1894977766901675606n, 'CFB2AE04CB690DAC-425722203207AE10'],
])('{%s,%s} is %s, as the engine prints it', (low, high, text) => {
  expect(publicUniqueId(internal(low, high))).toBe(text);
});
