import { describe, expect, it } from 'vitest';
import { expectValid } from '../report/schema.js';
import { withDatabase } from '../support/database.js';
import { kvdoctor } from './host.js';

const at = 'fixtures/kvrocks-race-12/db';

describe('kvdoctor simulate', () => {
  it('tells the modes apart, marks the own one and recommends a way out', async () => {
    const { status, out } = await kvdoctor(`simulate ${at}`);
    expect(status).toBe(1);
    expect(out).toMatch(/absolute-consistency +no/);
    expect(out).toMatch(/\* point-in-time +yes +160 +160 +3 records with 6 operations/);
    expect(out).toContain('loses 3 records, sequences 187–192');
    expect(out).toContain(`kvdoctor repair --strategy heal --dry-run ${at}`);
    expect(out).toContain('Loses data: in its own mode, point-in-time');
  });

  it.each([
    // the checksum tells what the bytes were
    ['kvrocks-race-12/db', '--strategy heal'],
    // a batch that every mode refuses
    ['kvrocks-race-10/db', '--mode point-in-time'],
    // the very first record
    ['kvrocks-race-8/db', '--strategy salvage'],
  ])('recommends the way that suits %s', async (name, way) => {
    const { out } = await kvdoctor(`simulate fixtures/${name}`);
    expect(out).toContain(`next  kvdoctor repair ${way} --dry-run fixtures/${name}`);
  });

  it('ends with 0 when the own mode loses nothing', async () => {
    const { status, out } = await kvdoctor('simulate fixtures/basic-9.7');
    expect(status).toBe(0);
    expect(out).toContain('loses nothing that was acknowledged');
    expect(out).not.toContain('salvage');
  });

  it('writes a report that its schema describes', async () => {
    const { status, out } = await kvdoctor(`simulate ${at} --digest --format json`);
    const report = JSON.parse(out);
    expectValid(report);
    expect(status).toBe(1);
    expect(report.verdict).toBe('damaged');
    const modes = report.targets[0].recovery;
    expect(modes.map((mode: { mode: string }) => mode.mode)).toEqual([
      'absolute-consistency',
      'point-in-time',
      'tolerate-corrupted-tail',
      'skip-any-corrupted',
      'salvage',
    ]);
    expect(modes[0]).toMatchObject({ opens: false, error: 'Corruption: checksum mismatch', lost: {} });
    expect(modes[1]).toMatchObject({ opens: true, own: true, harmless: false, lastSequence: '160' });
    expect(modes[1].columnFamilies[0]).toEqual({ name: 'default', entries: 30, fnv1a64: 'f65b75a3f562a00f' });
    expect(modes[1].columnFamilies).toHaveLength(7);
  });

  it('asks about another release', async () => {
    const { out } = await kvdoctor('simulate fixtures/kvrocks-race-10/db --engine-version 7.3');
    expect(out).toMatch(/point-in-time +yes/);
  });

  it('says where there is no database', async () => {
    expect(await kvdoctor('simulate no/such/directory')).toMatchObject({ status: 2 });
    const { status, out } = await kvdoctor('simulate fixtures/cases');
    expect(status).toBe(3);
    expect(out).toContain('not a database');
  });
});

describe('what an open leaves to readers', () => {
  it.each([
    ['a damaged block', 'basic-7.8', 'zero 000014.sst 0x20 64', '000014.sst', 'cannot be read'],
    [
      'a missing blob file',
      'blob-7.8',
      'remove 000010.blob',
      '000010.blob',
      '6 entries cannot be read: it is missing',
    ],
    ['a damaged blob', 'blob-7.8', 'flip 000010.blob 0x64.3', '000010.blob', '1 entry cannot be read'],
  ])('is told of %s', (_, base, patch, file, text) =>
    withDatabase(base, [patch], async (dir) => {
      const { status, out } = await kvdoctor(`simulate ${dir}`);
      expect(status).toBe(1);
      expect(out).toContain(text);
      expect(out).toContain('Not whole: in its own mode, point-in-time, it opens, and');
      expect(out).not.toContain('loses nothing that was acknowledged');
      expect(out).toContain('repair --strategy auto --dry-run');
      const report = JSON.parse((await kvdoctor(`simulate --format json ${dir}`)).out);
      expectValid(report);
      expect(report.verdict).toBe('damaged');
      for (const mode of report.targets[0].recovery)
        if (mode.opens) expect(mode).toMatchObject({ harmless: false, unreadable: { files: [{ file }] } });
    }),
  );

  it('is told of a missing table where the open does not mind', () =>
    withDatabase(
      'basic-7.8',
      ['remove 000014.sst', 'replace OPTIONS-000011 "paranoid_checks=true" "paranoid_checks=false"'],
      async (dir) => {
        const { status, out } = await kvdoctor(`simulate ${dir}`);
        expect(status).toBe(1);
        expect(out).toContain('000014.sst: an unknown number of entries of');
      },
    ));

  it('is not called coherent to an application where entries cannot be read', () =>
    withDatabase('tikv/db', ['zero 000017.sst 0x100 200'], async (dir) => {
      const { status, out } = await kvdoctor(`simulate --application ${dir}`);
      expect(status).toBe(1);
      expect(out).not.toMatch(/what remains is coherent/);
    }));
});
