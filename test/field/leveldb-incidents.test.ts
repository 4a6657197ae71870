import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { simulateTarget } from '../../src/repair/simulate-target.js';
import { scanTarget } from '../../src/scan/scan.js';
import { kvdoctor } from '../cli/host.js';
import { withFieldCase } from '../support/field.js';

// the three incidents of docs/leveldb.md, from symptom to fixed
const incidents = [
  {
    name: 'leveldb-chainstate',
    what: 'a chainstate with a bad block',
    application: 'Bitcoin Core chainstate',
    patches: ['flip 000007.ldb 0x5208.4'],
    found: ['error sst/block-checksum'],
    entries: 1122,
  },
  {
    name: 'leveldb-indexeddb',
    what: 'an IndexedDB with a torn MANIFEST',
    application: 'Chromium IndexedDB',
    patches: ['truncate MANIFEST-000001 270'],
    found: [
      'error directory/missing-wal',
      'error directory/forsaken-table',
      'warning manifest/torn-tail',
      'warning sequence/gap-before-first-wal',
    ],
    entries: 1099,
  },
  {
    name: 'leveldb-world',
    what: 'a Minecraft world after a crash',
    application: 'Minecraft world',
    patches: ['zero CURRENT 0 16', 'truncate 000017.log 9761'],
    found: [
      'error directory/current-no-newline',
      'error directory/current-malformed',
      'warning wal/torn-tail',
    ],
    entries: 583,
  },
];

describe('LevelDB:', () => {
  test.each(incidents)('$what', async ({ name, patches, found, application, entries }) => {
    await withFieldCase(name, patches, async (dir) => {
      const before = await scanTarget(dir);
      const said = before.findings.filter(({ severity }) => severity !== 'note');
      expect(said.map(({ severity, rule }) => `${severity} ${rule}`).sort()).toEqual([...found].sort());
      expect(before.application?.name).toBe(application);
      expect((await simulateTarget(dir)).recommendation?.reason).toMatch(/^Do not open it/);

      const copy = path.join(path.dirname(dir), 'copy');
      const { status } = await kvdoctor(`repair --strategy auto --yes --output ${copy} ${dir}`);
      expect(status).toBe(0);
      const after = await scanTarget(copy);
      expect(after.findings.filter(({ severity }) => severity !== 'note')).toEqual([]);
      const { recovery = [] } = await simulateTarget(copy, { digest: true });
      expect(recovery.map(({ columnFamilies }) => columnFamilies?.[0].entries)).toEqual([entries, entries]);
      expect(fs.existsSync(path.join(copy, 'CURRENT'))).toBe(true);
    });
  });
});

test('a missing table of an IndexedDB: undo logs of ended transactions, which the browser would play, stay hidden', () =>
  withFieldCase('leveldb-indexeddb', [], async (dir) => {
    fs.rmSync(path.join(dir, '000011.ldb'));
    const { out } = await kvdoctor(`repair --strategy auto --yes --stopped --in-place --format json ${dir}`);
    const { plan } = JSON.parse(out).targets[0];
    expect(plan.loss.map(({ facts }: { facts: object }) => facts)).toMatchObject([
      {},
      { hiddenKeys: 243 },
      { keysThatMayComeBack: 1033 },
    ]);
    expect(plan.remarks[0]).toContain('undo logs of transactions');
    const { recovery = [] } = await simulateTarget(dir, { digest: true });
    expect(recovery.map(({ columnFamilies }) => columnFamilies?.[0].entries)).toEqual([1037, 1037]);
  }));
