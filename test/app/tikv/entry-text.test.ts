import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { entryEpoch, entryWords } from '../../../src/app/tikv/entry-text.js';
import { message } from '../../support/tikv.js';

const bytes = (text: string) => Buffer.from(text, 'latin1');
const header = message([1, 7n], [5, message([1, 5n], [2, 60n])], [6, 6n]);
const entry = (data: Uint8Array, type = 0) => message([1, type], [2, 6n], [3, 12n], [4, data]);
const admin = (type: number, field: number, body: Uint8Array) =>
  message([1, header], [3, message([1, type], [field, body])]);
const put = (family?: string) =>
  message(
    [1, 3],
    [4, message(...(family ? [[1, bytes(family)] as [number, Uint8Array]] : []), [2, bytes('zk')])],
  );
const peer = message([1, 13n], [2, 4n]);

const said = (data: Uint8Array, type = 0) => {
  const { command, text } = entryWords(entry(data, type))!;
  return `${command}: ${text}`;
};

describe('entries of a raft log in words', () => {
  it.each([
    ['empty: a leader begins its term', new Uint8Array(0)],
    [
      'write: 2 puts, 1 deletion (default 1, write 1, lock 1)',
      message(
        [1, header],
        [2, put()],
        [2, put('write')],
        [2, message([1, 4], [5, message([1, bytes('lock')])])],
      ),
    ],
    ['compact log: entries up to 100 (term 6) may go', admin(3, 4, message([1, 100n], [2, 6n]))],
    [
      'batch split: at plain, new region 12; at x, new region 16',
      admin(
        10,
        10,
        message([1, message([1, bytes('plain')], [2, 12n])], [1, message([1, bytes('x')], [2, 16n])]),
      ),
    ],
    [
      'prepare merge: into region 4, entries from 9 on are kept',
      admin(7, 7, message([1, 9n], [2, message([1, 4n])])),
    ],
    ['commit merge: of region 3 at its entry 45', admin(8, 8, message([1, message([1, 3n])], [2, 45n]))],
    ['roll back merge: that was prepared at entry 45', admin(9, 9, message([1, 45n]))],
    ['unknown: 3 bytes', bytes('abc')],
  ])('%s', (words, data) => {
    expect(said(data)).toBe(words);
  });

  it('says changes of peers, which lie in the context', () => {
    const request = admin(1, 2, message([1, 2], [2, peer]));
    expect(said(message([2, 2], [3, 13n], [4, request]), 1)).toBe(
      'change peer: adds peer 13 on store 4 as learner',
    );
    const several = admin(11, 11, message([1, message([1, 1], [2, peer])]));
    expect(said(message([3, several]), 2)).toBe('change peers: removes peer 13 on store 4');
    expect(said(new Uint8Array(0), 2)).toBe('change peer: leaves a joint change of members');
    expect(entryEpoch(entry(message([4, request]), 1))).toEqual({ confVersion: 5n, version: 60n });
  });

  it('takes any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(0, 1, 2, 3), (data, type) => {
        expect(entryWords(entry(data, type))?.index).toBe(12n);
        entryWords(data);
        entryEpoch(entry(data, type));
      }),
    );
  });
});
