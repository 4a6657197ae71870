import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDatabase } from '../../src/engine/database.js';
import { TITAN_BLOBS } from '../../src/format/sst/properties.js';
import { openTable } from '../../src/format/sst/table.js';
import { openSource } from '../../src/io/source.js';
import { planAuto } from '../../src/repair/strategies/auto.js';
import { planMetadataRepair } from '../../src/repair/strategies/metadata.js';
import { planTableRepair } from '../../src/repair/strategies/tables.js';
import { scanTarget } from '../../src/scan/scan.js';
import { carryOut } from '../support/carry-out.js';
import { withDatabase } from '../support/database.js';
import { visible } from '../support/visible.js';

/* Databases with large values in blob files of Titan's: their tables refer to them in a form that RocksDB itself does not have. */

const names = ['lz4', 'dict', 'hole'].map((name) => `titan/${name}`);
const way = { onLostTombstones: 'keep-hidden' } as const;

async function repaired(dir: string) {
  const plan = await planAuto(await readDatabase(dir), way);
  await carryOut(plan, dir);
  return plan;
}

const errorsIn = async (target: string) =>
  (await scanTarget(target, { jobs: 1 })).findings.filter(({ severity }) => severity === 'error');

/** Titan's own count of the bytes that a table refers to, by blob file. */
async function countsOf(file: string): Promise<string | undefined> {
  const source = await openSource({ kind: 'file', path: file });
  try {
    const raw = (await openTable(source)).properties?.raw(TITAN_BLOBS);
    return raw && Buffer.from(raw).toString('hex');
  } finally {
    await source.close();
  }
}

describe('repair of a database with blob files of Titan', () => {
  it.each(names)('changes nothing about the healthy %s', (name) =>
    withDatabase(name, [], async (dir) => {
      const database = await readDatabase(dir);
      for (const plan of [planAuto, planMetadataRepair, planTableRepair])
        expect((await plan(database, way)).steps).toEqual([]);
    }),
  );

  it.each(names)('finds nothing wrong with a table of %s alone', (name) =>
    withDatabase(name, [], async (dir) => {
      for (const table of fs.readdirSync(dir).filter((file) => file.endsWith('.sst')))
        expect(await errorsIn(path.join(dir, table))).toEqual([]);
    }),
  );

  it.each(names)('brings all of %s back when MANIFEST and CURRENT are gone', (name) =>
    withDatabase(name, [], async (dir) => {
      const truth = await visible(dir);
      fs.rmSync(path.join(dir, 'CURRENT'));
      fs.rmSync(path.join(dir, 'MANIFEST-000005'));
      expect((await repaired(dir)).loss).toEqual([]);
      expect(await visible(dir)).toEqual(truth);
      expect(await errorsIn(dir)).toEqual([]);
    }),
  );

  it('says in a table that it writes anew what of each blob file is needed, as Titan does', () =>
    withDatabase('titan/lz4', [], async (dir) => {
      const truth = await visible(dir);
      const file = path.join(dir, '000010.sst');
      const counts = await countsOf(file);
      expect(counts).toBeDefined();
      const bytes = fs.readFileSync(file);
      // the properties are lost, and with them Titan's count; no entry is
      fs.writeFileSync(file, bytes.fill(0, bytes.indexOf('TitanDB'), bytes.indexOf('TitanDB') + 40));
      const { steps } = await repaired(dir);
      const [written] = steps.flatMap(({ path: name }) => (name.endsWith('.sst') ? [name] : []));
      expect(await visible(dir)).toEqual(truth);
      expect(await countsOf(path.join(dir, written))).toBe(counts);
      expect(await errorsIn(dir)).toEqual([]);
    }));
});
