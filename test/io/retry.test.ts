import { describe, expect, it } from 'vitest';
import { type ByteSource, FILLER } from '../../src/bytes/source.js';
import { retryingSource } from '../../src/io/retry.js';

/** A disk of `size` bytes, each its own offset modulo 251, that fails on any read that touches a bad sector of 512 bytes. */
function disk(
  size: number,
  isBad: (sector: number) => boolean,
  code = 'EIO',
): ByteSource & { reads: number } {
  const content = new Uint8Array(size).map((_, i) => i % 251);
  return {
    size,
    reads: 0,
    descriptor: { kind: 'memory', bytes: content },
    async read(into, offset) {
      this.reads++;
      const end = Math.min(offset + into.length, size);
      for (let sector = Math.floor(offset / 512); sector * 512 < end; sector++) {
        if (isBad(sector)) throw Object.assign(new Error('i/o error'), { code });
      }
      into.set(content.subarray(offset, end));
      return Math.max(end - offset, 0);
    },
    async close() {},
  };
}

async function readAll(source: ByteSource, chunk: number): Promise<Uint8Array> {
  const all = new Uint8Array(source.size);
  for (let at = 0; at < all.length; at += chunk) {
    const into = all.subarray(at, at + chunk);
    expect(await source.read(into, at)).toBe(into.length);
  }
  return all;
}

describe('retryingSource', () => {
  it.each([1000, 4096, 65536, 200_000])(
    'loses the bad sectors and nothing else, in reads of %d',
    async (chunk) => {
      const bad = [3, 4, 40, 100];
      const source = retryingSource(disk(100_100, (sector) => bad.includes(sector)));
      const all = await readAll(source, chunk);
      expect(source.unreadable).toEqual([
        { offset: 3 * 512, length: 1024 },
        { offset: 40 * 512, length: 512 },
        { offset: 100 * 512, length: 512 },
      ]);
      for (const [i, byte] of all.entries()) {
        const lost = bad.includes(Math.floor(i / 512));
        if (byte !== (lost ? FILLER : i % 251)) throw new Error(`byte ${i} is ${byte}`);
      }
    },
  );

  it('merges ranges that are met out of order', async () => {
    const source = retryingSource(disk(10_000, (sector) => [2, 3, 4, 9].includes(sector)));
    for (const at of [9, 4, 2, 3]) await source.read(new Uint8Array(512), at * 512);
    expect(source.unreadable).toEqual([
      { offset: 1024, length: 1536 },
      { offset: 9 * 512, length: 512 },
    ]);
  });

  it('does not ask a dead disk for every sector', async () => {
    const size = 32 << 20;
    const dead = disk(size, () => true);
    const source = retryingSource(dead);
    await source.read(new Uint8Array(size), 0);
    expect(source.unreadable).toEqual([{ offset: 0, length: size }]);
    expect(dead.reads).toBeLessThan(2000);
    await source.read(new Uint8Array(size), 0);
    expect(dead.reads).toBeLessThan(2000);
  });

  it('asks a dead disk once for each read when it has lost its patience', async () => {
    const size = 32 << 20;
    const dead = disk(size, () => true);
    const source = retryingSource(dead);
    await readAll(source, 1 << 20);
    expect(source.unreadable).toEqual([{ offset: 0, length: size }]);
    expect(dead.reads).toBeLessThan(2000);
  });

  it('does not hide that a file may not be read', async () => {
    const source = retryingSource(disk(1000, () => true, 'EACCES'));
    await expect(source.read(new Uint8Array(10), 0)).rejects.toMatchObject({ code: 'EACCES' });
  });

  it('ends where the file ends', async () => {
    const source = retryingSource(disk(1300, (sector) => sector === 1));
    expect(await source.read(new Uint8Array(8192), 0)).toBe(1300);
    expect(await source.read(new Uint8Array(10), 5000)).toBe(0);
  });
});
