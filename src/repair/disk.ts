import { constants, type Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { openSource } from '../io/source.js';
import { syncDirectory } from '../io/sync-directory.js';

/**
 * Everything that a repair does to a disk, one operation at a time, so that a test can end the process before and after
 * any of them. Every method that changes something returns when the change has reached the disk.
 */
export interface Disk {
  stat(file: string): Promise<Stats | undefined>;
  /** All of a file, around what the medium does not give back. */
  read(file: string): Promise<Buffer>;
  /** Creates a file from chunks, with the mode and owner (and `times`) of `like`, and syncs it. Fails when it exists. */
  create(file: string, chunks: AsyncIterable<Uint8Array>, like?: Stats, times?: 'its times'): Promise<void>;
  /** A second name for the same file. Rejects with EXDEV across devices. */
  link(from: string, to: string): Promise<void>;
  /** A symbolic link that says `to`. Fails when the name is taken. */
  symlink(to: string, file: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(file: string): Promise<void>;
  makeDirectory(directory: string): Promise<void>;
  removeDirectory(directory: string): Promise<void>;
  /** Makes names created, renamed or removed in a directory durable. */
  syncDirectory(directory: string | Buffer): Promise<void>;
}

async function absent<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/** The file system itself. */
export const realDisk: Disk = {
  stat: (file) => absent(fs.lstat(file)),
  async read(file) {
    const source = await openSource({ kind: 'file', path: file });
    try {
      const bytes = Buffer.alloc(source.size);
      return bytes.subarray(0, await source.read(bytes, 0));
    } finally {
      await source.close();
    }
  },

  async create(file, chunks, like, times) {
    const handle = await fs.open(file, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      for await (const chunk of chunks) await handle.writeFile(chunk);
      if (like) {
        // Only root may give files away; a repair run by the owner needs no change of owner.
        if (os.userInfo().uid === 0) await handle.chown(like.uid, like.gid);
        await handle.chmod(like.mode & 0o7777);
        if (times !== undefined) await handle.utimes(like.atimeMs / 1000, like.mtimeMs / 1000);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
  },

  link: (from, to) => fs.link(from, to),
  symlink: (to, file) => fs.symlink(to, file),
  rename: (from, to) => fs.rename(from, to),
  remove: (file) => fs.unlink(file),

  async makeDirectory(directory) {
    await fs.mkdir(directory);
    await this.syncDirectory(path.dirname(directory));
  },

  removeDirectory: (directory) => fs.rmdir(directory),

  syncDirectory: (directory) => syncDirectory(directory),
};
