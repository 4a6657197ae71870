import path from 'node:path';
import { expect, test } from 'vitest';
import { simulateTarget } from '../../src/repair/simulate-target.js';
import { fixture, withTemporaryDirectory, writeFileSet } from '../support/files.js';
import { applyPatches } from '../support/patch.js';

const none = { lost: 0, changed: 0, added: 0 };

// ten entries lie in the WAL, fifty in the table
test.each([
  [
    'a flipped bit in a value of the WAL',
    'write 000004.log 0xc0 77',
    { ...none, kept: 60, entries: 60, changed: 1 },
  ],
  [
    'a flipped bit that makes a key of the WAL one of the table',
    'write 000004.log 0xbd 34',
    { kept: 60, entries: 59, lost: 1, changed: 1, added: 0 },
  ],
  [
    'bytes after the end of a table',
    'append 000005.ldb 00ff00ff',
    { ...none, kept: 60, entries: 10, lost: 50 },
  ],
  ['a CURRENT that is gone', 'remove CURRENT', { ...none, kept: 60, entries: 60 }],
])('simulate says what RepairDB makes of %s', async (_, patch, left) => {
  await withTemporaryDirectory(async (parent) => {
    const dir = path.join(parent, 'db');
    writeFileSet(await applyPatches(fixture('leveldb'), [patch]), dir);
    const { repairDb, recommendation } = await simulateTarget(dir);
    expect(repairDb).toEqual(left);
    expect(recommendation?.command).toContain('repair --strategy auto');
  });
});

test('nothing is said of RepairDB where nothing is lost', async () => {
  await withTemporaryDirectory(async (parent) => {
    const dir = path.join(parent, 'db');
    writeFileSet(fixture('leveldb'), dir);
    expect((await simulateTarget(dir)).repairDb).toBeUndefined();
  });
});
