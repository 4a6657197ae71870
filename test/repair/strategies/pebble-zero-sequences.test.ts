import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { compressionProperty, PropertyList } from '../../../src/encode/sst/properties.js';
import { TableWriter } from '../../../src/encode/sst/table-writer.js';
import { comparatorNamed } from '../../../src/format/sst/comparator.js';
import { internalKey, VALUE_TYPE } from '../../../src/format/sst/internal-key.js';
import { withDatabase } from '../../support/database.js';
import { repaired } from '../../support/pebble.js';

/** A table as a compaction into the lowest level leaves it: without sequences. */
function writeTable(dir: string, number: number, puts: Record<string, string>): void {
  const comparator = comparatorNamed();
  const form = { formatVersion: 2, checksumType: 1, baseContext: 0, comparator, filter: false };
  const writer = new TableWriter({ ...form, pebble: { prefixed: false }, pebbleFooter: false });
  for (const [key, value] of Object.entries(puts))
    writer.add(internalKey(Buffer.from(key), 0n, VALUE_TYPE.put), Buffer.from(value));
  writer.finish(
    new PropertyList()
      .text('comparator', comparator.name)
      .text('compression', compressionProperty(form.formatVersion, new Set([0]))),
  );
  const bytes = writer.take().map((piece) => (piece.from === 'bytes' ? piece.bytes : new Uint8Array(0)));
  fs.writeFileSync(path.join(dir, `${String(number).padStart(6, '0')}.sst`), Buffer.concat(bytes));
}

async function repairOf(one: Record<string, string>, other: Record<string, string>) {
  return withDatabase('pebble-stores/cosmos', [], async (dir) => {
    for (const name of fs.readdirSync(dir)) if (/^MANIFEST/.test(name)) fs.rmSync(path.join(dir, name));
    writeTable(dir, 90, one);
    writeTable(dir, 91, other);
    return (await repaired(dir)).repair;
  });
}

describe('tables of Pebble without a MANIFEST', () => {
  it('that hold one key without a sequence are not both taken for live', async () => {
    const repair = await repairOf({ z1: 'old', z2: 'old', z3: 'x' }, { z1: 'new', z2: 'new', z4: 'y' });
    expect(repair).toMatchObject({
      state: 'refused',
      reason: expect.stringMatching(/tables 90 and 91 hold the same key without a sequence/),
    });
  });

  it('that hold other keys are', async () => {
    const repair = await repairOf({ z1: 'a', z3: 'b' }, { z2: 'c', z4: 'd' });
    expect(repair?.state).toBe('repaired');
  });
});
