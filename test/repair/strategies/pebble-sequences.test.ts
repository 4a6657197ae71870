import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { maskCrc } from '../../../src/bytes/crc32c.js';
import { setBatchHeader } from '../../../src/encode/batch/encode.js';
import { physicalCrc } from '../../../src/format/log/physical.js';
import { RECYCLABLE_HEADER } from '../../../src/format/log/types.js';
import { withDatabase } from '../../support/database.js';
import { repaired, shown } from '../../support/pebble.js';

/* A log of Pebble in which a batch has another sequence than it was given, under a checksum that holds. */

// ten records of 149 bytes, three operations each, from 335 on
const LOG = '000013.log';
const SIZE = 149;

function renumber(dir: string, record: number, sequence: bigint): void {
  const file = path.join(dir, LOG);
  const log = fs.readFileSync(file);
  const chunk = log.subarray(record * SIZE, (record + 1) * SIZE);
  setBatchHeader(chunk.subarray(RECYCLABLE_HEADER), { sequence });
  chunk.writeUInt32LE(maskCrc(physicalCrc(chunk, 0, SIZE)), 0);
  fs.writeFileSync(file, log);
}

const store = 'pebble-stores/virtual';

describe('a batch of Pebble that does not follow the one before it', () => {
  it.each([
    ['far ahead', 1_000_344n],
    ['of a time before the log', 1n],
  ])('%s gets the sequence that its neighbours leave for it', async (_, sequence) => {
    const truth = await withDatabase(store, [], shown);
    await withDatabase(store, [], async (dir) => {
      const before = fs.readFileSync(path.join(dir, LOG));
      renumber(dir, 3, sequence);
      const { plan, findings } = await repaired(dir);
      expect([plan?.loss, plan?.steps.map(({ file }) => file)]).toEqual([[], [LOG]]);
      expect(findings.filter(({ severity }) => severity !== 'note')).toEqual([]);
      expect(fs.readFileSync(path.join(dir, LOG))).toEqual(before);
      expect(await shown(dir)).toBe(truth);
    });
  });

  it.each([
    ['a copy of another one', (dir: string) => renumber(dir, 3, 335n)],
    ['one that a table may stand before', (dir: string) => renumber(dir, 3, 345n)],
    ['the first one', (dir: string) => renumber(dir, 0, 2n)],
  ])('keeps its own where it is %s', async (_, change) => {
    await withDatabase(store, [], async (dir) => {
      change(dir);
      const { plan } = await repaired(dir);
      const details = plan?.steps.flatMap(({ changes }) => changes.map(({ detail }) => detail)) ?? [];
      expect(details.filter((detail) => /gets the sequence/.test(detail))).toEqual([]);
    });
  });
});
