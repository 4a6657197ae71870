import { expect, it } from 'vitest';
import { LostDeletions } from '../../../src/repair/strategies/lost-deletions.js';

/** Sequence 7, three operations: a = 1, a deletion of b, and zeros where the third stood. */
const batch = Buffer.concat([
  Buffer.from([7, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0]),
  Buffer.from([1, 1, 0x61, 1, 0x31]),
  Buffer.from([0, 1, 0x62]),
  Buffer.alloc(20),
]);

it('zeros in a damaged batch are no deletions of the empty key', () => {
  const lost = new LostDeletions('pebble');
  lost.add(batch, true);
  expect(lost.statements('.')).toMatchObject([{ facts: { lostDeletions: 1, keys: [{ utf8: 'b' }] } }]);
});
