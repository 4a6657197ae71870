import path from 'node:path';
import { expect, test } from 'vitest';
import { repairTarget } from '../../src/repair/run.js';
import { fixture, readFileSet, withTemporaryDirectory, writeFileSet } from '../support/files.js';
import { applyPatches } from '../support/patch.js';

/** What RepairDB leaves where a table cannot be opened: the comparator, log 0, next 8, last sequence 60. */
const REPAIRED = `011a${Buffer.from('leveldb.BytewiseComparator').toString('hex')}020009000308043c`;

test.each([
  ['as it was', []],
  // which LevelDB reads, and RepairDB throws away
  ['with bytes after its end', ['append lost/000005.ldb 00ff00ff']],
])('a table that RepairDB threw into lost/ comes back: %s', async (_, damage) => {
  const files = await applyPatches(fixture('leveldb'), [
    'move 000005.ldb lost/000005.ldb',
    'move MANIFEST-000002 lost/MANIFEST-000002',
    'create MANIFEST-000001 ""',
    `append-record MANIFEST-000001 1 ${REPAIRED}`,
    'replace CURRENT "2" "1"',
    ...damage,
  ]);
  await withTemporaryDirectory(async (parent) => {
    const dir = path.join(parent, 'db');
    writeFileSet(files, dir);
    const { repair, findings } = await repairTarget(
      dir,
      { way: { strategy: 'auto' }, destination: { kind: 'in-place' }, stopped: true, jobs: 1, tool: 'test' },
      { confirm: async () => true },
    );
    expect(repair?.state).toBe('repaired');
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(readFileSet(dir).get('000005.ldb')).toEqual(fixture('leveldb').get('000005.ldb'));
  });
});
