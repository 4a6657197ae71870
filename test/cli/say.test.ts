import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { lineOf } from '../../src/cli/say.js';
import { readFileSet, withTemporaryDirectory } from '../support/files.js';
import { edit, manifest } from '../support/manifest.js';
import { inRepository } from '../support/repository.js';
import { kvdoctor } from './host.js';

/** Names as somebody gives them who wants a terminal or a CI runner to do something. */
const HOSTILE = [
  'cf\u001b[31mRED\u001b]0;pwn\u0007',
  'cf\n::error file=x::PWNED',
  '::error file=x::PWNED',
  '##vso[task.setvariable]x',
  'cf\r\n::set-output name=a::b',
  'cf\u202eevil\u2028x',
  'cf\u009b31mC1',
];

/** No line of it is a command to a CI runner, and nothing moves a cursor. */
function expectHarmless(text: string) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e]/);
  for (const line of text.split('\n')) expect(line).not.toMatch(/^\s*(::|##)/);
}

/** Runs `body` with a database without tables, whose column families bear hostile names. */
const withHostileNames = <T>(body: (dir: string) => Promise<T>) =>
  withTemporaryDirectory(async (dir) => {
    const families = HOSTILE.map((columnFamilyAdd, i) =>
      edit({ columnFamily: i + 1, columnFamilyAdd, comparator: 'leveldb.BytewiseComparator', logNumber: 4n }),
    );
    writeFileSync(path.join(dir, 'MANIFEST-000005'), manifest(...families));
    writeFileSync(path.join(dir, 'CURRENT'), 'MANIFEST-000005\n');
    writeFileSync(path.join(dir, '000004.log'), '');
    return body(dir);
  });

describe('standard error', () => {
  it.each(HOSTILE)('says %j in one line that does nothing', (text) => {
    expectHarmless(lineOf(text));
    expect(lineOf(text).match(/\n/g)).toHaveLength(1);
  });

  it('shows names of column families as export comes to them', () =>
    withHostileNames(async (dir) => {
      const { err, status } = await kvdoctor(`export ${dir}`);
      expect(status).toBe(0);
      expect(err).toContain('PWNED');
      expectHarmless(err);
    }));

  it.each(['find --key x --cf nothing', 'scan', 'simulate', 'repair --mode point-in-time --dry-run'])(
    '%s speaks of them without harm',
    (command) =>
      withHostileNames(async (dir) => {
        const { err, out } = await kvdoctor(`${command} ${dir}`);
        expectHarmless(err);
        expectHarmless(out);
      }),
  );

  it('shows what is wrong with a report that is none', () =>
    withTemporaryDirectory(async (dir) => {
      const report = path.join(dir, 'report.json');
      for (const schemaVersion of HOSTILE) {
        writeFileSync(report, JSON.stringify({ schemaVersion, targets: [] }));
        const { status, err } = await kvdoctor(`render ${report}`);
        expect(status).toBe(2);
        expectHarmless(err);
      }
    }));

  it('shows what was typed', async () => {
    for (const text of HOSTILE) expectHarmless((await kvdoctor(`scan --${text.replace(/\s/g, '')}`)).err);
  });

  it('is written in one file', () => {
    const folder = inRepository('src/cli');
    const others = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && file !== 'say.ts')
      .filter((file) => /stderr\.write|console\./.test(readFileSync(path.join(folder, file), 'utf8')));
    expect(others).toEqual([]);
    expect(readFileSet(folder).size).toBeGreaterThan(20);
  });
});
