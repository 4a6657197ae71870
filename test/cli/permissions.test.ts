import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { withDatabase } from '../support/database.js';
import { inRepository } from '../support/repository.js';

/** The user `nobody`, who may do nothing; only root can become it. */
const NOBODY = 65534;

function asNobody(...argv: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [inRepository('bin/kvdoctor.js'), ...argv], {
    uid: NOBODY,
    gid: NOBODY,
    encoding: 'utf8',
  });
  return { status, text: stdout + stderr };
}

describe.skipIf(process.getuid?.() !== 0)('somebody without the rights (needs root to become them)', () => {
  it('is told whose the lock is, and not to say that the server is stopped', () =>
    withDatabase('basic-7.8', ['flip 000019.log 0x60.3'], async (dir) => {
      chmodSync(path.dirname(dir), 0o755);
      const { status, text } = asNobody('repair', '--strategy', 'heal', '--in-place', '--yes', dir);
      expect(text).toContain('permission denied (EACCES)');
      expect(text).toContain('It belongs to user root');
      expect(text).not.toContain('--stopped');
      expect(status).toBe(3);
    }));

  it('is told whom to become to read a directory', () =>
    withDatabase('basic-7.8', [], async (dir) => {
      chmodSync(path.dirname(dir), 0o755);
      chmodSync(dir, 0o700);
      const { status, text } = asNobody('scan', dir);
      expect(text).toContain(dir);
      expect(text.replaceAll(/\s+/g, ' ')).toContain('belongs to user root');
      expect(status).toBe(3);
      for (const command of ['export', 'repair']) {
        const words = command === 'repair' ? ['--strategy', 'auto', '--dry-run'] : [];
        const ended = asNobody(command, ...words, dir);
        expect(ended.text).toContain('belongs to user root');
        expect(ended.status).toBe(3);
      }
    }));

  it('is told that new files are not the owner\u2019s', () =>
    withDatabase('basic-7.8', ['flip 000019.log 0x60.3'], async (dir) => {
      chmodSync(path.dirname(dir), 0o777);
      chmodSync(dir, 0o777);
      for (const name of readdirSync(dir)) chmodSync(path.join(dir, name), 0o666);
      const { status, text } = asNobody('repair', '--strategy', 'heal', '--in-place', '--yes', dir);
      expect(status).toBe(0);
      expect(text).toContain('New files could not be given the owner of the old ones');
      expect(text).toContain(`chown -R --reference=${dir} ${dir}`);
    }));

  it('hears of a healthy database with a file that it may not read that it was not checked, not that an engine refuses it', () =>
    withDatabase('basic-7.8', [], async (dir) => {
      chmodSync(path.dirname(dir), 0o755);
      chmodSync(path.join(dir, '000014.sst'), 0o600);
      for (const command of ['scan', 'simulate', 'repair']) {
        const words = command === 'repair' ? ['--strategy', 'auto', '--dry-run'] : [];
        const { status, text } = asNobody(command, ...words, dir);
        expect(text.replaceAll(/\s+/g, ' ')).toContain(
          'permission denied (EACCES). It belongs to user root'.slice(command === 'scan' ? 0 : 27),
        );
        expect(text).not.toContain('refuse');
        expect(text).not.toMatch(/^next/m);
        expect(status).toBe(3);
      }
    }));

  it('is told whose directory a copy would be made in', () =>
    withDatabase('basic-7.8', ['flip 000019.log 0x60.3'], async (dir) => {
      chmodSync(path.dirname(dir), 0o755);
      const { status, text } = asNobody('repair', '--strategy', 'heal', '--yes', dir);
      expect(text).toContain(
        `${path.dirname(dir)} belongs to user root: repeat the command as root (sudo …)`,
      );
      expect(status).toBe(3);
    }));
});
