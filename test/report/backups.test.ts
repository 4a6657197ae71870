import { describe, expect, it } from 'vitest';
import type { BackupReport, Report } from '../../src/report/report.js';
import { buildReport } from '../../src/report/summary.js';
import { scanTarget } from '../../src/scan/scan.js';
import { withDatabase } from '../support/database.js';
import { rendered } from './reports.js';

const table = 'shared_checksum/000009_sOKL8MGLIXOY37LL9025O_3090.sst';

/** Of two backups the second is damaged, and a third was being made. */
const patches = [
  'flip private/2/CURRENT 0x0.0',
  'truncate private/2/000008.log 100',
  'create private/3/CURRENT ""',
];

async function reportOn(damage: string[], depth: 'full' | 'structure' = 'full'): Promise<Report> {
  const target = await withDatabase('backup-7.8', damage, (dir) => scanTarget(dir, { depth }));
  return buildReport([{ ...target, path: 'backups' }], { depth, startedAt: new Date(0), milliseconds: 1 });
}

const lastLine = (report: Report) => rendered('text', report).trimEnd().split('\n').at(-1);

describe('the last line of a report on a backup directory', () => {
  it('says what can be restored', async () => {
    expect(lastLine(await reportOn([]))).toBe('can be restored: 1, 2; newest: 2');
    expect(lastLine(await reportOn(patches))).toBe(
      'can be restored: 1; newest: 1; damaged: 2 (2 files); unfinished: 3',
    );
    expect(lastLine(await reportOn([`flip ${table} 0x100.3`]))).toBe(
      'can be restored: none; damaged: 1 (1 file), 2 (1 file)',
    );
  });

  it('does not hide that checksums were left out', async () => {
    expect(lastLine(await reportOn([], 'structure'))).toBe(
      'can be restored: 1, 2; newest: 2 (structure only: the files were not held against their checksums)',
    );
  });

  it('names the directory where there are several', async () => {
    const { targets, summary } = await reportOn([]);
    const two = buildReport([targets[0], { ...targets[0], path: 'other' }], {
      ...summary,
      startedAt: new Date(0),
    });
    expect(rendered('text', two)).toContain('\nbackups: can be restored: 1, 2; newest: 2\nother: can be');
  });
});

describe('other outputs', () => {
  it('JSON has verdicts and restorable', async () => {
    const [{ backups, restorable }] = JSON.parse(rendered('json', await reportOn(patches))).targets;
    const verdicts = backups.map(({ verdict }: BackupReport) => verdict);
    expect({ verdicts, restorable }).toEqual({
      verdicts: ['clean', 'damaged', 'unfinished'],
      restorable: [1],
    });
  });

  it('JUnit has a test for each backup', async () => {
    const xml = rendered('junit', await reportOn(patches));
    expect(xml).toContain('name="backup 1"/>');
    expect(xml).toMatch(/name="backup 2">\n\s+<failure /);
    expect(xml).toMatch(/name="backup 3">\n\s+<skipped message="unfinished: the engine does not know it"\/>/);
    expect(xml).toContain('skipped="1"');
  });

  it.each(['markdown', 'html'] as const)(
    '%s calls no directory just clean that holds an unfinished one',
    async (format) => {
      const unfinished = rendered(format, await reportOn(['create private/3/CURRENT ""']));
      expect(unfinished).toContain('Clean, but for what is unfinished: backup 3');
      expect(unfinished).toContain('can be restored: 1, 2; newest: 2; unfinished: 3');
      expect(unfinished).not.toMatch(/# kvdoctor: ✅|class="verdict clean">Clean/);
      expect(rendered(format, await reportOn([]))).toMatch(
        /# kvdoctor: ✅ Clean\n|class="verdict clean">Clean</,
      );
    },
  );
});
