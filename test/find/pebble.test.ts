import { describe, expect, it } from 'vitest';
import { find } from '../../src/find/find.js';
import { VALUE_TYPE } from '../../src/format/sst/internal-key.js';
import { withDatabase } from '../support/database.js';

// entries that Pebble itself showed
const SHOWN = {
  cosmos: 941,
  virtual: 307,
  rangekeys: 338,
  valueblocks: 619,
  columns: 123,
  'columns-cockroach': 224,
  'columns-v5': 242,
} as const;

describe('find in a Pebble directory', () => {
  it.each(Object.entries(SHOWN))(
    'gives what Pebble shows, and the version that gives it: %s',
    async (base, shown) => {
      await withDatabase(`pebble-stores/${base}`, [], async (dir) => {
        const { keys, unread } = await find(dir, { key: new Uint8Array(0), prefix: true, limit: 5000 });
        expect(unread).toEqual([]);
        expect(keys.filter(({ doubt }) => doubt !== undefined)).toEqual([]);
        const seen = keys.filter(({ reader }) => reader.state === 'value' || reader.state === 'unmerged');
        expect(seen).toHaveLength(shown);
        for (const { reader, versions } of keys) {
          const counting = versions.filter(({ status }) => status === 'visible' || status === 'operand');
          if (reader.state === 'nothing') expect(counting).toEqual([]);
          if (reader.state !== 'value' || counting.length !== 1 || counting[0].type === VALUE_TYPE.merge)
            continue;
          expect(Buffer.compare(counting[0].value, reader.value)).toBe(0);
          expect(counting[0].sequence).toBe(reader.sequence);
        }
      });
    },
  );

  it('names the part of a virtual table as live, and what no table has as not', async () => {
    await withDatabase('pebble-stores/virtual', [], async (dir) => {
      const { keys } = await find(dir, { key: new Uint8Array(0), prefix: true, limit: 5000 });
      const uses = new Set(
        keys.flatMap(({ versions }) => versions.map(({ file }) => `${file.entry.file} ${file.use}`)),
      );
      expect([...uses].filter((use) => use.includes('unreferenced')).length).toBeGreaterThan(0);
    });
  });
});
