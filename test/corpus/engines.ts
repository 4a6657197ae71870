import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { runEngine } from '../support/engine.js';
import { askOracle, type OracleReport } from '../support/oracle.js';
import type { Contents } from './contents.js';
import { policyOf } from './corpus.js';

/** Runs `body` with a copy of `dir`, since an engine that opens a directory changes it. */
async function onCopy<T>(dir: string, body: (copy: string) => Promise<T>): Promise<T> {
  const copy = `${dir}.engine`;
  fs.cpSync(dir, copy, { recursive: true });
  try {
    return await body(copy);
  } finally {
    fs.rmSync(copy, { recursive: true, force: true });
  }
}

/** How RocksDB 7.8 (Debian's) sees `dir` otherwise than `contents` say; `undefined` where it agrees. */
export async function disagreement78(
  dir: string,
  name: string,
  contents: Contents,
): Promise<string | undefined> {
  const { open, cfs = {} } = await onCopy(dir, async (copy) => askOracle(copy, 'pit', policyOf(name)));
  if (open !== 'OK') return `RocksDB 7.8: ${open}`;
  for (const [family, { size }] of contents) {
    const { n, iter } = cfs[family] ?? { n: 0, iter: 'no such column family' };
    if (iter !== 'OK') return `RocksDB 7.8, ${family}: ${iter}`;
    if (n !== size) return `RocksDB 7.8 sees ${n} entries in ${family}, not ${size}`;
  }
  return undefined;
}

/** Entries that RocksDB 9.7 (npm's) sees in one column family, or why it sees none. */
function seenBy97(dir: string, columns: readonly string[], column: string): Promise<number | string> {
  const options = { createIfMissing: false, columns: Object.fromEntries(columns.map((name) => [name, {}])) };
  return onCopy(dir, async (copy) => {
    const report = await runEngine('rocksdb-9.7', copy, { options, steps: [{ op: 'iterate', column }] });
    const { error, signal, results } = report;
    return (results[0] as unknown[] | undefined)?.length ?? error ?? `it died of ${signal}`;
  });
}

/**
 * Column families of a healthy base that RocksDB 9.7 sees rightly. Others it cannot be asked about: its build has no LZ4 and
 * aborts on logs of transactions, its binding can be given no merge operator, and it is older than some of the files.
 */
export async function readableBy97(dir: string, contents: Contents): Promise<string[]> {
  const readable: string[] = [];
  for (const [column, { size }] of contents) {
    if ((await seenBy97(dir, [...contents.keys()], column)) === size) readable.push(column);
  }
  return readable;
}

/** How RocksDB 9.7 sees column families otherwise than `contents` say; `undefined` where it agrees. */
export async function disagreement97(
  dir: string,
  contents: Contents,
  readable: readonly string[],
): Promise<string | undefined> {
  for (const column of readable) {
    const seen = await seenBy97(dir, [...contents.keys()], column);
    const { size } = contents.get(column) ?? { size: 0 };
    if (seen !== size) return `RocksDB 9.7 sees ${seen} in ${column}, not ${size} entries`;
  }
  return undefined;
}

/** Entries that a reader of RocksDB 7.8 still sees after `ldb repair`. */
export async function keptByLdb(dir: string, name: string, contents: Contents): Promise<number> {
  return onCopy(dir, async (copy) => {
    spawnSync('ldb', ['repair', `--db=${copy}`], { stdio: 'ignore', timeout: 60_000 });
    const { open, cfs = {} }: OracleReport = askOracle(copy, 'pit', policyOf(name));
    if (open !== 'OK') return 0;
    const kept = [...contents].map(([family, { size }]) => {
      const { n, iter } = cfs[family] ?? { n: 0, iter: '' };
      return iter === 'OK' ? Math.min(n, size) : 0;
    });
    return kept.reduce((sum, each) => sum + each, 0);
  });
}
