import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { inRepository } from '../test/support/repository.js';

/** One database to measure: tables of one compression, many small ones, one large WAL, or tables and a WAL together. */
export interface BenchDatabase {
  name: string;
  kind: 'tables' | 'files' | 'wal' | 'server' | 'leveldb';
  dir: string;
  /** Bytes of its tables or of its WAL. */
  bytes: number;
}

const libraries = { generate: 'rocksdb', 'generate-leveldb': 'leveldb' };

/** The program that writes databases with an engine's library, compiled where its source has changed. */
function program(name: keyof typeof libraries): string {
  const out = inRepository('tmp/bench', name);
  const source = inRepository('bench', `${name}.cc`);
  fs.mkdirSync(path.dirname(out), { recursive: true });
  if (!fs.existsSync(out) || fs.statSync(out).mtimeMs < fs.statSync(source).mtimeMs) {
    execFileSync('g++', ['-O2', '-std=c++17', source, '-o', out, `-l${libraries[name]}`, '-lpthread'], {
      stdio: 'inherit',
    });
  }
  return out;
}

/** What RocksDB itself takes for the answer of `simulate --digest`. */
export const rocksdbDigest = (dir: string): string[] => [program('generate'), dir, 'digest'];

/** Makes a directory under tmp/bench with calls of a program, unless it is there already. */
function madeOnce(name: string, write: (scratch: string) => string[][]): string {
  const dir = inRepository('tmp/bench', name);
  if (fs.existsSync(path.join(dir, 'CURRENT'))) return dir;
  const scratch = `${dir}.tmp`;
  fs.rmSync(scratch, { recursive: true, force: true });
  for (const [command, ...args] of write(scratch)) {
    try {
      execFileSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    } catch (error) {
      // that is how a WAL is left with something in it
      if ((error as { signal?: string }).signal !== 'SIGKILL') throw error;
    }
  }
  fs.renameSync(scratch, dir);
  return dir;
}

function sizeOf(dir: string, ending: RegExp): number {
  const names = fs.readdirSync(dir).filter((name) => ending.test(name));
  return names.reduce((sum, name) => sum + fs.statSync(path.join(dir, name)).size, 0);
}

/** How many bytes of entries make a byte of table or WAL. */
const INPUT = { none: 1.04, lz4: 1.86, snappy: 1.86, zstd: 2, wal: 1.01 };

/**
 * A database of about `bytes` of tables of one compression or of one WAL, written once by RocksDB and kept in tmp/bench.
 */
export function benchDatabase(
  kind: 'tables' | 'wal',
  bytes: number,
  codec: 'none' | 'lz4' | 'snappy' | 'zstd' = 'none',
): BenchDatabase {
  const name = kind === 'wal' ? 'wal' : `tables-${codec}`;
  const input = Math.round(bytes * INPUT[kind === 'wal' ? 'wal' : codec]);
  const dir = madeOnce(`${name}-${bytes}`, (to) => [[program('generate'), to, kind, String(input), codec]]);
  return { name, kind, dir, bytes: sizeOf(dir, kind === 'wal' ? /\.log$/ : /\.sst$/) };
}

/** `count` tables of 1,000 entries each, 138 KiB. */
export function benchFiles(count: number): BenchDatabase {
  const dir = madeOnce(`files-${count}`, (to) => [[program('generate'), to, 'files', String(count)]]);
  return { name: 'small tables', kind: 'files', dir, bytes: sizeOf(dir, /\.sst$/) };
}

/** The tables of `benchDatabase` with Snappy, written by LevelDB. */
export function benchLevelDb(bytes: number): BenchDatabase {
  const input = Math.round(bytes * INPUT.snappy);
  const dir = madeOnce(`leveldb-${bytes}`, (to) => [[program('generate-leveldb'), to, String(input)]]);
  return { name: 'leveldb-snappy', kind: 'leveldb', dir, bytes: sizeOf(dir, /\.(ldb|sst)$/) };
}

/** Tables, and after them one live WAL over the same keys: what a killed server leaves. `bytes` is all of it, a quarter WAL. */
export function benchServer(bytes: number): BenchDatabase {
  const dir = madeOnce(`server-${bytes}`, (to) => [
    [program('generate'), to, 'tables', String(Math.round(bytes * 0.75)), 'none'],
    [program('generate'), to, 'wal', String(Math.round(bytes * 0.25)), 'none'],
  ]);
  return { name: 'server', kind: 'server', dir, bytes: sizeOf(dir, /\.(sst|log)$/) };
}

/** The WAL of a database that has one with something in it. */
export function logOf(dir: string): string {
  const isFull = (name: string) => name.endsWith('.log') && fs.statSync(path.join(dir, name)).size > 0;
  return path.join(dir, fs.readdirSync(dir).find(isFull)!);
}

/** Reads every file once, so that all commands find the page cache equally warm. */
export function warm(dir: string): void {
  const buffer = new Uint8Array(1 << 22);
  for (const name of fs.readdirSync(dir)) {
    const handle = fs.openSync(path.join(dir, name), 'r');
    while (fs.readSync(handle, buffer, 0, buffer.length, null) > 0);
    fs.closeSync(handle);
  }
}
