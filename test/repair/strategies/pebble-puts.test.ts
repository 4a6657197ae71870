import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { crc32c, maskCrc } from '../../../src/bytes/crc32c.js';
import { withDatabase } from '../../support/database.js';
import { repaired, shown } from '../../support/pebble.js';

/* A put of Pebble whose type was changed to that of a deletion before the checksum over it was computed. */

const TABLE = '000011.sst';
/** One entry: three lengths, `s/latest`, and then its type. */
const DATA = { offset: 0, size: 28 };
const TYPE = 11;
const PROPERTIES = { offset: 0x3c, size: 623 };

function seal(table: Buffer, { offset, size }: typeof DATA): void {
  const end = offset + size + 1;
  table.writeUInt32LE(maskCrc(crc32c(table, offset, end)), end);
}

function change(dir: string, deletions: number): void {
  const file = path.join(dir, TABLE);
  const table = fs.readFileSync(file);
  expect(table[TYPE]).toBe(1);
  table[TYPE] = 0;
  seal(table, DATA);
  const name = 'eleted.keys';
  expect(table[table.indexOf(name) + name.length]).toBe(0);
  table[table.indexOf(name) + name.length] = deletions;
  seal(table, PROPERTIES);
  fs.writeFileSync(file, table);
}

describe('a deletion of Pebble with a value', () => {
  it('becomes the put that it was where the properties count no deletion', async () => {
    const whole = await withDatabase('pebble-stores/cosmos', [], shown);
    await withDatabase('pebble-stores/cosmos', [], async (dir) => {
      change(dir, 0);
      const { plan, findings } = await repaired(dir);
      expect([plan?.loss, plan?.remarks]).toEqual([[], [expect.stringContaining('the puts that they were')]]);
      expect(findings.filter(({ severity }) => severity !== 'note')).toEqual([]);
      expect(await shown(dir)).toBe(whole);
    });
  });

  it('is left alone where they count it', async () => {
    await withDatabase('pebble-stores/cosmos', [], async (dir) => {
      change(dir, 1);
      const before = fs.readFileSync(path.join(dir, TABLE));
      const { repair } = await repaired(dir);
      expect(repair).toMatchObject({ state: 'refused', reason: expect.stringContaining('nothing tells') });
      expect(fs.readFileSync(path.join(dir, TABLE))).toEqual(before);
    });
  });
});
