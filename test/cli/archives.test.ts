import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { compressZstd, loadZstd } from '../../src/codec/zstd.js';
import { kvdoctor } from '../support/cli.js';
import { fixture, withTemporaryDirectory } from '../support/files.js';
import { tarOf } from '../support/tar.js';
import { lacks } from '../support/tools.js';

/*
 * Every kind of archive in a process of its own: what the process has loaded before it reads decides whether it can.
 */

/** Bytes that no codec makes smaller. */
function noise(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0, state = 1; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

const tars = new Map<string, Buffer>();
beforeAll(async () => {
  await loadZstd();
  const small = fixture('backup-7.8');
  tars.set('10 KiB', await tarOf(small));
  const large = new Map([...small, ['shared_checksum/noise', noise(3 << 20)] as const]);
  tars.set('3 MiB', await tarOf(large, 'backups/nightly/'));
});

async function expectClean(name: string, pack: (tar: Buffer, file: string) => void): Promise<void> {
  for (const [size, tar] of tars) {
    await withTemporaryDirectory(async (dir) => {
      const file = path.join(dir, name);
      pack(tar, file);
      const { status, stdout } = await kvdoctor(['scan', '--format', 'json', file]);
      const report = JSON.parse(stdout);
      const verdicts = report.targets[0].backups?.map(({ verdict }: { verdict: string }) => verdict);
      expect({ size, status, verdict: report.verdict, verdicts }).toEqual({
        size,
        status: 0,
        verdict: 'clean',
        verdicts: ['clean', 'clean'],
      });
    });
  }
}

const packers: Record<string, (tar: Buffer) => Uint8Array> = {
  tar: (tar) => tar,
  'tar.gz': (tar) => gzipSync(tar),
  tgz: (tar) => gzipSync(tar, { level: 1 }),
  'tar.zst': (tar) => compressZstd(tar),
  'tar.zstd': (tar) => compressZstd(tar),
  tzst: (tar) => compressZstd(tar),
};

describe('a fresh process reads a healthy backup directory in', () => {
  it.each(Object.keys(packers))('%s', async (kind) => {
    await expectClean(`b.${kind}`, (tar, file) => fs.writeFileSync(file, packers[kind](tar)));
  });

  const ways = ['-1', '-19', '--fast=5', '--ultra -22 --long=27', '-3 -T2 --no-check -B100KB'];
  it.skipIf(lacks('zstd')).each(ways)('what zstd %s writes', async (way) => {
    await expectClean('b.tar.zst', (tar, file) =>
      fs.writeFileSync(
        file,
        execFileSync('zstd', ['-q', '-c', ...way.split(' ')], { input: tar, maxBuffer: 1 << 28 }),
      ),
    );
  });
});

describe('a zstd frame with too large a window', () => {
  it.skipIf(lacks('zstd'))('is not called damaged: unpack it', async () => {
    await withTemporaryDirectory(async (dir) => {
      const file = path.join(dir, 'b.tar.zst');
      const input = tars.get('10 KiB');
      fs.writeFileSync(file, execFileSync('zstd', ['-q', '-c', '-1', '--long=30'], { input }));
      const { status, stdout } = await kvdoctor(['scan', file]);
      expect(stdout).toContain('unchecked the zstd frame wants too large a window');
      expect(status).toBe(3);
    });
  });
});
