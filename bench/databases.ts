import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { inRepository } from '../test/support/repository.js';

/** One database to measure: tables of one compression, one large WAL, or both together. */
export interface BenchDatabase {
  name: string;
  kind: 'tables' | 'wal' | 'server';
  dir: string;
  /** Bytes of its tables or of its WAL. */
  bytes: number;
}

function program(): string {
  const out = inRepository('tmp/bench/generate');
  const source = inRepository('bench/generate.cc');
  if (!fs.existsSync(out) || fs.statSync(out).mtimeMs < fs.statSync(source).mtimeMs) {
    execFileSync('g++', ['-O2', '-std=c++17', source, '-o', out, '-lrocksdb', '-lpthread'], {
      stdio: 'inherit',
    });
  }
  return out;
}

function sizeOf(dir: string, ending: RegExp): number {
  const names = fs.readdirSync(dir).filter((name) => ending.test(name));
  return names.reduce((sum, name) => sum + fs.statSync(path.join(dir, name)).size, 0);
}

/**
 * A database of about `bytes` uncompressed, written once by RocksDB and kept in tmp/bench. Compressed tables are written
 * until the files themselves reach `bytes`.
 */
export function benchDatabase(kind: 'tables' | 'wal', bytes: number, codec = 'none'): BenchDatabase {
  const name = kind === 'wal' ? 'wal' : `tables-${codec}`;
  const dir = inRepository('tmp/bench', `${name}-${bytes}`);
  fs.mkdirSync(path.dirname(dir), { recursive: true });
  if (!fs.existsSync(path.join(dir, 'CURRENT'))) {
    const scratch = `${dir}.tmp`;
    fs.rmSync(scratch, { recursive: true, force: true });
    const input = Math.round(
      bytes * (kind === 'wal' ? 1.01 : codec === 'none' ? 1.04 : codec === 'lz4' ? 1.86 : 2),
    );
    try {
      execFileSync(program(), [scratch, kind, String(input), codec], {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
    } catch (error) {
      if ((error as { signal?: string }).signal !== 'SIGKILL') throw error;
    }
    fs.renameSync(scratch, dir);
  }
  return { name, kind, dir, bytes: sizeOf(dir, kind === 'wal' ? /\.log$/ : /\.sst$/) };
}

/** Tables, and after them one live WAL over the same keys: what a killed server leaves. `bytes` is all of it, a quarter WAL. */
export function benchServer(bytes: number): BenchDatabase {
  const dir = inRepository('tmp/bench', `server-${bytes}`);
  if (!fs.existsSync(path.join(dir, 'CURRENT'))) {
    const scratch = `${dir}.tmp`;
    fs.rmSync(scratch, { recursive: true, force: true });
    for (const [kind, share] of [
      ['tables', 0.75],
      ['wal', 0.25],
    ] as const) {
      try {
        execFileSync(program(), [scratch, kind, String(Math.round(bytes * share)), 'none'], {
          stdio: ['ignore', 'ignore', 'inherit'],
        });
      } catch (error) {
        if ((error as { signal?: string }).signal !== 'SIGKILL') throw error;
      }
    }
    fs.renameSync(scratch, dir);
  }
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
