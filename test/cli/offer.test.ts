import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixture, readFileSet, withTemporaryDirectory, writeFileSet } from '../support/files.js';
import { applyPatches } from '../support/patch.js';
import { kvdoctor } from './host.js';

/** A database with damage in a table and in a WAL, and its clean copy, beside each other. */
function damaged(body: (db: string, copy: string) => Promise<void>): Promise<void> {
  return withTemporaryDirectory(async (parent) => {
    const [db, copy] = [path.join(parent, 'db'), path.join(parent, 'copy')];
    const files = await applyPatches(fixture('basic-7.8'), [
      'zero 000018.sst 0x40 60',
      'zero 000017.log 0x60 64',
    ]);
    writeFileSet(files, db);
    writeFileSet(fixture('basic-7.8'), copy);
    await body(db, copy);
    expect(readFileSet(db)).toEqual(files);
    expect(readFileSet(copy)).toEqual(fixture('basic-7.8'));
  });
}

describe.each(['scan', 'simulate'])('%s --from', (command) => {
  it('says what a source could give back, as repair would plan it, and changes nothing', async () => {
    await damaged(async (db, copy) => {
      const { status, out } = await kvdoctor(`${command} --from ${copy} --format json ${db}`);
      expect(status).toBe(1);
      const planned = await kvdoctor(`repair --from ${copy} --dry-run --format json ${db}`);
      const [own, its] = [out, planned.out].map((json) => JSON.parse(json).targets[0].plan);
      expect(own.steps.map(({ file }: { file: string }) => file).sort()).toEqual([
        '000017.log',
        '000018.sst',
      ]);
      expect(own.steps).toEqual(its.steps);
      expect(own.result).toMatchObject([{ opens: true }, { opens: true }, { opens: true }, { opens: true }]);
      const text = await kvdoctor(`${command} --from ${copy} ${db}`);
      expect(text.out).toContain('Plan: from');
      expect(text.out).toContain(`next  kvdoctor repair --from ${copy} --dry-run ${db}`);
    });
  });

  it('says why it has nothing', async () => {
    await damaged(async (db) => {
      const { out } = await kvdoctor(`${command} --from ${db} ${db}`);
      expect(out).toContain('is the same file as 000018.sst');
      expect(out).not.toContain('Plan: from');
    });
  });

  it('refuses a source that is none', async () => {
    await damaged(async (db) => {
      const { status, err } = await kvdoctor(`${command} --from ${db}/none ${db}`);
      expect([status, err]).toEqual([2, expect.stringContaining('it is not there')]);
    });
  });
});
