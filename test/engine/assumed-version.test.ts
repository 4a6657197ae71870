import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDatabase } from '../../src/engine/database.js';
import { formatVersion } from '../../src/engine/version.js';
import { versionInInfoLog } from '../../src/format/info-log.js';
import { scanTarget } from '../../src/scan/scan.js';
import { withFieldCase } from '../support/field.js';

const banner = (version: string) => `2016/11/15-08:13:00.976 7f [WARN] RocksDB version: ${version}\n`;

async function assumed(dir: string, engineVersion?: string) {
  const database = await readDatabase(dir, engineVersion === undefined ? {} : { engineVersion });
  const { by, file, version } = database.assumed;
  expect(database.engineVersion).toBe(version);
  return [by, formatVersion(version), ...(file === undefined ? [] : [file])];
}

describe('the release that a directory is taken to belong to', () => {
  it('is the one that was asked for, then what OPTIONS states', async () => {
    await withFieldCase('healthy-old-comparator-4.9', [], async (dir) => {
      expect(await assumed(dir, '7.8')).toEqual(['caller', '7.8.0']);
      fs.writeFileSync(path.join(dir, 'LOG'), banner('5.1.0'));
      expect(await assumed(dir)).toEqual(['options', '4.9.0', 'OPTIONS-000017']);
    });
  });

  it('is that of LOG without OPTIONS, of the newest old LOG without a LOG', async () => {
    await withFieldCase('healthy-old-flush-3.6', [], async (dir) => {
      fs.writeFileSync(path.join(dir, 'LOG.old.1479180786999449'), banner('3.6.1'));
      fs.writeFileSync(path.join(dir, 'LOG.old.1479180786999450'), banner('3.6.2'));
      expect(await assumed(dir)).toEqual(['info-log', '3.6.2', 'LOG.old.1479180786999450']);
      fs.writeFileSync(path.join(dir, 'LOG'), banner('3.7.0'));
      expect(await assumed(dir)).toEqual(['info-log', '3.7.0', 'LOG']);
      // the default of that time
      expect((await readDatabase(dir)).options.walRecoveryMode).toBe('tolerate-corrupted-tail');
    });
  });

  it('is the newest that reads the tables where nothing states one, else the newest known', async () => {
    await withFieldCase('healthy-old-flush-3.6', [], async (dir) => {
      expect(await assumed(dir)).toEqual(['tables', '10.10.1', '000059.sst']);
      const { engine } = await scanTarget(dir, { jobs: 1 });
      expect(engine).toEqual({
        name: 'rocksdb',
        version: '10.10.1',
        versionBy: 'tables',
        versionFrom: '000059.sst',
      });
    });
    await withFieldCase('healthy-family-added', [], async (dir) => {
      for (const name of fs.readdirSync(dir)) {
        if (name.startsWith('OPTIONS')) fs.rmSync(path.join(dir, name));
      }
      expect(await assumed(dir)).toEqual(['default', '11.9.0']);
    });
  });
});

it('reads the release in the first line of a LOG', () => {
  expect(versionInInfoLog(banner('6.11.6'))).toBe('6.11.6');
  expect(versionInInfoLog('Git sha 1234')).toBeUndefined();
});
