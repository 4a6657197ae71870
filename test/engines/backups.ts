/*
 * BackupEngine directories with damage of every kind, judged by Debian's RocksDB and by a scan. The engine's word is not VerifyBackup's
 * alone, which looks at bytes: a backup is good when it also restores, opens and reads as it did before the damage.
 */
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { exitStatusOf } from '../../src/cli/exit-status.js';
import type { TargetReport } from '../../src/report/report.js';
import { buildReport } from '../../src/report/summary.js';
import { scanTarget } from '../../src/scan/scan.js';
import { compiled } from '../support/compile.js';
import { type FileSet, readFileSet, writeFileSet } from '../support/files.js';
import { inRepository } from '../support/repository.js';
import { type DamageKind, type Dice, damaged } from './backup-damage.js';

const program = () => compiled(inRepository('test/engines/backups.cc'));

/** Backup directories to damage: words for `backups make`. Every layout of shared files, and what databases put into them. */
export const bases = [
  'backups=3',
  'backups=3 families',
  'backups=4 delete=2 compact reopen',
  'backups=3 session families',
  'backups=3 crc compact',
  'backups=3 shared reopen',
  'backups=3 private families',
  'backups=3 blobs',
  'backups=3 txn',
  'backups=3 txn written-prepared',
  'backups=3 busy families',
  'backups=3 flush nologs metadata',
  'backups=3 schema2 metadata',
  'backups=4 purge=2 ingest',
] as const;

/** What the engine does with one backup. */
export interface EngineWord {
  verify: string;
  checksums: string;
  restore: string;
  open?: string;
  read?: string;
  entries?: number;
  hash?: string;
}

/** What the engine does with a backup directory. */
export interface EngineReport {
  open: string;
  corrupt: number[];
  backups: Record<string, EngineWord>;
  /** The signal that ended an engine with assertions. */
  died?: number;
}

/** Asks the engine about directories, each in a process of its own. */
export async function askBackupEngine(dirs: readonly string[], scratch: string): Promise<EngineReport[]> {
  const child = spawn(program(), ['verify', scratch], { stdio: ['pipe', 'pipe', 'ignore'] });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk) => chunks.push(chunk));
  child.stdin.end(dirs.map((dir) => `${dir}\n`).join(''));
  await new Promise((done, failed) => child.on('error', failed).on('close', done));
  const answers = Buffer.concat(chunks).toString().split('done\n').slice(0, -1);
  return answers.map((answer) => {
    const died = /^died (\d+)$/m.exec(answer);
    if (died !== null) return { open: 'died', corrupt: [], backups: {}, died: Number(died[1]) };
    return { corrupt: [], backups: {}, ...JSON.parse(answer) };
  });
}

/** The engine knows it, verifies it, restores it, opens what it restored and reads all of it. */
export function isWhole(word: EngineWord | undefined): boolean {
  return (
    word !== undefined && [word.checksums, word.restore, word.open, word.read].every((each) => each === 'OK')
  );
}

export interface ComparedBackup {
  /** `12 flip 3: shared_checksum/… 0x10.3`, and the backup. */
  name: string;
  base: string;
  kind: DamageKind;
  id: number;
  engine: EngineReport;
  word?: EngineWord;
  /** It reads as it did before the damage. */
  same: boolean;
  report: TargetReport;
  /** The scan says that it can be restored. */
  restorable: boolean;
  verdict: string;
  /** Rules of what is said about it. */
  rules: string[];
}

export interface BaseDirectory {
  words: string;
  files: FileSet;
  truth: EngineReport;
}

/** Makes base directories and has the engine read them. */
export async function makeBases(
  parent: string,
  seed: number,
  wanted: readonly string[] = bases,
): Promise<BaseDirectory[]> {
  fs.mkdirSync(parent, { recursive: true });
  const dirs = wanted.map((words, i) => {
    const dir = path.join(parent, `base-${i}`);
    execFileSync(program(), ['make', dir, String(seed + i), ...words.split(' ')]);
    return dir;
  });
  const truths = await askBackupEngine(dirs, path.join(parent, 'scratch'));
  return wanted.map((words, i) => ({ words, files: readFileSet(dirs[i]), truth: truths[i] }));
}

/** Makes `count` damaged directories, has them judged by both, and returns one line for every backup of each. */
export async function compareBackups(
  parent: string,
  made: readonly BaseDirectory[],
  count: number,
  first = 0,
): Promise<ComparedBackup[]> {
  const compared: ComparedBackup[] = [];
  const batch = 40;
  for (let start = first; start < first + count; start += batch) {
    const numbers = Array.from({ length: Math.min(batch, first + count - start) }, (_, i) => start + i);
    const cases = numbers.map((n) => {
      const base = made[n % made.length];
      const damage = damaged(base.files, Math.floor(n / made.length), n);
      const dir = path.join(parent, `case-${n}`);
      writeFileSet(damage.files, dir);
      return { n, base, dir, ...damage };
    });
    const answers = await askBackupEngine(
      cases.map(({ dir }) => dir),
      path.join(parent, 'scratch'),
    );
    for (const [i, { n, base, dir, kind, what }] of cases.entries()) {
      const report = await scanTarget(dir);
      const ids = new Set([
        ...[base.truth.backups, answers[i].backups].flatMap((backups) => Object.keys(backups).map(Number)),
        ...(report.backups ?? []).map(({ id }) => id),
      ]);
      for (const id of ids) {
        const word = answers[i].backups[id];
        compared.push({
          name: `case ${n} (${base.words}), ${kind}: ${what}; backup ${id}`,
          base: base.words,
          kind,
          id,
          engine: answers[i],
          ...(word && { word }),
          same: word?.hash !== undefined && word.hash === base.truth.backups[id]?.hash,
          report,
          restorable: report.restorable?.includes(id) ?? false,
          verdict: report.backups?.find((backup) => backup.id === id)?.verdict ?? 'not there',
          rules: rulesOf(report, id),
        });
      }
      fs.rmSync(dir, { recursive: true });
    }
  }
  return compared;
}

/** Why a scan and the engine may rightly differ over a backup. */
export type Explanation =
  /** The engine ends at records that conflict. Without assertions it restores those that agree with the newest. */
  | 'ended by an assertion'
  /** A log and its line in the meta file are gone: the engine restores what is left and does not say so, the scan warns. */
  | 'newest writes left out';

/** `undefined` where a scan and the engine agree. */
export function difference(compared: ComparedBackup): Explanation | 'unexplained' | undefined {
  const { word, same, restorable, engine, report, rules } = compared;
  const whole = isWhole(word);
  if (restorable === (whole && same)) return undefined;
  const conflicting = report.findings.some(({ rule }) => rule === 'backup/conflicting-checksums');
  if (restorable && engine.died !== undefined && conflicting) return 'ended by an assertion';
  const warned = rules.includes('warning backup/sequence-not-reached');
  return restorable && whole && warned ? 'newest writes left out' : 'unexplained';
}

/** What a process leaves that is killed when `share` of the time is over that making or deleting a backup takes. */
export interface Killed {
  name: string;
  engine: EngineReport;
  report: TargetReport;
  /** Exit status of a scan of the directory, and of one of the backup that was made or deleted. */
  status: number;
  statusOfOne: number;
  /** Id of that backup. */
  id: number;
}

export async function killBackups(parent: string, count: number, roll: Dice): Promise<Killed[]> {
  const killed: Killed[] = [];
  for (let i = 0; i < count; i++) {
    const what = i % 5 === 4 ? 'delete' : 'create';
    const share = roll(1200) / 1000;
    const dir = path.join(parent, `killed-${i}`);
    execFileSync(program(), ['killed', dir, String(i), what, String(share)]);
    const id = what === 'create' ? 4 : 2;
    const [engine] = await askBackupEngine([dir], path.join(parent, 'scratch'));
    const { report, status } = await scanned(dir);
    const one = await scanned(dir, id);
    killed.push({ name: `${what} at ${share}`, engine, report, status, statusOfOne: one.status, id });
    fs.rmSync(dir, { recursive: true });
  }
  return killed;
}

async function scanned(dir: string, id?: number): Promise<{ report: TargetReport; status: number }> {
  const report = await scanTarget(dir, id === undefined ? {} : { backups: [id] });
  const run = { depth: 'full' as const, startedAt: new Date(), milliseconds: 0 };
  return { report, status: exitStatusOf(buildReport([report], run), 'error') };
}

function rulesOf({ findings }: TargetReport, id: number): string[] {
  const own = findings.filter(({ evidence: { backups } }) => (backups as number[] | undefined)?.includes(id));
  return [...new Set(own.map(({ severity, rule }) => `${severity} ${rule}`))];
}
