import { describe, expect, it } from 'vitest';
import { paletteFor } from '../../src/cli/colour.js';
import { keyBytes } from '../../src/finding/evidence.js';
import type { Finding } from '../../src/finding/finding.js';
import type { FileReport } from '../../src/report/report.js';
import type { RenderSettings } from '../../src/report/reporter.js';
import { textReporter } from '../../src/report/text.js';
import { checksumMismatch, files, missingTable, report, rule, settings, target } from './sample.js';

const text = (of = report(), changes: Partial<RenderSettings> = {}) =>
  [...textReporter(settings(changes)).render(of)].join('');

/** Escape sequences made readable: `«1»«31»error«39»«22»`. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
const visible = (shown: string) => shown.replace(/\u001b\[(\d+)m/g, '«$1»');

describe('the text report', () => {
  it('at 80 columns', async () => {
    await expect(text()).toMatchFileSnapshot('golden/report-80.txt');
  });

  it('at 160 columns', async () => {
    await expect(text(report(), { width: 160 })).toMatchFileSnapshot('golden/report-160.txt');
  });

  it('in colour', async () => {
    await expect(visible(text(report(), { palette: paletteFor(true) }))).toMatchFileSnapshot(
      'golden/report-colour.txt',
    );
  });

  it('never passes the width but for what must not be broken', () => {
    for (const width of [80, 100, 160]) {
      for (const line of text(report(), { width }).split('\n'))
        expect(line.length).toBeLessThanOrEqual(width);
    }
  });

  it('shows what stays private as such', async () => {
    const finding = {
      ...missingTable,
      evidence: {
        key: { redacted: 12 },
        put: { value: { redacted: 1 } },
        bytes: { hex: { start: 0, redacted: 32 } },
      },
    };
    expect(text(report(target({ findings: [finding] })))).toContain(
      'key (12 bytes, redacted), put (1 byte, redacted)\n',
    );
  });

  it('says nothing of a list or a text of nothing', () => {
    const finding = { ...missingTable, evidence: { manifests: [], instead: '', level: 1 } };
    const shown = text(report(target({ findings: [finding] })));
    expect(shown).not.toMatch(/manifests|instead/);
  });

  it('lets no bytes of the database act on the terminal', () => {
    const hostile: Finding = {
      ...missingTable,
      file: 'a\u001b[2Jb.sst',
      message: 'says \u001b]0;owned\u0007 and \u202eesrever',
      evidence: { key: keyBytes(Buffer.from('k\u009b31m')) },
      next: 'kvdoctor explain \u001b[31m',
    };
    const shown = text(report(target({ path: '/tmp/\u001b[0m', findings: [hostile] })));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is what is tested
    expect(shown).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(shown).toContain('a\\x1b[2Jb.sst');
  });
});

describe('many findings', () => {
  const mismatches = (count: number, file = '000021.log'): Finding[] =>
    Array.from({ length: count }, (_, i) => ({
      rule: rule('wal/checksum-mismatch'),
      severity: 'error',
      file,
      offset: 0x8000 * i,
      length: 100,
      message: 'The record does not match its checksum.',
      evidence: {},
    }));

  it('of one rule in one file fold after three', () => {
    const shown = text(report(target({ findings: mismatches(1204) })));
    expect(shown.match(/^error /gm)).toHaveLength(3);
    expect(shown).toContain(
      '… and 1,201 more errors wal/checksum-mismatch in 000021.log between 0x18000 (98304) and 0x2598000 (39419904)',
    );
  });

  it('of one rule in many files fold after ten', () => {
    const findings = Array.from({ length: 1000 }, (_, i) => mismatches(1, `${i}.log`)).flat();
    const shown = text(report(target({ findings })));
    expect(shown.match(/^error /gm)).toHaveLength(10);
    expect(shown).toContain('… and 990 more errors wal/checksum-mismatch in 990 more files');
  });

  it('are all there with --verbose', () => {
    const findings = mismatches(200);
    expect(text(report(target({ findings })), { verbose: true }).match(/^error /gm)).toHaveLength(200);
  });

  it('come worst first', () => {
    const one = (severity: Finding['severity']): Finding => ({ ...missingTable, severity });
    const shown = text(report(target({ findings: [one('note'), one('error'), one('warning')] })));
    expect(shown.match(/^(error|warning|note) /gm)).toEqual(['error ', 'warning ', 'note ']);
  });
});

describe('a large directory', () => {
  const many: FileReport[] = Array.from({ length: 5000 }, (_, i) => ({
    path: `${String(i).padStart(6, '0')}.sst`,
    kind: 'table',
    size: 1 << 20,
    status: i % 1000 === 7 ? 'damaged' : 'clean',
  }));

  it('lists the damaged files and totals for each kind', async () => {
    const shown = text(report(target({ files: [...files, ...many], findings: [checksumMismatch] })));
    await expect(shown).toMatchFileSnapshot('golden/large-80.txt');
  });
});

describe('the verdict', () => {
  const verdict = (of: ReturnType<typeof report>, changes: Partial<RenderSettings> = {}) =>
    text(of, changes).split('\n\n').at(-1);
  const clean = files.filter(({ status }) => status === 'clean' || status === 'ignored');

  it('clean', () => {
    expect(verdict(report(target({ findings: [], files: clean })))).toBe(
      'Clean: no damage in 5 files, 64.0 MiB (depth full).\nRead 65.2 MiB in 0.8 s.\n',
    );
  });

  it('clean with warnings says what to read next', () => {
    const findings: Finding[] = [{ ...missingTable, severity: 'warning' }];
    expect(verdict(report(target({ findings, files: clean })))).toBe(
      'Clean: no damage that costs data in 5 files, 64.0 MiB (depth full); 1 warning.\n' +
        'Read 65.2 MiB in 0.8 s.\nnext  kvdoctor explain directory/missing-table\n',
    );
  });

  it('incomplete', () => {
    const unchecked = [{ file: '000018.sst', reason: 'permission denied (EACCES)' }];
    const shown = text(report(target({ findings: [], files: clean, unchecked })));
    expect(shown).toContain('unchecked 000018.sst: permission denied (EACCES)\n');
    expect(shown).toContain('Incomplete: no error found, but 1 file or range not checked (of 5 files');
  });

  it('says so when nothing at all could be checked', () => {
    const unchecked = Array.from({ length: 12 }, () => ({ file: '.', reason: 'not a database' }));
    const engine = { name: 'unknown' as const };
    const shown = text(
      report(
        target({ engine, application: undefined, columnFamilies: [], findings: [], files: [], unchecked }),
      ),
    );
    expect(shown).toMatch(/^\/data\/db\n\nunchecked not a database\n/);
    expect(shown).toContain('  … and 2 more (--verbose shows them)\n\nNothing was checked.\n');
  });

  it('quiet and clean says nothing at all', () => {
    expect(text(report(target({ findings: [], files: clean })), { quiet: true })).toBe('');
  });

  it('quiet and damaged shows findings and verdict only', () => {
    const shown = text(report(), { quiet: true });
    expect(shown).not.toContain('000018.sst');
    expect(shown).not.toMatch(/^note /m);
    expect(shown.trimEnd().split('\n').at(-2)).toMatch(/^Damaged: 2 errors/);
  });
});
