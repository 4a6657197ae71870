import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CliRun, kvdoctor } from '../../support/cli.js';
import { withFieldCase } from '../../support/field.js';

/*
 * Backup directories and copies as people have them, each through the command line.
 */

interface Expected {
  status: number;
  /** Warnings and errors, `rule file`. */
  found: string[];
  last?: string;
  /** Words of the report. */
  says?: RegExp;
}

const expected: Record<string, Expected> = {
  'backup-unfinished-clean': {
    status: 0,
    found: ['warning backup/unfinished meta/3'],
    last: 'can be restored: 1, 2; newest: 2; unfinished: 3',
  },
  'backup-meta-tmp': {
    status: 0,
    found: ['warning backup/unfinished meta/3'],
    last: 'can be restored: 1, 2; newest: 2; unfinished: 3',
    says: /all 7 files that meta\/\.3\.tmp lists are there and match[\s\S]*mv \S+\/meta\/\.3\.tmp\s+\S+\/meta\/3 && kvdoctor scan \S+\n/,
  },
  'backup-meta-of-other': {
    status: 1,
    found: ['error backup/foreign-file meta/1'],
    last: 'can be restored: 2; newest: 2; damaged: 1 (1 file)',
  },
  'backup-meta-of-other-new': {
    status: 1,
    found: ['error backup/foreign-file meta/2'],
    last: 'can be restored: 1; newest: 1; damaged: 2 (1 file)',
  },
  'backup-meta-renamed': {
    status: 1,
    found: ['error backup/foreign-file meta/3', 'error backup/missing-meta meta/2'],
    last: 'can be restored: 1; newest: 1; damaged: 2 (1 file), 3 (1 file)',
  },
  'backup-wal-left-out': {
    status: 0,
    found: ['warning backup/sequence-not-reached meta/2'],
    says: /reached sequence 60 when the backup was made, and its files end at 30/,
  },
  'backup-copy-without-newest-wal-s1': { status: 0, found: ['warning directory/removed-wal 000014.log'] },
  'backup-2pc-1cf': { status: 0, found: [], last: 'can be restored: 1; newest: 1' },
  'backup-2pc-empty-wal': { status: 0, found: [], last: 'can be restored: 1; newest: 1' },
  'backup-conflicting-crc': {
    status: 1,
    found: ['error backup/conflicting-checksums meta/2'],
    last: 'can be restored: none; damaged: 1 (1 file), 2 (1 file)',
    says: /record of meta\/2 is wrong[\s\S]*assertions opens no backup[\s\S]*mv \S+\/meta\/2\s+\S+\/meta-2 && kvdoctor scan \S+\n/,
  },
  'backup-meta-append': {
    status: 0,
    found: ['warning backup/meta-unusual meta/1'],
    last: 'can be restored: 1, 2; newest: 2',
    says: /100 bytes stand after the last line; the engine does not read them/,
  },
  'backup-meta-space': {
    status: 0,
    found: ['warning backup/meta-unusual meta/2'],
    says: /the engine reads 5\n/,
  },
  'backup-meta-dup': {
    status: 0,
    found: ['warning backup/meta-unusual meta/2'],
    says: /the engine reads both lines/,
  },
};

/** One run of the command line: its text, and from its JSON what is an error or a warning. */
async function run(dir: string, ...options: string[]): Promise<CliRun & { found: string[] }> {
  const json = path.join(path.dirname(dir), 'report.json');
  const ran = await kvdoctor(['scan', '--format', 'text', '--format', `json=${json}`, ...options, dir]);
  const { findings } = JSON.parse(readFileSync(json, 'utf8')).targets[0];
  const found = (findings as { severity: string; rule: string; file: string }[])
    .filter(({ severity }) => severity !== 'note')
    .map(({ severity, rule, file }) => `${severity} ${rule} ${file}`);
  return { ...ran, found: found.sort() };
}

describe('in the field', () => {
  it.each(Object.entries(expected))('%s', async (name, { status, found, last, says }) => {
    await withFieldCase(name, [], async (dir) => {
      const report = await run(dir);
      expect({ status: report.status, found: report.found }).toEqual({ status, found });
      if (last !== undefined) expect(report.stdout.trimEnd().split('\n').at(-1)).toBe(last);
      if (says !== undefined) expect(report.stdout).toMatch(says);
    });
  });

  it('backup-unfinished-clean, asked for the one that is unfinished', async () => {
    await withFieldCase('backup-unfinished-clean', [], async (dir) => {
      expect((await run(dir, '--backup', '3')).status).toBe(3);
      expect((await run(dir, '--backup', '2')).status).toBe(0);
    });
  });

  it.each(['backup', 'checkpoint', 'database'])('backup-copy-without-newest-wal-s1 as a %s', async (kind) => {
    const { found } = await withFieldCase('backup-copy-without-newest-wal-s1', [], (dir) =>
      run(dir, '--kind', kind),
    );
    expect(found).toEqual(['warning directory/removed-wal 000014.log']);
  });

  it('backup-tar-zst', async () => {
    await withFieldCase('backup-tar-zst', [], async (dir) => {
      const [archive] = readdirSync(dir);
      const { status, stdout } = await run(path.join(dir, archive));
      expect({ status, last: stdout.trimEnd().split('\n').at(-1) }).toEqual({
        status: 0,
        last: 'can be restored: 1, 2; newest: 2',
      });
    });
  });
});
