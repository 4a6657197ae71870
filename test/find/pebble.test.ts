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
  values: 159,
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

  it('says of a value in a blob file where it lies, and why it cannot be had', async () => {
    const found = (...patches: string[]) =>
      withDatabase('pebble-stores/values', patches, async (dir) => {
        const { keys } = await find(dir, { key: Buffer.from('key00378') });
        return keys[0];
      });
    const place = { file: '000006.blob', fileNumber: 6n, offset: 2343, length: 1121, valueInBlock: 18 };
    const whole = await found();
    expect(whole.versions).toMatchObject([{ status: 'visible', valueLength: 69, blob: place }]);
    expect(whole.reader).toMatchObject({ state: 'value', valueLength: 69 });
    const damaged = await found('flip 000006.blob 2400.1');
    expect(damaged.versions).toMatchObject([
      {
        status: 'unreadable',
        blob: place,
        damaged: 'A block of values cannot be read: the value block does not match its checksum',
      },
    ]);
    expect(damaged.reader).toMatchObject({ state: 'unreadable', file: '000006.blob' });
    const gone = await found('remove 000006.blob');
    expect(gone.versions).toMatchObject([
      { status: 'unreadable', damaged: expect.stringMatching(/cannot be opened: ENOENT/) },
    ]);
  });

  it('does not say what a value is of a table that no MANIFEST names', async () => {
    await withDatabase('pebble-stores/values', ['copy 000017.sst 000990.sst'], async (dir) => {
      const { keys } = await find(dir, { key: Buffer.from('key00378') });
      expect(keys[0].versions.map(({ damaged, file }) => [file.entry.file, damaged])).toEqual([
        ['000017.sst', undefined],
        ['000990.sst', 'its value lies in a blob file, and no MANIFEST says in which one'],
      ]);
    });
  });
});
