import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ConfigError, parseConfig } from '../../src/scan/config.js';
import { applyPolicy, hasExpired, isSuppressed, policyFor, underPolicy } from '../../src/scan/policy.js';
import { checksumMismatch, missingTable, obsolete, target } from '../report/sample.js';
import { inRepository } from '../support/repository.js';

const now = new Date('2026-11-22T12:00:00Z');

describe('policy', () => {
  it('sets severities by rule and by pattern; the last that fits holds', () => {
    const severity = { 'wal/*': 'note', 'wal/checksum-mismatch': 'warning' } as const;
    expect(underPolicy(checksumMismatch, { severity }, now).severity).toBe('warning');
    expect(underPolicy(missingTable, { severity }, now).severity).toBe('error');
  });

  it('sets findings aside with the reason, until the end of the day that it names', () => {
    const ignore = [{ rule: 'wal/*', file: '*.log', reason: 'known, see #12', expires: '2026-11-22' }];
    const aside = underPolicy(checksumMismatch, { ignore }, now);
    expect(isSuppressed(aside) && aside.suppressed).toEqual({
      reason: 'known, see #12',
      expires: '2026-11-22',
    });
    expect(
      isSuppressed(underPolicy({ ...checksumMismatch, file: 'archive/000001.log' }, { ignore }, now)),
    ).toBe(false);
    expect(isSuppressed(underPolicy(checksumMismatch, { ignore }, new Date('2026-11-23T00:00:00Z')))).toBe(
      false,
    );
    expect(hasExpired(ignore[0], new Date('2026-11-23T00:00:00Z'))).toBe(true);
  });

  it('keeps what it sets aside in the report', () => {
    const ignore = [{ rule: 'directory/*', reason: 'expected' }];
    const judged = applyPolicy(target(), { ignore }, now);
    expect(judged.findings).toEqual([checksumMismatch]);
    expect(judged.suppressed?.map(({ rule }) => rule)).toEqual([missingTable.rule, obsolete.rule]);
  });

  it('settings for paths stand over those for all, ignores add up', () => {
    const config = {
      failOn: 'error',
      ignore: [{ rule: 'a/*', reason: '1' }],
      paths: [
        { path: 'backups/**', failOn: 'warning', kind: 'backup', ignore: [{ rule: 'b/*', reason: '2' }] },
        { path: '**/old', failOn: 'never' },
      ],
    } as const;
    const of = (path: string) => policyFor(structuredClone(config) as never, path);
    expect(of('db')).toMatchObject({ failOn: 'error', ignore: [{ reason: '1' }] });
    expect(of('./backups/monday/')).toMatchObject({
      failOn: 'warning',
      kind: 'backup',
      ignore: [{ reason: '1' }, { reason: '2' }],
    });
    expect(of('backups/old').failOn).toBe('never');
  });
});

describe('kvdoctor.config.json', () => {
  it.each([
    ['{', /^it is not JSON/],
    [
      '{"severity": {"wal/*": "off"}}',
      /^\/severity\/wal~1\* must be equal to one of the allowed values: error, warning, note/,
    ],
    ['{"ignore": [{"rule": "wal/*"}]}', /^\/ignore\/0 must have required property 'reason'/],
    [
      '{"ignore": [{"rule": "wal/*", "reason": "x", "expires": "soon"}]}',
      /^\/ignore\/0\/expires must match pattern/,
    ],
  ])('%s is refused with the place', async (text, message) => {
    await expect(parseConfig(text)).rejects.toThrow(ConfigError);
    await expect(parseConfig(text)).rejects.toThrow(message);
  });

  it('examples in the documentation are valid', async () => {
    const page = readFileSync(inRepository('docs/ci.md'), 'utf8');
    const examples = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(([, text]) => text);
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) await parseConfig(example);
  });
});
