import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { inRepository } from './repository.js';

/** Whether a program is on PATH. */
export function hasProgram(name: string): boolean {
  return (process.env.PATH ?? '').split(path.delimiter).some((dir) => fs.existsSync(path.join(dir, name)));
}

/** For `describe.skipIf`: true, and says so once, when one of the programs is not there. */
export function lacks(...names: string[]): boolean {
  const missing = names.filter((name) => !hasProgram(name));
  if (missing.length > 0) console.log(`skipped: needs ${missing.join(', ')} (Debian: rocksdb-tools)`);
  return missing.length > 0;
}

/** The standard output of a tool that may well complain on the way. */
export function output(program: string, args: readonly string[], cwd?: string): string {
  const { stdout } = spawnSync(program, args, { cwd, encoding: 'utf8', maxBuffer: 1 << 28 });
  return stdout;
}

const corpus = inRepository('..', 'shared', 'corpus');

/** The databases of the damage corpus, where it lies beside the repository: names that match, without `.tar.gz`. */
export function corpusBases(pattern: RegExp): string[] {
  const bases = path.join(corpus, 'bases');
  if (!fs.existsSync(bases)) {
    console.log('the damage corpus is not here: only the fixtures are compared');
    return [];
  }
  return fs
    .readdirSync(bases)
    .map((name) => name.replace('.tar.gz', ''))
    .filter((name) => pattern.test(name));
}

export function unpackCorpusBase(name: string, dir: string): void {
  fs.mkdirSync(dir, { recursive: true });
  execFileSync('tar', [
    '-xzf',
    path.join(corpus, 'bases', `${name}.tar.gz`),
    '-C',
    dir,
    '--strip-components=1',
  ]);
}
