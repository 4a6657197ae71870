import { readdirSync } from 'node:fs';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { expectValid } from '../report/schema.js';
import { withDatabase } from '../support/database.js';
import { readFileSet } from '../support/files.js';
import { fakeHost, kvdoctor } from './host.js';

const damage = ['flip 000019.log 0x60.3'];
const damaged = <T>(body: (dir: string) => Promise<T>) => withDatabase('basic-7.8', damage, body);
const journalsOf = (dir: string) =>
  readdirSync(path.dirname(dir)).filter((name) => name.startsWith('db.kvdoctor-undo-'));

describe('kvdoctor repair', () => {
  it('shows the plan, byte range by byte range, and changes nothing with --dry-run', () =>
    damaged(async (dir) => {
      const before = readFileSet(dir);
      const { status, out } = await kvdoctor(`repair ${dir} --mode point-in-time --dry-run`);
      expect(status).toBe(0);
      expect(out).toMatch(/Plan: point-in-time, for RocksDB 7\.8\.3/);
      expect(out).toMatch(/change {2}000019\.log, 4,989 to 0 bytes/);
      expect(out).toMatch(/What is lost/);
      expect(out).toMatch(/opens in every mode, last sequence 306/);
      expect(out).toMatch(/Nothing was changed: this is a dry run/);
      expect(readFileSet(dir)).toEqual(before);
    }));

  it('has nothing to change in a recovery mode where a log is gone that the engine does without', () =>
    withDatabase('basic-7.8', ['remove 000017.log'], async (dir) => {
      const { status, out } = await kvdoctor(`repair ${dir} --mode point-in-time --in-place --yes`);
      expect(out).toMatch(/^error directory\/removed-wal/m);
      expect(status).toBe(0);
      expect((await kvdoctor(`repair ${dir} --strategy auto --in-place --yes`)).status).toBe(5);
    }));

  it('repairs in place and back, and says what there was and what there is', () =>
    damaged(async (dir) => {
      const before = readFileSet(dir);
      const { status, out } = await kvdoctor(`repair ${dir} --mode point-in-time --in-place --yes`);
      expect(status).toBe(0);
      expect(out).toMatch(/scan +1 error, 1 warning +clean/);
      expect(out).toMatch(/absolute-consistency +refuses +opens, sequence 306/);
      const [journal] = journalsOf(dir);
      const command = /^ +kvdoctor (undo \S+)$/m.exec(out)?.[1];
      expect(command).toBe(`undo ${path.dirname(dir)}/${journal}`);
      expect(await kvdoctor(`scan ${dir}`)).toMatchObject({ status: 0 });
      const back = await kvdoctor(command ?? '');
      expect(back).toMatchObject({
        status: 0,
        out: expect.stringContaining('1 file is as before the repair'),
      });
      expect(readFileSet(dir)).toEqual(before);
      expect(await kvdoctor(command ?? '')).toMatchObject({
        status: 0,
        out: expect.stringContaining('was undone before'),
      });
    }));

  it('writes one JSON document that the schema describes', () =>
    damaged(async (dir) => {
      const { status, out } = await kvdoctor(
        `repair ${dir} --mode point-in-time --in-place --yes --format json`,
      );
      expect(status).toBe(0);
      const report = JSON.parse(out);
      expectValid(report);
      expect(report.verdict).toBe('clean');
      const [{ plan, repair, recovery }] = report.targets;
      expect(plan.steps).toMatchObject([{ action: 'write', file: '000019.log', size: 4989, newSize: 0 }]);
      expect(plan.result).toHaveLength(4);
      expect(repair).toMatchObject({ state: 'repaired', before: { errors: 1 } });
      expect(recovery.every((mode: { opens: boolean }) => mode.opens)).toBe(true);
    }));

  it('leaves keys out of the plan when it is told to', () =>
    damaged(async (dir) => {
      const line = `repair ${dir} --mode point-in-time --dry-run --format json`;
      expect((await kvdoctor(line)).out).toContain('order:0041');
      const { out } = await kvdoctor(`${line} --redact keys`);
      expect(out).not.toContain('order:0041');
      expect(out).not.toContain(Buffer.from('order:0041').toString('base64'));
      expectValid(JSON.parse(out));
    }));

  it('asks on a terminal and takes no for an answer', () =>
    damaged(async (dir) => {
      const before = readFileSet(dir);
      const line = `repair ${dir} --mode point-in-time --in-place`;
      for (const answer of ['n', '', 'perhaps', undefined]) {
        const host = fakeHost({ terminal: true, ...(answer !== undefined && { answer }) });
        const { status, out, err } = await kvdoctor(line, host);
        expect(status).toBe(130);
        expect(err).toMatch(/Plan: point-in-time[\s\S]*Carry it out and change .*\? \[y\/N\]/);
        expect(stripVTControlCharacters(out)).toBe(
          `Nothing was changed.\nnext  kvdoctor repair --mode point-in-time --in-place ${dir}\n`,
        );
      }
      expect(readFileSet(dir)).toEqual(before);
      const { status, out } = await kvdoctor(line, fakeHost({ terminal: true, answer: 'y' }));
      expect(status).toBe(0);
      expect(out).not.toContain('Plan:');
      expect(out).toMatch(/is repaired in place/);
    }));

  it('does nothing without a terminal and without --yes', () =>
    damaged(async (dir) => {
      const before = readFileSet(dir);
      const { status, err } = await kvdoctor(`repair ${dir} --mode point-in-time`);
      expect(status).toBe(2);
      expect(err).toMatch(/nobody can be asked without a terminal\n.*--dry-run.*--yes/);
      expect(readFileSet(dir)).toEqual(before);
      expect(readdirSync(path.dirname(dir))).toEqual(['db']);
    }));

  it('repairs a copy unless it is told otherwise', () =>
    damaged(async (dir) => {
      const { status, out } = await kvdoctor(`repair ${dir} --mode point-in-time --yes`);
      expect(status).toBe(0);
      expect(out).toContain(`The repaired copy is ${dir}.repaired; the original is as it was.`);
      const again = await kvdoctor(`repair ${dir} --mode point-in-time --yes`);
      expect(again).toMatchObject({ status: 2, err: expect.stringMatching(/\.repaired is there already/) });
    }));

  it('leaves a healthy database alone', async () => {
    await withDatabase('basic-7.8', [], async (dir) => {
      const { status, out } = await kvdoctor(`repair ${dir} --mode point-in-time --in-place --yes`);
      expect(status).toBe(0);
      expect(out).toMatch(/Nothing is to be repaired, and nothing was changed/);
      expect(journalsOf(dir)).toEqual([]);
    });
  });

  it('refuses with 5 where it has no way, and says why, in JSON too', async () => {
    await withDatabase('wal-large-7.8', ['flip 000004.log 0x4e20.3'], async (dir) => {
      const line = `repair ${dir} --mode point-in-time --in-place --yes`;
      const { status, out } = await kvdoctor(line);
      expect(status).toBe(5);
      expect(out).toMatch(/kvdoctor refuses: there is no consistent point/);
      expect(out).toMatch(/What the damaged bytes were is proven: healing puts them back/);
      const json = await kvdoctor(`${line} --format json`);
      expect(json.status).toBe(5);
      const report = JSON.parse(json.out);
      expectValid(report);
      expect(report.targets[0].repair).toMatchObject({ state: 'refused' });
    });
  });

  it('cannot take away what is not about logs', async () => {
    await withDatabase('basic-7.8', ['flip 000014.sst 0x80.3'], async (dir) => {
      const { status, out } = await kvdoctor(`repair ${dir} --mode point-in-time --in-place --yes`);
      expect(status).toBe(5);
      expect(out).toMatch(
        /Nothing was changed: 1 error, and none that this way of repairing could take away/,
      );
    });
  });

  it('leads on from a plan that heals first', () =>
    withDatabase('basic-7.8', ['flip 000019.log 0x7c.5', 'zero 000019.log 300 40'], async (dir) => {
      const { out } = await kvdoctor(`repair --heal-first --mode point-in-time --dry-run ${dir}`);
      expect(out).toContain('Plan: heal, then point-in-time, for RocksDB 7.8.3');
      const next = /^next {2}kvdoctor (.*)$/m.exec(out)?.[1];
      expect(next).toBe(`repair --mode point-in-time --heal-first ${dir}`);
      expect(await kvdoctor(`${next} --in-place --yes`)).toMatchObject({ status: 0 });
    }));

  it('wants to be told how', async () => {
    expect(await kvdoctor('repair fixtures/basic-7.8')).toMatchObject({
      status: 2,
      err: expect.stringMatching(/say how to repair[\s\S]*kvdoctor simulate/),
    });
    expect(await kvdoctor('repair fixtures/basic-7.8 --mode pointintime')).toMatchObject({
      status: 2,
      err: expect.stringMatching(/Did you mean point-in-time/),
    });
    expect(await kvdoctor('repair no/where --mode point-in-time --yes')).toMatchObject({ status: 2 });
    expect(await kvdoctor('repair . --mode point-in-time --journal j')).toMatchObject({
      status: 2,
      err: expect.stringMatching(/--journal goes with --in-place/),
    });
    expect(await kvdoctor('repair . --mode point-in-time --accept-unproven')).toMatchObject({
      status: 2,
      err: expect.stringMatching(/--accept-unproven goes with --from/),
    });
  });
});

describe('kvdoctor undo', () => {
  it('knows a database from a journal', () =>
    damaged(async (dir) => {
      await kvdoctor(`repair ${dir} --mode point-in-time --in-place --yes`);
      const { status, err } = await kvdoctor(`undo ${dir}`);
      expect(status).toBe(2);
      expect(err).toMatch(/is not an undo journal[\s\S]*db\.kvdoctor-undo-/);
      expect(await kvdoctor('undo no/where')).toMatchObject({ status: 2 });
    }));

  it('touches nothing when something was written since', () =>
    damaged(async (dir) => {
      const { writeFileSync } = await import('node:fs');
      await kvdoctor(`repair ${dir} --mode point-in-time --in-place --yes`);
      writeFileSync(path.join(dir, '000019.log'), 'a server that went on');
      const before = readFileSet(dir);
      const { status, err } = await kvdoctor(`undo ${path.dirname(dir)}/${journalsOf(dir)[0]}`);
      expect(status).toBe(5);
      expect(err).toMatch(/something has written to the directory since/);
      expect(readFileSet(dir)).toEqual(before);
    }));
});
