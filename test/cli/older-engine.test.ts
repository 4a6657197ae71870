import { describe, expect, it } from 'vitest';
import { withDatabase } from '../support/database.js';
import { withFieldCase } from '../support/field.js';
import { kvdoctor } from './host.js';

describe('an engine that is older than what it is to open', () => {
  it.each(['scan', 'simulate'])('is refused by %s, which names the way back', (command) =>
    withFieldCase('older-engine-format-version', [], async (dir) => {
      const { status, out } = await kvdoctor(`${command} --engine-version 7.8.3 ${dir}`);
      expect(status).toBe(1);
      expect(out.replace(/\s+/g, ' ')).toContain(`export --for-engine 7.8.3 --output ${dir}.export ${dir}`);
      expect((await kvdoctor(`${command} ${dir}`)).status).toBe(0);
    }),
  );

  it.each(['10.4', '11.0'])('reads format version 7 from 10.4 on, as %s does', (version) =>
    withFieldCase('older-engine-format-version', [], async (dir) => {
      for (const command of ['scan', 'simulate'])
        expect(await kvdoctor(`${command} --engine-version ${version} ${dir}`)).toMatchObject({ status: 0 });
    }),
  );

  it.each([
    ['7.8.3', 5],
    ['5.18', 2],
  ])('gets tables that %s reads', (version, format) =>
    withFieldCase('older-engine-format-version', [], async (dir) => {
      const output = `${dir}.export`;
      expect((await kvdoctor(`export --for-engine ${version} --output ${output} ${dir}`)).status).toBe(0);
      expect((await kvdoctor(`scan --engine-version ${version} ${output}`)).status).toBe(0);
      const { out } = await kvdoctor(`inspect --format json ${output}/000004.sst`);
      expect(out.includes(`block-based, format version ${format},`)).toBe(true);
      const digestOf = async (path: string) => {
        const report = await kvdoctor(`simulate --digest --format json ${path}`);
        return JSON.parse(report.out).targets[0].recovery[0].columnFamilies;
      };
      expect(await digestOf(output)).toEqual(await digestOf(dir));
    }),
  );

  it('gets no wide columns that it does not know, and that is said', () =>
    withDatabase('wide-7.8', [], async (dir) => {
      const { status, err } = await kvdoctor(`export --for-engine 6.20 --output ${dir}.export ${dir}`);
      expect(status).toBe(1);
      expect(err).toContain('wide-column entities have their default column only');
    }));

  it('refuses a value type in the MANIFEST in its own words, and export reads it all the same', () =>
    withFieldCase('bound-with-unknown-type', [], async (dir) => {
      const { status, out } = await kvdoctor(`simulate ${dir}`);
      expect(status).toBe(1);
      expect(out).toContain('refuses: Corruption: VersionEdit: new-file4 entry in file MANIFEST-000005');
      expect((await kvdoctor(`scan ${dir}`)).out).toContain('has value type 26');
      const newer = await kvdoctor(`simulate --engine-version 9.7 ${dir}`);
      expect(newer.out).not.toContain('refuses');
      const exported = await kvdoctor(`export ${dir}`);
      expect(exported.err).toContain('default: 700 entries');
      expect(exported.status).toBe(0);
    }));
});

describe('a table that is longer than the MANIFEST says', () => {
  const longer = ['append 000014.sst "more"'];

  it.each([
    ['7.8.3', 'Corruption: Sst file size mismatch: 000014.sst. Size recorded in manifest 2728, actual size'],
    ['10.6', 'Corruption: Sst file size mismatch between expected 2728 and file system'],
  ])('is refused by %s in its words', (version, words) =>
    withDatabase('basic-7.8', longer, async (dir) => {
      const { out } = await kvdoctor(`simulate --engine-version ${version} --format json ${dir}`);
      expect(JSON.parse(out).targets[0].recovery[0].error).toContain(words);
    }),
  );
});
