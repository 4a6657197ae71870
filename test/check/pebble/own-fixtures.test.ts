import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { scanTarget } from '../../../src/scan/scan.js';
import { corpora } from '../../corpus/corpus.js';

/*
 * The directories and files that Pebble's own tests use, where they lie beside the repository: what is whole is clean, what they damage
 * on purpose is found, and of the rest is said what is not read.
 */

const fixtures = path.join(corpora.pebble, 'more', 'pebble-repo');

async function looked(name: string) {
  const { findings, unchecked } = await scanTarget(path.join(fixtures, name), { jobs: 1 });
  return {
    errors: findings.filter(({ severity }) => severity === 'error').map(({ rule }) => rule),
    warnings: findings
      .filter(({ severity }) => severity === 'warning')
      .map(({ rule, file }) => `${rule} ${file}`),
    unchecked: unchecked.map(({ file, reason }) => `${file} ${reason}`).join('\n'),
  };
}

/** A table by itself is checked, and no more is known. */
const ALONE = {
  warnings: ['directory/marker-missing .'],
  unchecked: /tables stand here without their database/,
};

describe.skipIf(!fs.existsSync(fixtures))('Pebble’s own fixtures', () => {
  test.each([
    'testdata/db-stage-1',
    'testdata/db-stage-2',
    'testdata/db-stage-3',
    'testdata/db-stage-4',
    'tool/testdata/mixed',
    'tool/testdata/cr-schema-db',
    'tool/testdata/find-val-sep-db',
  ])('%s is whole', async (name) => {
    expect(await looked(name)).toEqual({ errors: [], warnings: [], unchecked: '' });
  });

  test.each<[string, RegExp]>([
    ['tool/testdata/find-db', /alt-comparer/],
    ['tool/testdata/broken-external-db', /000008\.sst the table lies in remote storage/],
    ['tool/testdata/REMOTE-OBJ-CATALOG', /objects in remote storage/],
  ])('%s is not all read', async (name, reason) => {
    const { errors, warnings, unchecked } = await looked(name);
    expect([errors, warnings]).toEqual([[], []]);
    expect(unchecked).toMatch(reason);
  });

  test.each([
    'tool/testdata/cr-schema-sst',
    ...(fs.existsSync(fixtures)
      ? fs.readdirSync(path.join(fixtures, 'sstable/testdata')).map((name) => `sstable/testdata/${name}`)
      : []),
  ])('%s is a table that is whole', async (name) => {
    const { errors, warnings, unchecked } = await looked(name);
    expect([errors, warnings]).toEqual([[], ALONE.warnings]);
    expect(unchecked).toMatch(ALONE.unchecked);
  });

  test.each([
    ['tool/testdata/corrupted-sst', 'sst/block-checksum'],
    ['tool/testdata/bad-magic-sst', 'sst/bad-magic'],
    ['tool/testdata/out-of-order-sst', 'sst/key-order'],
    ['tool/testdata/find-mixed', 'sst/truncated'],
    ['tool/testdata/MANIFEST-invalid', 'manifest/overlapping-tables'],
  ])('%s is damaged: %s', async (name, rule) => {
    expect((await looked(name)).errors).toContain(rule);
  });

  test('tool/testdata/corrupt-options-db has an OPTIONS file that is none', async () => {
    const { warnings } = await looked('tool/testdata/corrupt-options-db');
    expect(warnings).toContain('directory/options-malformed OPTIONS-000002');
  });
});
