import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { encodeBatch } from '../../../src/encode/batch/encode.js';
import { encodeLogRecords } from '../../../src/encode/log/writer.js';
import type { Finding } from '../../../src/finding/finding.js';
import { textReporter } from '../../../src/report/text.js';
import { scanTarget } from '../../../src/scan/scan.js';
import { report, settings } from '../../report/sample.js';
import { withDatabase } from '../../support/database.js';
import { rewriteManifest } from '../../support/pebble.js';

const damage = ({ findings }: { findings: readonly Finding[] }) =>
  findings
    .filter(({ severity }) => severity !== 'note')
    .map(({ severity, rule, file }) => `${severity} ${rule} ${file}`);

async function scan(
  base: string,
  patches: readonly string[] = [],
  then: (dir: string) => unknown = () => {},
) {
  return withDatabase(`pebble-stores/${base}`, patches, async (dir) => {
    await then(dir);
    return scanTarget(dir, { jobs: 1 });
  });
}

describe('tables of Pebble without their database', () => {
  const keep = (pattern: RegExp) => (dir: string) => {
    for (const name of fs.readdirSync(dir)) if (!pattern.test(name)) fs.rmSync(path.join(dir, name));
  };

  test.each([
    ['virtual', /\.sst$|^OPTIONS/],
    ['virtual', /\.sst$/],
    ['cosmos', /\.sst$|^OPTIONS/],
  ])('%s %s are checked each, and not called damaged', async (base, pattern) => {
    const report = await scan(base, [], keep(pattern));
    expect(report.engine.name).toBe('pebble');
    expect(damage(report)).toContain('warning directory/marker-missing .');
    expect(damage(report).filter((line) => line.startsWith('error'))).toEqual([]);
    expect(report.unchecked.map(({ file }) => file)).toEqual(['.']);
    expect(report.files.map(({ status }) => status)).not.toContain('missing');
  });

  test.each([/\.sst$|^LOCK/, /\.sst$|\.log$/, /\.sst$|^MANIFEST/])(
    '%s are what is left of one',
    async (pattern) => {
      const report = await scan('virtual', [], keep(pattern));
      expect(damage(report).join()).toMatch(/error directory\/(marker-missing|current-missing)/);
    },
  );
});

describe('healthy stores of Pebble', () => {
  test.each([
    'cosmos',
    'virtual',
    'rangekeys',
    'valueblocks',
    'columns',
    'columns-cockroach',
    'columns-v5',
    'values',
  ])('%s', async (base) => {
    const report = await scan(base);
    expect(report.engine.name).toBe('pebble');
    expect(damage(report)).toEqual([]);
    expect(report.unchecked).toEqual([]);
  });

  test('what is not Pebble’s in its directory says nothing', async () => {
    const report = await scan('virtual', ['create marker-list "x"'], (dir) => {
      fs.mkdirSync(path.join(dir, 'ancient'));
      fs.writeFileSync(path.join(dir, 'ancient', '000001.sst'), 'x');
    });
    expect(damage(report)).toEqual([]);
  });

  test('a blob file is not read as one of RocksDB', async () => {
    const report = await scan('columns', [], (dir) =>
      fs.writeFileSync(path.join(dir, '000999.blob'), 'values'),
    );
    expect(report.findings.map(({ rule }) => rule)).not.toContain('blob/bad-header');
    expect(report.findings).toContainEqual(
      expect.objectContaining({ rule: 'blob/values-footer', severity: 'note', file: '000999.blob' }),
    );
    expect(report.unchecked).toEqual([]);
  });

  test('a flush may leave out the last operations of a log: one that takes back another', async () => {
    const report = await scan('valueblocks', [], (dir) =>
      rewriteManifest(dir, (edits) => {
        for (const { newFiles } of edits) for (const table of newFiles) table.largestSequence -= 1n;
      }),
    );
    expect(damage(report)).toContain('warning manifest/log-number MANIFEST-000001');
  });

  test('the first log of a new one begins with sequence 10, also where no edit says so yet', async () => {
    const put = encodeBatch({
      sequence: 10n,
      ops: [{ kind: 'put', columnFamily: 0, key: Buffer.from('key'), value: Buffer.from('value') }],
    });
    const report = await scan('valueblocks', ['truncate MANIFEST-000001 0x25'], (dir) => {
      for (const name of ['000004.log', '000005.sst', '000006.log', '000007.sst'])
        fs.rmSync(path.join(dir, name));
      fs.writeFileSync(path.join(dir, '000002.log'), encodeLogRecords([put]));
    });
    expect(damage(report)).toEqual([]);
  });

  test('an open of them is not warned of', async () => {
    expect((await scan('virtual')).doNotOpen).toBeUndefined();
  });

  test('CURRENT that names the MANIFEST before the newest is an older state', async () => {
    const report = await scan('cosmos', ['replace CURRENT "000013" "000006"']);
    expect(damage(report)).toContain('error manifest/log-number CURRENT');
  });

  test('format version 1 without OPTIONS is not taken for RocksDB', async () => {
    const report = await scan('cosmos', ['remove OPTIONS-000014']);
    expect(report.engine.name).toBe('pebble');
    expect(damage(report)).toEqual(['warning directory/options-missing OPTIONS-000014']);
  });

  test('a format version that is to come is not called damage', async () => {
    const report = await scan('virtual', [
      'move marker.format-version.000015.016 marker.format-version.000016.031',
    ]);
    expect(damage(report)).toEqual([]);
    expect(report.unchecked).toMatchObject([
      { reason: expect.stringContaining('format version 31 is newer') },
    ]);
  });
});

describe('damaged stores of Pebble', () => {
  test('a table that a WAL brings in is missed like any other', async () => {
    expect(damage(await scan('virtual', ['remove 000010.sst']))).toEqual([
      'error directory/missing-table 000010.sst',
    ]);
  });

  test('a table that a WAL brings in has no sequences of its own', async () => {
    expect(damage(await scan('virtual', ['copy 000005.sst 000010.sst']))).toEqual([
      'error sst/wrong-file 000010.sst',
    ]);
  });

  test('a backing is held against its own size', async () => {
    expect(damage(await scan('virtual', ['append 000005.sst 00']))[0]).toContain('000005.sst');
  });

  test('a WAL that the MANIFEST begins with', async () => {
    expect(damage(await scan('cosmos', ['remove 000012.log']))).toEqual([
      'error directory/missing-wal 000012.log',
    ]);
  });

  test('a WAL that brought tables in', async () => {
    const found = damage(await scan('virtual', ['remove 000012.log']));
    expect(found).toContain('error sequence/gap-between-wals 000004.log');
  });

  test('records that were cut out of a WAL', async () => {
    // the third record of a log in which every operation takes a number
    const report = await scan('cosmos', ['cut 000012.log 473 473']);
    expect(damage(report).join()).toContain('000012.log');
  });

  test('a marker of format version 13 in a store of version 1', async () => {
    const report = await scan('cosmos', ['create marker.format-version.000001.013 ""']);
    expect(damage(report)).toContain('error directory/marker-missing marker.format-version.000001.013');
  });
});

describe('what an open would delete', () => {
  test.each([
    ['the marker of the MANIFEST is lost', 'remove marker.manifest.000001.MANIFEST-000001'],
    ['an edit in the middle of the MANIFEST is damaged', 'zero MANIFEST-000001 0x40 24'],
  ])('comes first where %s', async (_, patch) => {
    await withDatabase('pebble-stores/virtual', [patch], async (dir) => {
      const target = await scanTarget(dir, { jobs: 1 });
      expect(target.doNotOpen).toMatch(/delete.* 000005\.sst, 000006\.sst/);
      const text = [...textReporter(settings({ width: 200 })).render(report(target))].join('');
      expect(text.indexOf('Do not open it')).toBeLessThan(text.indexOf('error '));
    });
  });
});
