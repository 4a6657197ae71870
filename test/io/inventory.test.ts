import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { takeInventory } from '../../src/io/inventory.js';
import { withTemporaryDirectory } from '../support/files.js';

const write = (dir: string, ...names: string[]) => {
  for (const name of names) {
    fs.mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
    fs.writeFileSync(path.join(dir, name), name);
  }
};

describe('takeInventory', () => {
  it('lists files in order with what their names say, and subdirectories by name', () =>
    withTemporaryDirectory(async (dir) => {
      write(dir, 'CURRENT', '000004.log', '000012.sst', 'archive/000003.log', 'lost/000001.sst', 'other/x');
      const inventory = await takeInventory(dir);
      expect(inventory.entries.map((e) => [e.file, e.kind, e.number, e.place])).toEqual([
        ['000004.log', 'wal', 4n, 'database'],
        ['000012.sst', 'table', 12n, 'database'],
        ['CURRENT', 'current', undefined, 'database'],
        ['archive/000003.log', 'wal', 3n, 'archive'],
        ['lost/000001.sst', 'table', 1n, 'lost'],
      ]);
      expect(inventory.directories).toEqual(['archive', 'lost', 'other']);
      expect(inventory.entries[0].size).toBe('000004.log'.length);
    }));

  it('lists wal_dir and db_paths, each once, and not the target again', () =>
    withTemporaryDirectory(async (parent) => {
      const dir = path.join(parent, 'db');
      write(parent, 'db/000012.sst', 'wal/000004.log', 'second/000013.sst');
      fs.symlinkSync(dir, path.join(parent, 'alias'));
      const { entries, roots } = await takeInventory(dir, {
        walDirs: [path.join(parent, 'wal')],
        dbPaths: [path.join(parent, 'alias'), path.join(parent, 'second')],
      });
      expect(entries.map((e) => [e.file, e.root && path.basename(e.root), e.place, e.pathId])).toEqual([
        ['000012.sst', undefined, 'database', 0],
        ['000004.log', 'wal', 'wal-dir', undefined],
        ['000013.sst', 'second', 'db-path', 1],
      ]);
      expect(roots.map((r) => path.basename(r.directory))).toEqual(['wal', 'second']);
    }));

  it('follows links to files; says which lead nowhere or to something that is no file', () =>
    withTemporaryDirectory(async (parent) => {
      const dir = path.join(parent, 'db');
      write(parent, 'elsewhere.sst', 'db/CURRENT');
      fs.symlinkSync(path.join(parent, 'elsewhere.sst'), path.join(dir, '000012.sst'));
      fs.symlinkSync(path.join(parent, 'gone'), path.join(dir, '000013.sst'));
      fs.symlinkSync(dir, path.join(dir, 'loop'));
      fs.symlinkSync('000014.sst', path.join(dir, '000014.sst'));
      const { entries, directories, unlistable } = await takeInventory(dir);
      expect(entries.map((e) => e.file)).toEqual(['000012.sst', 'CURRENT']);
      expect(directories).toEqual(['loop']);
      expect(unlistable.map((u) => [u.file, u.kind, u.number])).toEqual([
        ['000013.sst', 'table', 13n],
        ['000014.sst', 'table', 14n],
      ]);
      expect(unlistable[0].reason).toBe('a symbolic link to a file that does not exist');
    }));

  it('keeps the bytes of names that are not UTF-8', () =>
    withTemporaryDirectory(async (dir) => {
      const raw = Buffer.concat([Buffer.from(`${dir}/caf`), Buffer.from([0xe9]), Buffer.from('.sst')]);
      fs.writeFileSync(raw, 'x');
      const [entry] = (await takeInventory(dir)).entries;
      expect(entry.kind).toBe('other');
      expect(Buffer.from(entry.nameBytes!).toString('latin1')).toBe('café.sst');
      expect(entry.source).toEqual({ kind: 'file', path: new Uint8Array(raw) });
    }));

  it('says in words why a target cannot be listed', () =>
    withTemporaryDirectory(async (dir) => {
      write(dir, 'file');
      await expect(takeInventory(path.join(dir, 'nothing'))).rejects.toMatchObject({
        kind: 'not-found',
        message: `${dir}/nothing does not exist`,
      });
      await expect(takeInventory(path.join(dir, 'file'))).rejects.toMatchObject({ kind: 'not-a-directory' });
    }));

  it.skipIf(process.getuid?.() === 0)('says when permission is missing', () =>
    withTemporaryDirectory(async (dir) => {
      write(dir, 'db/CURRENT');
      fs.chmodSync(path.join(dir, 'db'), 0);
      await expect(takeInventory(path.join(dir, 'db'))).rejects.toMatchObject({ kind: 'no-permission' });
      fs.chmodSync(path.join(dir, 'db'), 0o700);
    }),
  );
});
