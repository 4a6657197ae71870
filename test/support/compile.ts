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
 * Compiles a C++ source against Debian's RocksDB, once: the program stays under tmp/ until its source changes. Returns the path of the
 * program.
 */
export function compiled(source: string, libraries: readonly string[] = ['rocksdb', 'pthread']): string {
  const digest = createHash('sha256').update(fs.readFileSync(source)).update(libraries.join()).digest('hex');
  const name = `${path.basename(source, path.extname(source))}-${digest.slice(0, 12)}`;
  const program = inRepository('tmp', 'engines', name);
  if (fs.existsSync(program)) return program;
  fs.mkdirSync(path.dirname(program), { recursive: true });
  // under another name first, so that tests that compile it at the same time do not run half of it
  const scratch = `${program}.${process.pid}`;
  const linked = libraries.map((library) => `-l${library}`);
  execFileSync('g++', ['-O1', '-std=c++17', source, '-o', scratch, ...linked]);
  fs.renameSync(scratch, program);
  return program;
}
