import { renameSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ByteSource } from '../../src/bytes/source.js';
import { KeptOpen } from '../../src/io/kept-open.js';
import { withTemporaryDirectory } from '../support/files.js';

const text = async (source: ByteSource) => {
  const bytes = new Uint8Array(source.size);
  await source.read(bytes, 0);
  return Buffer.from(bytes).toString();
};

const read = async (files: KeptOpen, file: string) => {
  const source = await files.open({ kind: 'file', path: file });
  try {
    return await text(source);
  } finally {
    await source.close();
  }
};

const held = async () => (await readdir('/proc/self/fd')).length;

describe('files kept open', () => {
  it('are the same for every reader until they are given back', async () => {
    await withTemporaryDirectory(async (dir) => {
      const file = path.join(dir, 'a');
      writeFileSync(file, 'old');
      const files = new KeptOpen();
      expect(await read(files, file)).toBe('old');
      writeFileSync(`${file}.new`, 'new');
      renameSync(`${file}.new`, file);
      expect(await read(files, file)).toBe('old');
      const pieces = { of: { kind: 'file' as const, path: file }, offset: 1, length: 2 };
      const source = await files.openUnretried({ kind: 'pieces', pieces: [pieces] });
      expect(await text(source)).toBe('ld');
      await files.close();
      expect(await text(source)).toBe('ld');
      await source.close();
      expect(await read(files, file)).toBe('new');
    });
  });

  it('are tried again where they could not be opened', async () => {
    await withTemporaryDirectory(async (dir) => {
      const files = new KeptOpen();
      const file = path.join(dir, 'a');
      await expect(read(files, file)).rejects.toMatchObject({ code: 'ENOENT' });
      writeFileSync(file, 'here');
      expect(await read(files, file)).toBe('here');
      await files.close();
    });
  });

  it.skipIf(process.platform !== 'linux')('are not more than a bound, and none in the end', async () => {
    await withTemporaryDirectory(async (dir) => {
      const files = new KeptOpen();
      const before = await held();
      for (let i = 0; i < 100; i++) {
        writeFileSync(path.join(dir, String(i)), String(i));
        expect(await read(files, path.join(dir, String(i)))).toBe(String(i));
      }
      expect((await held()) - before).toBe(64);
      await files.close();
      expect(await held()).toBe(before);
    });
  });
});
