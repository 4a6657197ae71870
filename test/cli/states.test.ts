import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { withDatabase } from '../support/database.js';
import { withTemporaryDirectory } from '../support/files.js';
import { inRepository } from '../support/repository.js';
import { kvdoctor } from './host.js';

/** simulate, find and export over directories that can give several states (fixtures/states). */
function unpacked(name: string, body: (dir: string) => Promise<void>): Promise<void> {
  return withTemporaryDirectory(async (parent) => {
    execFileSync('tar', ['xzf', inRepository('fixtures', 'states', `${name}.tar.gz`), '-C', parent]);
    await body(path.join(parent, name));
  });
}

const entriesOf = (ndjson: string) => ndjson.split('\n').filter((line) => line !== '').length;

describe('--state', () => {
  it('is numbered by simulate as by a repair, and leads on to that', async () => {
    await unpacked('rsync-1', async (dir) => {
      const seen = await kvdoctor(`simulate ${dir} --format json`);
      const [target] = JSON.parse(seen.out).targets;
      expect(target.states).toMatchObject([
        { number: 1, coherent: true, lastSequence: '788' },
        { number: 2, current: true, coherent: false },
      ]);
      expect(target.recommendation.command).toBe(`kvdoctor repair --strategy auto --dry-run ${dir}`);
      const taken = await kvdoctor(`simulate --state 1 ${dir}`);
      expect(taken.status).toBe(0);
      expect(taken.out).toMatch(/^\* --state 1 {2}MANIFEST-000005 up to its edit at 514/m);
      expect(taken.out).toContain(`next  kvdoctor repair --strategy auto --state 1 --dry-run`);
      const none = await kvdoctor(`simulate --state 3 ${dir}`);
      expect(none.status).toBe(2);
      expect(none.err).toContain('there is no state 3: the files can give 2');
    });
  });

  it('says what a state gives up, and that it loses it', async () => {
    await unpacked('restored-backup-power-loss', async (dir) => {
      const { status, out } = await kvdoctor(`simulate --state 2 ${dir}`);
      expect(status).toBe(1);
      expect(out.replaceAll(/\s+/g, ' ')).toContain('it gives up MANIFEST-000005: 210 later writes');
      expect(out).toContain('this state gives up what is told above');
    });
  });

  it('is what export writes and find looks at', async () => {
    await unpacked('rsync-1', async (dir) => {
      const own = await kvdoctor(`export ${dir}`);
      expect(own.status).toBe(1);
      expect(own.err).toMatch(/^--state 1: MANIFEST-000005 up to its edit at 514/m);
      expect(own.err).toMatch(/^seen here: --state 2: /m);
      const taken = await kvdoctor(`export --state 1 ${dir}`);
      expect(entriesOf(taken.out)).toBe(154 + 155);
      expect((await kvdoctor(`export --lenient --state 9 ${dir}`)).status).toBe(2);
      const key = Buffer.from(JSON.parse(taken.out.split('\n')[0]).key.base64, 'base64').toString('hex');
      const found = await kvdoctor(`find --state 1 --key-hex ${key} ${dir}`);
      expect(found.out).toContain('what a reader gets');
      expect(found.err).toMatch(/^seen here: --state 1: /m);
      expect((await kvdoctor(`find --key-hex ${key} ${dir}`)).out).toContain('not known');
    });
  });

  it('is not spoken of where there is nothing to choose', async () => {
    await withDatabase('basic-7.8', [], async (dir) => {
      for (const line of [`simulate ${dir}`, `export ${dir}`, `find --key a ${dir}`]) {
        const { out, err } = await kvdoctor(line);
        expect(out + err).not.toContain('--state');
      }
    });
  });
});

describe('a WAL that is gone from the middle', () => {
  it('leads to the states that are left, and stands in an export', async () => {
    await withDatabase('wal-recycled-11.9', ['remove 000023.log'], async (dir) => {
      const scanned = await kvdoctor(`scan ${dir}`);
      expect(scanned.out).toContain(`next  kvdoctor simulate ${dir}`);
      const { status, out } = await kvdoctor(`simulate ${dir}`);
      expect(status).toBe(1);
      expect(out).toContain('a WAL that it needs is gone');
      expect(out.replaceAll(/\s+/g, ' ')).toContain(
        `kvdoctor repair --strategy auto --state 2 --dry-run ${dir}`,
      );
      const exported = await kvdoctor(`export ${dir}`);
      expect(exported.status).toBe(1);
      expect(exported.err).toContain('recovery needs what was in 000023.log: gone or cut short');
      const left = await kvdoctor(`repair --strategy auto --dry-run ${dir}`);
      expect(left.out).toContain(`next  cp -p COPY/000023.log ${dir}/`);
    });
  });
});

describe('the next command', () => {
  it('keeps what was given', async () => {
    await unpacked('rsync-1', async (dir) => {
      const given = `--wal-dir ${dir} --engine-version 7.8.3`;
      const scanned = await kvdoctor(`scan ${given} ${dir}`);
      expect(scanned.out).toContain(`kvdoctor repair --strategy auto --dry-run ${given} ${dir}`);
      const simulated = await kvdoctor(`simulate ${given} ${dir}`);
      expect(simulated.out.replaceAll(/\s+/g, ' ')).toContain(
        `kvdoctor repair --strategy auto --dry-run ${given} ${dir}`,
      );
      const planned = await kvdoctor(
        `repair --strategy auto --state 2 --on-lost-tombstones accept --dry-run ${given} ${dir}`,
      );
      expect(planned.out.replaceAll(/\s+/g, ' ')).toContain(
        `kvdoctor repair --strategy auto --on-lost-tombstones accept --state 2 ${given} ${dir}`,
      );
    });
  });
});

describe('export --lenient of LevelDB', () => {
  it('looks at what the repair that loses least would leave', async () => {
    await withDatabase('leveldb', [], async (dir) => {
      const all = await kvdoctor(`export ${dir}`);
      await withDatabase('leveldb', ['remove CURRENT'], async (damaged) => {
        const seen = await kvdoctor(`export --lenient ${damaged}`);
        expect(seen.out).toBe(all.out);
        expect(entriesOf(seen.out)).toBe(60);
      });
    });
  });
});
