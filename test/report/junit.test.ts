import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { validateXML } from 'xmllint-wasm';
import { inRepository } from '../support/repository.js';
import { rendered, reports } from './reports.js';
import { report } from './sample.js';

const schema = readFileSync(inRepository('test/report/junit.xsd'), 'utf8');
/** What xmllint says of each document. One call for all: it starts a thread of its own. */
async function errorsOf(documents: Record<string, string>): Promise<string[]> {
  const xml = Object.entries(documents).map(([fileName, contents]) => ({ fileName, contents }));
  const { errors } = await validateXML({ xml, schema: [schema] });
  return errors.map(({ rawMessage }) => rawMessage);
}

describe('JUnit XML', () => {
  it('is what the schema asks for, whatever the report', async () => {
    const documents: Record<string, string> = { 'wrong.xml': '<testsuites name="x"/>' };
    for (const [name, make] of Object.entries(reports)) {
      documents[`${name.replace(/\W/g, '-')}.xml`] = rendered('junit', await make());
    }
    const errors = await errorsOf(documents);
    expect(errors.filter((error) => !error.startsWith('wrong.xml'))).toEqual([]);
    expect(errors).not.toEqual([]);
  });

  it('a file with an error is a failed test, one without passes', () => {
    const xml = rendered('junit', report());
    expect(xml).toContain('<testsuite name="/data/db" tests="7" failures="2" errors="0"');
    expect(xml).toContain('<testcase classname="/data/db" name="CURRENT"/>');
    expect(xml).toMatch(
      /name="000021.log">\n\s+<failure type="wal\/checksum-mismatch" message="The record does not match its checksum."/,
    );
  });

  it('what could not be checked is an error, not a success', async () => {
    const xml = rendered('junit', await reports['a target that could not be read']());
    expect(xml).toContain('errors="1"');
    expect(xml).toContain('message="Not checked: permission denied (EACCES)"');
  });

  it('thousands of clean files are one test', async () => {
    const xml = rendered('junit', await reports['26,000 findings']());
    expect(xml).toContain('name="table: 2,500 clean files"');
    expect(xml.match(/<testcase/g)).toHaveLength(101);
  });
});
