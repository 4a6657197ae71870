import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { inRepository } from './repository.js';

/** Engines that npm brings: RocksDB 6.17.3 (`rocksdb`), RocksDB 9.7.4 (`@nxtedition/rocksdb`), LevelDB (`classic-level`). */
export type EngineName = 'rocksdb-6.17' | 'rocksdb-9.7' | 'leveldb';

const PACKAGES: Record<EngineName, string> = {
  'rocksdb-6.17': 'rocksdb',
  'rocksdb-9.7': '@nxtedition/rocksdb',
  leveldb: 'classic-level',
};

export type WalShape = 'large' | 'small' | 'json' | 'random' | 'batches';

/** SHA-256 over lines `key value`, both in base64. */
export interface Digest {
  entries: number;
  sha256: string;
  /** In base64. */
  lastKey?: string;
}

export type Bytes = string | { base64: string };

export type EngineStep =
  | { op: 'put'; key: Bytes; value: Bytes; column?: string }
  | { op: 'del'; key: Bytes; column?: string }
  | { op: 'batch'; ops: { type: 'put' | 'del'; key: Bytes; value?: Bytes; column?: string }[] }
  /** Puts `prefix:000123` for from ≤ number < to, `batch` of them per WriteBatch. */
  | { op: 'fill'; from: number; to: number; size?: number; batch?: number; prefix?: string; column?: string }
  /** Writes as fast as it can: puts and deletions over 20,000 keys. */
  | { op: 'load'; milliseconds: number; column?: string }
  /** Puts of one shape (wal-shapes.mjs) until the write-ahead logs have so many bytes. */
  | { op: 'shape'; shape: WalShape; bytes: number; column?: string }
  /** How many entries are visible, and a hash of them: a `Digest`. */
  | { op: 'digest'; column?: string }
  /** Every visible entry, as pairs of base64. */
  | { op: 'iterate'; column?: string }
  /** Flushes and compacts everything (not with 9.7, whose binding cannot). */
  | { op: 'compact' }
  | { op: 'property'; name: string }
  | { op: 'sleep'; milliseconds: number }
  /** Prints what is known so far: the parent sees that the engine runs. */
  | { op: 'announce' }
  | { op: 'close' }
  /** SIGKILL to itself: nothing is closed. */
  | { op: 'kill' };

export interface EngineScript {
  /** As the binding takes them: `createIfMissing`, `readOnly`, `columns`, … */
  options?: Record<string, unknown>;
  steps: EngineStep[];
}

export interface EngineReport {
  opened: boolean;
  /** The engine's status text. */
  error?: string;
  /** One for each step that ran: entries of `iterate`, else null. */
  results: unknown[];
  /** The process died of this signal (SIGKILL is what `kill` asks for). */
  signal?: string;
}

export function engineAvailable(engine: EngineName): boolean {
  try {
    createRequire(import.meta.url).resolve(PACKAGES[engine], { paths: [inRepository()] });
    return true;
  } catch {
    return false;
  }
}

export function spawnEngine(engine: EngineName, dir: string, script: EngineScript) {
  const child = spawn(process.execPath, [inRepository('test/support/engine-child.mjs'), engine, dir], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.end(JSON.stringify(script));
  return child;
}

/** Opens `dir` with a real engine in a child process, runs the steps and returns what they gave. Never rejects. */
export function runEngine(engine: EngineName, dir: string, script: EngineScript): Promise<EngineReport> {
  return new Promise((done) => {
    const child = spawnEngine(engine, dir, script);
    const out: string[] = [];
    const err: string[] = [];
    child.stdout.setEncoding('utf8').on('data', (text) => out.push(text));
    child.stderr.setEncoding('utf8').on('data', (text) => err.push(text));
    child.on('close', (_, signal) => {
      const last = out.join('').trim().split('\n').pop();
      const report: EngineReport = last
        ? JSON.parse(last)
        : {
            opened: false,
            error: `the engine's process died: ${signal} ${err.join('').slice(-500)}`,
            results: [],
          };
      done(signal ? { ...report, signal } : report);
    });
  });
}
