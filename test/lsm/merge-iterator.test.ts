import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { ENTRY, LOAD } from '../../src/lsm/cursor.js';
import { MergeIterator } from '../../src/lsm/merge-iterator.js';
import { drain, type Entry, entryOf, FORWARD, HaltingCursor, memtable } from './entries.js';

async function merged(sources: Entry[][], halts: number[]): Promise<Entry[]> {
  const cursors = sources.map(
    (entries, i) => new HaltingCursor(memtable(FORWARD, entries).cursor(), halts[i]),
  );
  const iterator = new MergeIterator(FORWARD, cursors);
  const all: Entry[] = [];
  for (;;) {
    const step = iterator.step();
    if (step === ENTRY) all.push(entryOf(iterator.current));
    else if (step === LOAD) await iterator.load();
    else return all;
  }
}

describe('a merge of cursors', () => {
  it('is one sorted sequence, wherever a source has to wait for bytes', async () => {
    const entry = fc.record({ key: fc.stringMatching(/^[a-d]{0,3}$/), source: fc.nat(5) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(entry, { maxLength: 100 }),
        fc.array(fc.integer({ min: 2, max: 9 }), { minLength: 6, maxLength: 6 }),
        async (list, halts) => {
          const sources: Entry[][] = halts.map(() => []);
          const all = list.map(({ key, source }, i) => {
            const made = { key, sequence: i, type: 1, value: `${source}` };
            sources[source].push(made);
            return made;
          });
          expect(await merged(sources, halts)).toEqual(await drain(memtable(FORWARD, all).cursor()));
        },
      ),
    );
  });

  it('of nothing is empty', async () => {
    expect(await merged([], [])).toEqual([]);
    expect(await merged([[], []], [2, 3])).toEqual([]);
  });
});

test('of an entry that two sources have the one of the first source comes first', async () => {
  const at = (value: string, ...keys: string[]) => keys.map((key) => ({ key, sequence: 7, type: 1, value }));
  const all = await merged(
    [at('newer', 'b', 'd'), at('older', 'a', 'b', 'c', 'd'), at('oldest', 'b')],
    [99, 99, 99],
  );
  expect(all.map(({ key, value }) => `${key} ${value}`)).toEqual([
    'a older',
    'b newer',
    'b older',
    'b oldest',
    'c older',
    'd newer',
    'd older',
  ]);
});
