import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { inRepository } from './repository.js';
import { hasProgram } from './tools.js';

/** Why C++ programs cannot be linked with Debian's RocksDB here, or undefined when they can. */
export function rocksdbMissing(): string | undefined {
  if (!hasProgram('g++')) return 'there is no g++';
  if (!fs.existsSync('/usr/include/rocksdb/db.h')) return 'librocksdb-dev is not installed';
  return undefined;
}

/**
 * A program that `build` makes of sources, once: it stays under tmp/ until one of them or `options` changes. Returns its path.
 */
function builtOnce(
  name: string,
  sources: readonly string[],
  options: string,
  build: (program: string) => void,
): string {
  const program = programOf(name, sources, options);
  if (fs.existsSync(program)) return program;
  fs.mkdirSync(path.dirname(program), { recursive: true });
  // under another name first, so that tests that compile it at the same time do not run half of it
  const scratch = `${program}.${process.pid}`;
  build(scratch);
  fs.renameSync(scratch, program);
  return program;
}

/** Where a program of these sources lies. */
function programOf(name: string, sources: readonly string[], options: string): string {
  const hash = createHash('sha256').update(options);
  for (const source of sources) hash.update(fs.readFileSync(source));
  return inRepository('tmp', 'engines', `${name}-${hash.digest('hex').slice(0, 12)}`);
}

/** Compiles a C++ source against Debian's RocksDB, once. Returns the path of the program. */
export function compiled(source: string, libraries: readonly string[] = ['rocksdb', 'pthread']): string {
  const linked = libraries.map((library) => `-l${library}`);
  return builtOnce(path.basename(source, path.extname(source)), [source], libraries.join(), (program) =>
    execFileSync('g++', ['-O1', '-std=c++17', source, '-o', program, ...linked]),
  );
}

/** Compiles the Go program in a directory, once for each set of flags. Fetches the modules that it names. Returns the path of the program. */
export function compiledGo(directory: string, flags: readonly string[]): string {
  return builtOnce(path.basename(directory), goSources(directory), flags.join(' '), (program) =>
    execFileSync('go', ['build', ...flags, '-o', program, '.'], { cwd: directory, stdio: 'pipe' }),
  );
}

/** The same program where it has been compiled before. */
export function compiledBefore(directory: string, flags: readonly string[]): string | undefined {
  const program = programOf(path.basename(directory), goSources(directory), flags.join(' '));
  return fs.existsSync(program) ? program : undefined;
}

function goSources(directory: string): string[] {
  return fs
    .readdirSync(directory)
    .sort()
    .map((name) => path.join(directory, name));
}
