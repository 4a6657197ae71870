import { describe, expect, test } from 'vitest';
import { simulateTarget } from '../../src/repair/simulate-target.js';
import { scanTarget } from '../../src/scan/scan.js';
import { withDatabase } from '../support/database.js';
import { withFieldCase } from '../support/field.js';

/** The comparator of fixtures/leveldb becomes one that nobody knows, of a name as long. */
const RENAMED = [
  `write MANIFEST-000002 0x9 ${Buffer.from('acme.CaseFoldOrderOfKeys__').toString('hex')}`,
  'fix-record MANIFEST-000002 0x0',
];

const findings = async (dir: string) => {
  const target = await scanTarget(dir);
  const { findings: found, unchecked } = target;
  return [...found.map(({ severity, rule }) => `${severity} ${rule}`), ...unchecked.map(() => 'unchecked')];
};

const modes = async (dir: string) => {
  const { recovery = [] } = await simulateTarget(dir, { digest: true });
  return recovery.map(({ error, columnFamilies }) => error ?? columnFamilies);
};

describe('the order that tables show under an unknown comparator', () => {
  test('reverse: the directory is checked and read in it', async () => {
    await withFieldCase('leveldb-reverse-order', [], async (dir) => {
      expect(await findings(dir)).toEqual(['note manifest/unknown-comparator']);
      // as LevelDB itself has seen it, with the program's comparator
      const seen = [{ name: 'default', entries: 896, fnv1a64: '65027618a7e65853' }];
      expect(await modes(dir)).toEqual([seen, seen]);
    });
  });

  test('that of bytes: LevelDB refuses its own comparator', async () => {
    const refused =
      'Invalid argument: acme.CaseFoldOrderOfKeys__ does not match existing comparator : leveldb.BytewiseComparator';
    await withDatabase('leveldb', RENAMED, async (dir) => {
      expect(await findings(dir)).toEqual(['error manifest/unknown-comparator']);
      expect(await modes(dir)).toEqual([refused, refused]);
    });
  });
});
