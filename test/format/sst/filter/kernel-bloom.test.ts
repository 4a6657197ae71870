import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keyHashes } from '../../../../src/bytes/kernel.js';
import { FastLocalBloom } from '../../../../src/format/sst/filter/bloom.js';

const LINES = 3;
const PROBES = 6;

/** A filter of `LINES` lines that holds these hashes and nothing else. */
function holding(hashes: readonly (readonly [low: number, high: number])[]): Uint8Array {
  const bits = new Uint8Array(LINES * FastLocalBloom.LINE);
  for (const [low, high] of hashes) {
    const line = Number((BigInt(low) * BigInt(LINES)) >> 32n) * FastLocalBloom.LINE;
    for (let hash = high, i = 0; i < PROBES; i++, hash = Math.imul(hash, 0x9e3779b9) >>> 0) {
      const bit = hash >>> 23;
      bits[line + (bit >> 3)] |= 1 << (bit & 7);
    }
  }
  return bits;
}

const word = fc.integer({ min: 0, max: 0xffff_ffff });

test('the kernel and JavaScript say the same of a few keys, most bits of whose lines are zero', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(word, word), { minLength: 1, maxLength: 4 }), word, (held, other) => {
      const filter = new FastLocalBloom(holding(held), PROBES);
      for (const asked of [held, [...held, [other, other] as const]]) {
        const words = Uint32Array.from(asked.flat());
        keyHashes.set(words);
        const expected = filter.mayMatchAll(words, asked.length);
        if (asked === held) expect(expected).toBe(true);
        expect(filter.mayMatchAll(keyHashes, asked.length)).toBe(expected);
      }
    }),
    { numRuns: 2000 },
  );
});
