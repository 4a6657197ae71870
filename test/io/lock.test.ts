import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { probeLock } from '../../src/io/lock.js';
import { withTemporaryDirectory } from '../support/files.js';

const python = spawnSync('python3', ['--version']).status === 0;

const holder = `
import fcntl, sys
f = open(sys.argv[1], 'r+b')
fcntl.lockf(f, fcntl.LOCK_EX)
print('locked', flush=True)
sys.stdin.read()
`;

it('says that there is no LOCK file', () =>
  withTemporaryDirectory(async (dir) => {
    expect(await probeLock(dir)).toMatchObject({ state: 'no-lock-file', pids: [] });
  }));

it.skipIf(!python)('tells a held lock from a free one, with the owner, and takes none', () =>
  withTemporaryDirectory(async (dir) => {
    const file = path.join(dir, 'LOCK');
    fs.writeFileSync(file, '');
    expect((await probeLock(dir)).state).toBe('free');
    const owner = spawn('python3', ['-c', holder, file]);
    await new Promise((resolve) => owner.stdout.once('data', resolve));
    expect(await probeLock(dir)).toMatchObject({ state: 'held', pids: [owner.pid] });
    expect(await probeLock(dir)).toMatchObject({ state: 'held', pids: [owner.pid] });
    owner.stdin.end();
    await new Promise((resolve) => owner.once('close', resolve));
    expect((await probeLock(dir)).state).toBe('free');
  }),
);
