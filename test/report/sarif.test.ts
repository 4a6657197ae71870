import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv } from 'ajv';
import type { Log } from 'sarif';
import { describe, expect, it } from 'vitest';
import { rendered, reports } from './reports.js';
import { report, target } from './sample.js';

/** The published schema is of draft 4, which differs from draft 7 in nothing else that it uses. */
function publishedSchema() {
  const file = createRequire(import.meta.url).resolve(
    '@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json',
  );
  const { id: _, $schema: _draft, ...schema } = JSON.parse(readFileSync(file, 'utf8'));
  return schema;
}

const validate = new Ajv({
  allErrors: false,
  strict: false,
  validateFormats: false,
  unicodeRegExp: false,
}).compile(publishedSchema());

describe('SARIF', () => {
  it('has a schema to be held against that refuses what is wrong', () => {
    expect(validate({ version: '2.1.0', runs: [{ tool: {} }] })).toBe(false);
  });

  for (const [name, make] of Object.entries(reports)) {
    it.each(['generic', 'github'] as const)(`${name} is valid, profile %s`, async (profile) => {
      const log = JSON.parse(
        rendered('sarif', await make(), profile === 'github' ? { sarifProfile: profile } : {}),
      );
      validate(log);
      expect(validate.errors).toBeNull();
    });
  }

  const logOf = (text: string): Log => JSON.parse(text);

  it('gives the damaged bytes, the rule with its help, and a fingerprint', () => {
    const [run] = logOf(rendered('sarif', report())).runs;
    const [result] = run.results!;
    const rule = run.tool.driver.rules![result.ruleIndex!];
    expect(rule.id).toBe('wal/checksum-mismatch');
    expect(rule.help!.markdown).toContain('**What to do.**');
    expect(result.locations![0].physicalLocation).toEqual({
      artifactLocation: { uri: 'file:///data/db/000021.log', index: 0 },
      region: { byteOffset: 0x7a3a, byteLength: 412 },
    });
    expect(run.artifacts![0]).toMatchObject({ length: 1_263_104 });
    expect(result.partialFingerprints).toHaveProperty(
      ['kvdoctor/v1'],
      expect.stringMatching(/^[0-9a-f]{32}$/),
    );
    expect(JSON.stringify(result.properties)).not.toContain('base64":"AAA');
  });

  it('has the same fingerprint for the same damage in a later run, and another for other damage', () => {
    const prints = (of = report()) =>
      logOf(rendered('sarif', of)).runs[0].results!.map(
        (result) => result.partialFingerprints!['kvdoctor/v1'],
      );
    expect(prints(report(target({ path: '/elsewhere' })))).toEqual(prints());
    expect(new Set(prints()).size).toBe(3);
    expect(new Set(prints(report(target(), target()))).size).toBe(6);
  });

  it('for GitHub: lines instead of bytes, paths from the repository, the worst 25,000 results', async () => {
    const [run] = logOf(
      rendered('sarif', await reports['26,000 findings'](), { sarifProfile: 'github' }),
    ).runs;
    expect(run.results).toHaveLength(25_000);
    expect(run.results![0].level).toBe('error');
    const place = run.results![0].locations![0].physicalLocation!;
    expect(place.region).toEqual({ startLine: 1 });
    expect(place.artifactLocation!.uri).toBe('data/db/1.sst');
    expect(run.results![1].message.text).toMatch(/\(at 0x2 \(2\), 412 bytes\)$/);
    expect(run.results![0].partialFingerprints).toHaveProperty('primaryLocationLineHash');
    for (const { properties } of run.tool.driver.rules!)
      expect(properties!.tags!.length).toBeLessThanOrEqual(20);
  });

  it('says what could not be checked', async () => {
    const [run] = logOf(rendered('sarif', await reports['a target that could not be read']())).runs;
    expect(run.invocations![0]).toMatchObject({
      executionSuccessful: false,
      toolExecutionNotifications: [{ message: { text: 'Not checked: permission denied (EACCES)' } }],
    });
  });
});
