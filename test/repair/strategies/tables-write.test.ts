import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDatabase } from '../../../src/engine/database.js';
import { openTable } from '../../../src/format/sst/table.js';
import { openSource } from '../../../src/io/source.js';
import { planAuto } from '../../../src/repair/strategies/auto.js';
import { carryOut } from '../../support/carry-out.js';
import { withEngineCase } from '../../support/field.js';

async function compressionOf(file: string) {
  const source = await openSource({ kind: 'file', path: file });
  try {
    const { footer, properties } = await openTable(source);
    return [footer?.formatVersion, properties?.text('compression')];
  } finally {
    await source.close();
  }
}

describe('a table that is written anew', () => {
  // RocksDB from 10.4 on opens no table whose compression is stated in the form of another format version
  it.each([
    ['is missing', 'remove 000011.sst', [5, 'NoCompression']],
    ['lost a block', 'zero 000009.sst 16 100', [7, 'BuiltinV2;04;']],
    ['lost its end', 'truncate 000009.sst 0x200', [7, 'BuiltinV2;04;']],
  ])(
    'states its compression as its own format version has it where the old one %s',
    async (_, damage, stated) => {
      await withEngineCase('11.1.1-layered', [damage], async (dir) => {
        const plan = await planAuto(await readDatabase(dir), { onLostTombstones: 'keep-hidden' });
        await carryOut(plan, dir);
        const [written] = plan.steps.filter((step) => step.path.endsWith('.sst'));
        expect(await compressionOf(path.join(dir, written.path))).toEqual(stated);
      });
    },
  );
});
