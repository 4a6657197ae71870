import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { repairTarget } from '../../src/repair/run.js';
import type { TargetReport } from '../../src/report/report.js';
import { compiled } from '../support/compile.js';
import { inRepository } from '../support/repository.js';

/** Directories of several moments or histories that moments.cc makes, by what happened. */
export const kinds = {
  stale: 'copied while the engine ran, MANIFEST first',
  rsync: 'copied while the engine ran, MANIFEST last',
  livefiles: 'files of GetLiveFiles with all of the MANIFEST',
  opener: 'a second process had it open',
  'opener-wrote': 'a second process had it open, and wrote',
  missing: 'a table gone, its log still there',
  repairdb: 'RepairDB went over a healthy database',
} as const;

export type Kind = keyof typeof kinds;

/** Entries and their hash, by column family. */
export type Seen = Record<string, { n: number; fnv: string }>;

const program = () => compiled(inRepository('test', 'engines', 'moments.cc'));

function ask(...args: string[]): string {
  const { stdout } = spawnSync(program(), args, { encoding: 'utf8', timeout: 60_000 });
  return stdout.trim().split('\n').at(-1) ?? '';
}

/** Makes a directory and gives what RocksDB saw before; `undefined` where the seed does not lead to one of the kind. */
export function make(kind: Kind, seed: number, dir: string): Seen | undefined {
  const line = ask('make', kind, String(seed), dir);
  if (line === 'skip') return undefined;
  return (JSON.parse(line) as { truth: Seen }).truth;
}

/** What RocksDB sees in absolute mode; nothing where it refuses. It changes the directory. */
export function seenBy(dir: string): Seen {
  const line = ask('view', dir);
  return line.startsWith('{') ? (JSON.parse(line) as { cfs: Seen }).cfs : {};
}

/** The repaired copy of a directory, or the directory where nothing is to be done. */
export async function repairedCopy(dir: string): Promise<{ output: string; report: TargetReport }> {
  const output = `${dir}.out`;
  const report = await repairTarget(
    dir,
    { way: { strategy: 'auto' }, destination: { kind: 'copy', output }, tool: 'test', jobs: 1 },
    { confirm: async () => true },
  );
  return { output: fs.existsSync(output) ? output : dir, report };
}

/** What `ldb repair` makes of a copy. */
export function seenAfterLdb(dir: string): Seen {
  const copy = path.join(path.dirname(dir), `${path.basename(dir)}.ldb`);
  fs.cpSync(dir, copy, { recursive: true });
  spawnSync('ldb', ['repair', `--db=${copy}`], { stdio: 'ignore', timeout: 60_000 });
  return seenBy(copy);
}

/** Entries of column families whose contents are not those of `truth`: all of them, as nobody can tell which are right. */
export function lost(truth: Seen, seen: Seen): number {
  const others = Object.entries(truth).filter(([family, { n, fnv }]) => {
    const own = seen[family];
    return own?.n !== n || own.fnv !== fnv;
  });
  return others.reduce((sum, [, { n }]) => sum + n, 0);
}

/** Whether every column family is what it was. */
export function isSame(truth: Seen, seen: Seen): boolean {
  return Object.entries(truth).every(
    ([family, { n, fnv }]) => seen[family]?.n === n && seen[family].fnv === fnv,
  );
}
