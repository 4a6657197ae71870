import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { githubReporter } from '../../src/report/github.js';
import { fakeHost, kvdoctor } from '../cli/host.js';
import { rendered, reports } from './reports.js';
import { checksumMismatch, report, target } from './sample.js';

// the documented constraints of formats that have no published schema

describe('GitLab Code Quality', () => {
  it.each(Object.keys(reports))('%s has the documented fields', async (name) => {
    const issues = JSON.parse(rendered('gitlab', await reports[name]()));
    for (const issue of issues) {
      expect(Object.keys(issue).sort()).toEqual([
        'check_name',
        'description',
        'fingerprint',
        'location',
        'severity',
      ]);
      expect(['info', 'minor', 'major', 'critical', 'blocker']).toContain(issue.severity);
      expect(issue.description).not.toBe('');
      expect(issue.location.path).not.toMatch(/^(\/|\.\/)/);
      expect(issue.location.lines.begin).toBe(1);
    }
    const prints = issues.map(({ fingerprint }: { fingerprint: string }) => fingerprint);
    expect(new Set(prints).size).toBe(prints.length);
  });
});

/** A workflow command as the runner takes it apart. */
const command = /^::(error|warning|notice) (?:file=([^,:]*),)?title=([^,:]*)::([^\r\n]*)$/;

describe('GitHub annotations', () => {
  it.each(Object.keys(reports))('%s stays within the limits', async (name) => {
    const lines = rendered('github', await reports[name]())
      .split('\n')
      .slice(0, -1);
    const kinds = new Map<string, number>();
    for (const line of lines) {
      const [, kind] = command.exec(line) ?? expect.fail(line);
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
    for (const count of kinds.values()) expect(count).toBeLessThanOrEqual(10);
    expect(Buffer.byteLength(githubReporter().stepSummary!(await reports[name]()))).toBeLessThan(1 << 20);
  });

  it('say how many are left out', async () => {
    const lines = rendered('github', await reports['26,000 findings']()).split('\n');
    expect(lines[9]).toMatch(/^::error title=17%2C324 more errors::/);
  });

  it('come with a step summary, added to what is there', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kvdoctor-test-'));
    try {
      const page = join(folder, 'summary.md');
      const host = () => fakeHost({ env: { GITHUB_STEP_SUMMARY: page } });
      await kvdoctor('scan fixtures/kvrocks-race-10/db --format github', host());
      await kvdoctor('scan fixtures/basic-7.8 --format github', host());
      const text = readFileSync(page, 'utf8');
      expect(text.match(/^# kvdoctor: .*$/gm)).toEqual(['# kvdoctor: ❌ Damaged', '# kvdoctor: ✅ Clean']);
      expect(text).toContain('#### error `batch/unknown-tag`');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('GitHub annotations of hostile names', () => {
  it('hold nothing that a log or a page acts upon', async () => {
    const hostile = target({
      path: 'db\u001b[2J\u202egnp\r\n::error::x',
      unchecked: [{ file: 'a\u0007\u2066b', reason: 'c\u009bd' }],
    });
    const text = rendered('github', report(hostile));
    expect(text.replace(/\n/g, '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    for (const line of text.split('\n').slice(0, -1)) expect(line).toMatch(command);
    expect(text).toContain('file=db\\x1b[2J\\u{202e}gnp\\x0d\\x0a%3A%3Aerror%3A%3Ax/');
  });

  it('point at files that a repository can have', () => {
    const text = rendered('github', report(target({ path: '../../data/./db' })));
    expect(text).toContain('file=data/db/000021.log,');
  });
});

describe('Prometheus', () => {
  it.each(Object.keys(reports))('%s is series that stand there once, below their help', async (name) => {
    const lines = rendered('prometheus', await reports[name]()).split('\n');
    expect(lines.pop()).toBe('');
    const seen = new Set<string>();
    let metric = '';
    for (const line of lines) {
      if (line.startsWith('# HELP ')) metric = line.split(' ')[2];
      else if (line.startsWith('# TYPE ')) expect(line).toBe(`# TYPE ${metric} gauge`);
      else {
        const [, series, its] =
          /^(([a-z_]+)(?:\{[a-z]+="(?:[^"\\\n]|\\["\\])*"(?:,[a-z]+="(?:[^"\\\n]|\\["\\])*")*\})?) -?\d+(\.\d+)?$/.exec(
            line,
          ) ?? expect.fail(line);
        expect(its).toBe(metric);
        expect(seen.has(series), series).toBe(false);
        seen.add(series);
      }
    }
  });

  it('says verdict, findings, and when the oldest read was', () => {
    const text = rendered('prometheus', report(target({ path: 'say "\\hi"' })));
    expect(text).toContain('kvdoctor_verdict{target="say \\"\\\\hi\\"",verdict="damaged"} 1\n');
    expect(text).toContain('kvdoctor_verdict{target="say \\"\\\\hi\\"",verdict="clean"} 0\n');
    expect(text).toMatch(
      /^kvdoctor_findings\{target=.*,rule="wal\/checksum-mismatch",severity="error"\} 1$/m,
    );
    const { startedAt } = report().summary;
    expect(text).toMatch(
      new RegExp(`^kvdoctor_oldest_read_timestamp_seconds\\{.*\\} ${Date.parse(startedAt) / 1000}$`, 'm'),
    );
    const trusted = [
      { path: '1.sst', kind: 'table', size: 1, status: 'trusted', checkedAt: '2026-01-01T00:00:00.000Z' },
    ] as const;
    expect(rendered('prometheus', report(target({ files: [...trusted] })))).toMatch(
      /^kvdoctor_oldest_read_timestamp_seconds\{.*\} 1767225600$/m,
    );
  });

  it('the same target twice is one', () => {
    const text = rendered('prometheus', report(target(), target()));
    expect(text.match(/^kvdoctor_files\{/gm)).toHaveLength(1);
  });
});

describe('Markdown', () => {
  it('holds no markup of the names that it shows', async () => {
    const text = rendered('markdown', await reports['hostile names']());
    const outside = text.replace(/```[\s\S]*?```/g, '').replace(/(`+) ?[\s\S]*?\1/g, '');
    expect(outside).not.toMatch(/(?<!\\)<b>/);
    expect(text).not.toContain('\u001b');
  });

  it('leads with the verdict and tells errors in full', () => {
    const text = rendered('markdown', report());
    expect(text).toMatch(/^# kvdoctor: ❌ Damaged\n/);
    expect(text).toContain('`/data/db/000021.log` at 0x7a3a (31290), 412 bytes');
    expect(text).toContain('- next: `kvdoctor repair --mode point-in-time --dry-run .`');
  });
});

it('what the baseline has is no annotation and fails no test', () => {
  const known = report(target({ findings: [{ ...checksumMismatch, known: true }] }));
  expect(rendered('github', known)).toBe('');
  expect(rendered('junit', known)).toContain('failures="0"');
  expect(rendered('markdown', known)).toContain('1 known from the baseline');
});
