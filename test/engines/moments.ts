import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { repairTarget } from '../../src/repair/run.js';
import type { TargetReport } from '../../src/report/report.js';
import { compiled } from '../support/compile.js';
import { inRepository } from '../support/repository.js';
import { type Dice, dice } from './backup-damage.js';

/** What happened to a directory: what moments.cc makes, and what is done to its files then; false where that cannot be. */
interface Happening {
  about: string;
  made: string;
  damage?(dir: string, roll: Dice): boolean;
}

const only = (made: string, about: string): Happening => ({ about, made });

export const kinds = {
  stale: only('stale', 'copied while the engine ran, MANIFEST first'),
  'stale-family': only('stale-family', 'the same, and a column family added meanwhile'),
  rsync: only('rsync', 'copied while the engine ran, MANIFEST last'),
  'rsync-dropped': only('rsync-dropped', 'the same, and a column family dropped meanwhile'),
  livefiles: only('livefiles', 'files of GetLiveFiles with all of the MANIFEST'),
  opener: only('opener', 'a second process had it open'),
  'opener-wrote': only('opener-wrote', 'a second process had it open, and wrote'),
  missing: only('missing', 'a table gone, its log still there'),
  exchanged: { about: 'two logs exchanged', made: 'wals', damage: exchangeLogs },
  'wal-dir': {
    about: 'logs in a `wal_dir` that is elsewhere, named with `--wal-dir`',
    made: 'wals',
    damage: moveLogs,
  },
  'line-endings': { about: 'every LF made CR LF, by a transfer as text', made: 'live', damage: makeCrLf },
  inserted: { about: 'up to 4,096 bytes put into a table', made: 'live', damage: insertBytes },
  repairdb: only('repairdb', 'RepairDB went over a healthy database'),
  'repairdb-flipped': {
    about: 'RepairDB went over a table with one flipped bit',
    made: 'live',
    damage: (dir, roll) => flipBit(dir, roll) && repairWithLdb(dir),
  },
  'repairdb-twice': {
    about: 'RepairDB went over it twice',
    made: 'live',
    damage: (dir) => repairWithLdb(dir) && repairWithLdb(dir),
  },
} satisfies Record<string, Happening>;

export type Kind = keyof typeof kinds;

/** Entries and their hash, by column family. */
export type Seen = Record<string, { n: number; fnv: string }>;

/** KVDOCTOR_MOMENTS: moments.cc, linked with another release than Debian's. */
const program = () => process.env.KVDOCTOR_MOMENTS ?? compiled(inRepository('test', 'engines', 'moments.cc'));

function ask(...args: string[]): string {
  const { stdout } = spawnSync(program(), args, { encoding: 'utf8', timeout: 60_000 });
  return stdout.trim().split('\n').at(-1) ?? '';
}

/** Makes a directory and gives what RocksDB saw before; `undefined` where the seed does not lead to one of the kind. */
export function make(kind: Kind, seed: number, dir: string): Seen | undefined {
  const { made, damage }: Happening = kinds[kind];
  const line = ask('make', made, String(seed), dir);
  if (line === 'skip' || damage?.(dir, dice(seed)) === false) return undefined;
  return (JSON.parse(line) as { truth: Seen }).truth;
}

const namesOf = (dir: string, ending: string) =>
  fs
    .readdirSync(dir)
    .filter((name) => name.endsWith(ending) && fs.statSync(path.join(dir, name)).size > 0)
    .sort();

function change(dir: string, name: string, to: (bytes: Buffer) => Buffer): void {
  const file = path.join(dir, name);
  const bytes = to(fs.readFileSync(file));
  // files that are hard links of the engine's stay as they are
  fs.rmSync(file);
  fs.writeFileSync(file, bytes);
}

function exchangeLogs(dir: string, roll: Dice): boolean {
  const logs = namesOf(dir, '.log');
  if (logs.length < 2) return false;
  const at = roll(logs.length - 1);
  const [one, other] = [logs[at], logs[at + 1 + roll(logs.length - 1 - at)]].map((name) =>
    path.join(dir, name),
  );
  fs.renameSync(one, `${one}.aside`);
  fs.renameSync(other, one);
  fs.renameSync(`${one}.aside`, other);
  return true;
}

const walDirOf = (dir: string) => `${dir}.wal`;

function moveLogs(dir: string): boolean {
  const logs = namesOf(dir, '.log');
  if (logs.length === 0) return false;
  fs.mkdirSync(walDirOf(dir));
  for (const name of logs) fs.renameSync(path.join(dir, name), path.join(walDirOf(dir), name));
  for (const name of fs.readdirSync(dir).filter((each) => each.startsWith('OPTIONS')))
    change(dir, name, (bytes) =>
      Buffer.from(
        bytes.toString('latin1').replace('[DBOptions]\n', '[DBOptions]\n  wal_dir=/srv/elsewhere/wal\n'),
        'latin1',
      ),
    );
  return true;
}

function makeCrLf(dir: string): boolean {
  const crLf = (bytes: Buffer) => Buffer.from(bytes.toString('latin1').replaceAll('\n', '\r\n'), 'latin1');
  for (const name of fs.readdirSync(dir)) change(dir, name, crLf);
  return true;
}

/** One of the tables, and a place in it. */
function inTable(dir: string, roll: Dice, to: (bytes: Buffer, at: number) => Buffer): boolean {
  const tables = namesOf(dir, '.sst');
  if (tables.length === 0) return false;
  change(dir, tables[roll(tables.length)], (bytes) => to(bytes, roll(bytes.length)));
  return true;
}

function insertBytes(dir: string, roll: Dice): boolean {
  const noise = Buffer.from(Array.from({ length: [1, 7, 64, 512, 4096][roll(5)] }, () => roll(256)));
  return inTable(dir, roll, (bytes, at) => Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)]));
}

function flipBit(dir: string, roll: Dice): boolean {
  return inTable(dir, roll, (bytes, at) => {
    bytes[at] ^= 1 << roll(8);
    return bytes;
  });
}

function repairWithLdb(dir: string): boolean {
  spawnSync('ldb', ['repair', `--db=${dir}`], { stdio: 'ignore', timeout: 60_000 });
  for (const name of fs.readdirSync(dir).filter((each) => each.startsWith('LOG')))
    fs.rmSync(path.join(dir, name));
  return true;
}

/** What RocksDB sees in absolute mode; nothing where it refuses. It changes the directory. */
export function seenBy(dir: string): Seen {
  const line = ask('view', dir);
  return line.startsWith('{') ? (JSON.parse(line) as { cfs: Seen }).cfs : {};
}

/** The repaired copy of a directory, or the directory where nothing is to be done. */
export async function repairedCopy(dir: string): Promise<{ output: string; report: TargetReport }> {
  const output = `${dir}.out`;
  const walDir = fs.existsSync(walDirOf(dir)) ? walDirOf(dir) : undefined;
  const report = await repairTarget(
    dir,
    {
      way: { strategy: 'auto' },
      destination: { kind: 'copy', output },
      ...(walDir && { walDir }),
      tool: 'test',
      jobs: 1,
    },
    { confirm: async () => true },
  );
  if (fs.existsSync(output)) return { output, report };
  // the engine of the test looks for logs in the directory
  if (walDir !== undefined) fs.cpSync(walDir, dir, { recursive: true });
  return { output: dir, report };
}

/** What `ldb repair` makes of a copy. */
export function seenAfterLdb(dir: string): Seen {
  const copy = path.join(path.dirname(dir), `${path.basename(dir)}.ldb`);
  fs.cpSync(dir, copy, { recursive: true });
  repairWithLdb(copy);
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
