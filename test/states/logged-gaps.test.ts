import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { scanTarget } from '../../src/scan/scan.js';
import { withTemporaryDirectory } from '../support/files.js';
import { inRepository } from '../support/repository.js';

/** Gaps in the sequences that a scan finds in the last of four moments of one database after a change: severity, and what LOG tells. */
const gapsAfter = (change: (dir: string, before: string) => void) =>
  withTemporaryDirectory(async (parent) => {
    execFileSync('tar', ['-xzf', inRepository('fixtures', 'moments', '14.tar.gz'), '-C', parent]);
    const dir = path.join(parent, 'g3');
    change(dir, path.join(parent, 'g0'));
    const { findings } = await scanTarget(dir, { jobs: 1 });
    return findings
      .filter(({ rule }) => rule.startsWith('sequence/gap-'))
      .map(({ severity, evidence }) => [severity, evidence?.goneByLog]);
  });

const withoutLog = (dir: string) => {
  for (const name of fs.readdirSync(dir)) if (name.startsWith('LOG')) fs.rmSync(path.join(dir, name));
};

/** The MANIFEST of the first moment and its tables, and no later ones. */
const olderManifest = (dir: string, before: string) => {
  for (const name of fs.readdirSync(dir))
    if (/^MANIFEST|^CURRENT|sst$/.test(name)) fs.rmSync(path.join(dir, name));
  for (const name of fs.readdirSync(before))
    if (/^MANIFEST|^CURRENT|sst$|000016.log$/.test(name))
      fs.copyFileSync(path.join(before, name), path.join(dir, name));
};

describe('a gap in the sequences', () => {
  it('is an error where LOG says that a log was begun there', async () => {
    const change = (dir: string) => fs.rmSync(path.join(dir, '000034.log'));
    expect(await gapsAfter(change)).toEqual([['error', ['000034.log']]]);
    const unknown = (dir: string) => {
      change(dir);
      withoutLog(dir);
    };
    expect(await gapsAfter(unknown)).toEqual([['warning', undefined]]);
  });

  it('is an error where LOG says that a table held what it lacks', async () => {
    expect(await gapsAfter(olderManifest)).toEqual([['error', ['000023.sst', '000039.sst', '000042.sst']]]);
    const unknown = (dir: string, before: string) => {
      olderManifest(dir, before);
      withoutLog(dir);
    };
    expect(await gapsAfter(unknown)).toEqual([['warning', undefined]]);
  });
});
