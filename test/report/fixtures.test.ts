import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fakeHost, kvdoctor } from '../cli/host.js';
import { inRepository } from '../support/repository.js';
import { expectValid } from './schema.js';

// whole scans of the shipped databases, as a person sees them and as a program does

const folders = readdirSync(inRepository('fixtures'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !['cases', 'resp'].includes(entry.name))
  .map(({ name }) => (existsSync(inRepository('fixtures', name, 'db')) ? `${name}/db` : name));

describe('report.schema.json describes the report of', () => {
  it.each(folders)('fixtures/%s', async (folder) => {
    const { out, err } = await kvdoctor(`scan fixtures/${folder} --format json`);
    expect(err).toBe('');
    expectValid(JSON.parse(out));
  });
});

describe('what a person sees of', () => {
  it.each(folders.filter((folder) => folder.startsWith('kvrocks-race')))('fixtures/%s', async (folder) => {
    const host = fakeHost({ env: { COLUMNS: '80' } });
    const { out, err } = await kvdoctor(`scan fixtures/${folder}`, host);
    expect(err).toBe('');
    const timeless = out.replace(/ in \d+(\.\d+)? s\.$/m, ' in 0.1 s.');
    await expect(timeless).toMatchFileSnapshot(`golden/${folder.replace('/db', '')}.txt`);
  });
});
