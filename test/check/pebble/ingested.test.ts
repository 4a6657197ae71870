import { describe, expect, test } from 'vitest';
import { scanTarget } from '../../../src/scan/scan.js';
import { withDatabase } from '../../support/database.js';
import { repaired } from '../../support/pebble.js';

/* 000012.log brings 000010.sst and 000011.sst in; 000006.sst and 000007.sst were ingested before, and the MANIFEST names them. */
const store = 'pebble-stores/virtual';

const found = (...patches: string[]) =>
  withDatabase(store, patches, async (dir) => {
    const { findings } = await scanTarget(dir, { jobs: 1 });
    return findings
      .filter(({ severity }) => severity !== 'note')
      .map(({ rule, severity, file, evidence }) => `${severity} ${rule} ${file} ${evidence.other}`);
  });

describe('a table that a log of Pebble brings in', () => {
  test('is another one where it overlaps one that came in with it', async () => {
    expect(await found()).toEqual([]);
    expect(await found('copy 000010.sst 000011.sst')).toEqual(['error sst/wrong-file 000011.sst 000010.sst']);
    expect(await found('copy 000011.sst 000010.sst')).toEqual(['error sst/wrong-file 000011.sst 000010.sst']);
  });

  test('may be a copy of one that was ingested before', async () => {
    expect(await found('copy 000007.sst 000010.sst')).toEqual([
      'warning sst/wrong-file 000010.sst 000007.sst',
    ]);
  });

  test('is left as it is by a repair where nothing tells what it was', async () => {
    await withDatabase(store, ['copy 000010.sst 000011.sst'], async (dir) => {
      const { repair, findings } = await repaired(dir);
      expect(repair?.state).toBe('nothing-to-do');
      expect(findings.map(({ rule }) => rule)).toContain('sst/wrong-file');
    });
  });

  test('has a format that the format version allows, or the marker is another one', async () => {
    const lower = [
      'move marker.format-version.000015.016 marker.format-version.000015.013',
      'replace OPTIONS-000003 "format_major_version=16" "format_major_version=13"',
    ];
    const marker = 'error directory/format-version marker.format-version.000015.013 undefined';
    expect(await found(...lower)).toEqual([marker, marker]);
    // the logs are not cut for it
    await withDatabase(store, lower, async (dir) => {
      expect((await repaired(dir)).repair).toMatchObject({ state: 'refused' });
    });
    expect(await found(lower[0])).toHaveLength(3);
    await withDatabase(store, lower.slice(0, 1), async (dir) => {
      expect((await repaired(dir)).repair).toMatchObject({ state: 'repaired' });
    });
  });
});
