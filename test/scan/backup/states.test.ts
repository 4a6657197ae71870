import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { exitStatusOf } from '../../../src/cli/exit-status.js';
import { buildReport } from '../../../src/report/summary.js';
import type { ScanOptions } from '../../../src/scan/options.js';
import { scanTarget } from '../../../src/scan/scan.js';
import { kvdoctor } from '../../support/cli.js';
import { withDatabase } from '../../support/database.js';
import { withFieldCase } from '../../support/field.js';

async function answer(dir: string, options: ScanOptions = {}) {
  const target = await scanTarget(dir, options);
  const report = buildReport([target], { depth: 'full', startedAt: new Date(0), milliseconds: 0 });
  return {
    status: exitStatusOf(report, 'error'),
    verdicts: target.backups?.map(({ id, verdict }) => `${id} ${verdict}`),
    restorable: target.restorable,
    found: target.findings
      .filter(({ severity }) => severity !== 'note')
      .map(({ severity, rule, file }) => `${severity} ${rule} ${file}`),
    findings: target.findings,
  };
}

const damaged = (patches: string[], options: ScanOptions = {}) =>
  withDatabase('backup-7.8', patches, (dir) => answer(dir, options));

describe('an unfinished backup', () => {
  const copied = ['CURRENT', 'MANIFEST-000005', 'OPTIONS-000007', '000008.log'].map(
    (name) => `copy private/2/${name} private/3/${name}`,
  );
  const moments: [string, string[]][] = [
    ['one file', copied.slice(0, 1)],
    ['a file that is cut', [...copied, 'truncate private/3/000008.log 100']],
    ['half of them', copied.slice(0, 2)],
    ['all of them', copied],
    ['all of them and half a meta file', [...copied, 'create meta/.3.tmp "1795303286\\n60\\n"']],
    ['nothing but a temporary meta file', ['create meta/.3.tmp ""']],
    ['a MANIFEST that is cut', [...copied, 'truncate private/3/MANIFEST-000005 70']],
  ];

  it.each(moments)('is one thing, whatever there is of it: %s', async (_, patches) => {
    const whole = await damaged(patches);
    expect(whole).toMatchObject({
      status: 0,
      verdicts: ['1 clean', '2 clean', '3 unfinished'],
      restorable: [1, 2],
      found: ['warning backup/unfinished meta/3'],
    });
    expect(await damaged(patches, { backups: [3] })).toMatchObject({
      status: 3,
      verdicts: ['3 unfinished'],
      restorable: [],
    });
  });

  it('may be no more than an empty directory', async () => {
    await withDatabase('backup-7.8', [], async (dir) => {
      fs.mkdirSync(path.join(dir, 'private/3'));
      expect(await answer(dir)).toMatchObject({
        status: 0,
        restorable: [1, 2],
        found: ['warning backup/unfinished meta/3'],
      });
      expect(await answer(dir, { backups: [3] })).toMatchObject({ status: 3 });
    });
  });

  it('is not clean when there is no other', async () => {
    const { status, restorable } = await damaged(['remove meta/1', 'remove meta/2']);
    expect({ status, restorable }).toEqual({ status: 3, restorable: [] });
  });

  it('says when it is whole, and how the engine would know it', async () => {
    await withDatabase('backup-7.8', ['move meta/2 meta/.2.tmp'], async (dir) => {
      const { findings } = await answer(dir);
      expect(findings[0].next).toBe(`mv ${dir}/meta/.2.tmp ${dir}/meta/2 && kvdoctor scan ${dir}`);
      expect(findings[0].message).toContain('all 5 files that meta/.2.tmp lists are there and match');
    });
    const { findings } = await damaged(['move meta/2 meta/.2.tmp', 'flip private/2/OPTIONS-000007 0x50.1']);
    expect(findings[0].next).toBeUndefined();
  });
});

describe('meta files', () => {
  it('that list the private files of another backup', async () => {
    expect(await damaged(['copy meta/2 meta/1'])).toMatchObject({
      status: 1,
      restorable: [2],
      found: ['error backup/foreign-file meta/1'],
    });
    expect(await damaged(['copy meta/1 meta/2'])).toMatchObject({
      status: 1,
      restorable: [1],
      found: ['error backup/foreign-file meta/2'],
    });
  });

  it('that were renamed are renamed back', async () => {
    await withDatabase('backup-7.8', ['move meta/2 meta/3'], async (dir) => {
      const found = await answer(dir);
      expect(found).toMatchObject({
        status: 1,
        verdicts: ['1 clean', '2 damaged', '3 damaged'],
        restorable: [1],
      });
      expect(found.findings.map(({ next }) => next)).toContain(
        `mv ${dir}/meta/3 ${dir}/meta/2 && kvdoctor scan ${dir}`,
      );
      expect(await answer(dir, { backups: [2] })).toMatchObject({ status: 1, restorable: [] });
    });
  });

  it('that disagree: which is wrong, what it costs, and the command', async () => {
    await withDatabase(
      'backup-7.8',
      ['replace meta/2 ".sst crc32 1113504040" ".sst crc32 1113504041"'],
      async (dir) => {
        const { restorable, findings } = await answer(dir);
        expect(restorable).toEqual([]);
        expect(findings).toHaveLength(1);
        expect(findings[0]).toMatchObject({
          file: 'meta/2',
          next: `mv ${dir}/meta/2 ${dir}/meta-2 && kvdoctor scan ${dir}`,
          evidence: { backups: [1, 2] },
        });
        expect(findings[0].message).toMatch(/the record of meta\/2 is wrong.*assertions opens no backup/);
        fs.renameSync(path.join(dir, 'meta/2'), path.join(dir, 'meta-2'));
        expect(await answer(dir)).toMatchObject({ status: 0, restorable: [1] });
      },
    );
    const older = await damaged(['replace meta/1 ".sst crc32 1113504040" ".sst crc32 1113504041"']);
    expect(older).toMatchObject({ restorable: [2], verdicts: ['1 damaged', '2 clean'] });
  });

  it('that the engine reads over what is odd in them do not cost the backup', async () => {
    for (const patch of ['append meta/2 0000', 'replace meta/2 "\\n5\\n" "\\n5 \\n"']) {
      expect(await damaged([patch])).toMatchObject({
        status: 0,
        restorable: [1, 2],
        found: ['warning backup/meta-unusual meta/2'],
      });
    }
  });
});

describe('the newest WAL', () => {
  it('left out with its line: the sequence that the meta file records is not reached', async () => {
    const { status, found, findings } = await withFieldCase('backup-wal-left-out', [], answer);
    expect({ status, found }).toEqual({ status: 0, found: ['warning backup/sequence-not-reached meta/2'] });
    expect(findings.find(({ rule }) => rule === 'backup/sequence-not-reached')?.evidence).toMatchObject({
      recorded: '60',
      reached: '30',
    });
  });

  it('of a healthy transaction database is left out by the engine where it is empty', async () => {
    const found = await withFieldCase('backup-2pc-1cf', [], answer);
    expect(found).toMatchObject({ status: 0, restorable: [1], findings: [] });
    const restored = await withFieldCase('backup-2pc-1cf', [], async (dir) => {
      // what a restore gives, before any open
      const db = path.join(dir, 'private/1');
      for (const name of fs.readdirSync(path.join(dir, 'shared_checksum')))
        fs.renameSync(path.join(dir, 'shared_checksum', name), path.join(db, name.replace(/_.*\./, '.')));
      return Promise.all([undefined, 'checkpoint' as const].map((kind) => answer(db, kind ? { kind } : {})));
    });
    for (const { found: warnings } of restored) expect(warnings).toEqual([]);
  });

  it.each(['database', 'backup', 'checkpoint'] as const)(
    'left out of a plain copy, as a %s',
    async (kind) => {
      const { found } = await withDatabase('basic-7.8', ['remove 000019.log'], (dir) =>
        answer(dir, { kind }),
      );
      expect(found).toContain('warning directory/removed-wal 000019.log');
    },
  );
});

// only root may run the command line as another user
const asRoot = process.getuid?.() === 0;

describe.skipIf(!asRoot)('what may not be read (as another user)', () => {
  it.each([
    ['private', [1, 2]],
    ['private/2', [2]],
    ['shared_checksum', [1, 2]],
    ['meta', [1, 2]],
    ['meta/2', [2]],
    ['private/2/CURRENT', [2]],
    ['private/2/000008.log', [2]],
  ])('%s is unchecked, not missing', async (hidden, incomplete) => {
    await withDatabase('backup-7.8', [], async (dir) => {
      fs.chmodSync(path.dirname(dir), 0o755);
      fs.chmodSync(path.join(dir, hidden), 0);
      const { status, stdout } = await kvdoctor(['scan', '--format', 'json', dir], { uid: 65534 });
      const [{ findings, backups, unchecked }] = JSON.parse(stdout).targets;
      const verdicts = backups.map(({ id, verdict }: { id: number; verdict: string }) => `${id} ${verdict}`);
      expect({ findings, verdicts, status }).toEqual({
        findings: [],
        verdicts: [1, 2].map(
          (id) => `${id} ${(incomplete as number[]).includes(id) ? 'incomplete' : 'clean'}`,
        ),
        status: 3,
      });
      expect(unchecked.length).toBeGreaterThan(0);
    });
  });

  it('private/2, which may be listed and not entered, is unchecked', async () => {
    await withDatabase('backup-7.8', [], async (dir) => {
      fs.chmodSync(path.dirname(dir), 0o755);
      fs.chmodSync(path.join(dir, 'private/2'), 0o444);
      const { status, stdout } = await kvdoctor(['scan', '--format', 'json', dir], { uid: 65534 });
      const [{ findings, restorable }] = JSON.parse(stdout).targets;
      expect({ findings, restorable, status }).toEqual({ findings: [], restorable: [1], status: 3 });
    });
  });
});
