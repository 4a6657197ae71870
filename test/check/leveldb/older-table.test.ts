import fs from 'node:fs';
import { expect, it } from 'vitest';
import { PropertyList } from '../../../src/encode/sst/properties.js';
import { TableWriter } from '../../../src/encode/sst/table-writer.js';
import { comparatorNamed } from '../../../src/format/sst/comparator.js';
import { internalKey, VALUE_TYPE } from '../../../src/format/sst/internal-key.js';
import { scanTarget } from '../../../src/scan/scan.js';
import { withDatabase } from '../../support/database.js';

/* Tables that LevelDB's MANIFEST never named: one that was written before the log which it names has nothing to do with a lost edit. */

it.each([
  ['before the log of the MANIFEST is of an older moment', 3, []],
  ['after it was named by an edit that is lost', 7, ['directory/forsaken-table 000007.ldb']],
])('a table that was written %s', async (_, number, errors) => {
  await withDatabase('leveldb', [], async (dir) => {
    const form = {
      formatVersion: 0,
      checksumType: 1,
      baseContext: 0,
      comparator: comparatorNamed(undefined),
    };
    const writer = new TableWriter({ ...form, filter: false, isLevelDb: true });
    writer.add(internalKey(Buffer.from('key'), 500_000n, VALUE_TYPE.put), Buffer.from('value'));
    writer.finish(new PropertyList());
    const bytes = writer.take().map((piece) => (piece.from === 'bytes' ? piece.bytes : new Uint8Array(0)));
    fs.writeFileSync(`${dir}/00000${number}.ldb`, Buffer.concat(bytes));
    const { findings } = await scanTarget(dir, { jobs: 1 });
    const found = findings.filter(({ severity }) => severity === 'error');
    expect(found.map(({ rule, file }) => `${rule} ${file}`)).toEqual(errors);
  });
});
