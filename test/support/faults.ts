import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { inRepository } from './repository.js';
import { hasProgram } from './tools.js';

/** Whether there is a medium that fails and a process that dies at a chosen system call: faults.c, preloaded. */
export const canFail = process.platform === 'linux' && hasProgram('gcc');
if (!canFail) console.log('skipped: injected faults need Linux and gcc');

type Environment = Record<string, string>;

/** The compiled shim, under tmp/ until its source changes. */
export function shim(): string {
  const source = inRepository('test', 'support', 'faults.c');
  const digest = createHash('sha256').update(fs.readFileSync(source)).digest('hex').slice(0, 12);
  const object = inRepository('tmp', 'engines', `faults-${digest}.so`);
  if (fs.existsSync(object)) return object;
  fs.mkdirSync(path.dirname(object), { recursive: true });
  // under another name first, so that tests that compile it at the same time do not load half of it
  const scratch = `${object}.${process.pid}`;
  execFileSync('gcc', ['-shared', '-fPIC', '-O1', source, '-o', scratch, '-ldl']);
  fs.renameSync(scratch, object);
  return object;
}

/** Reads of bytes [from, to) of a file fail with EIO, under whatever name it is read. `count`: a file that grows by a byte each time. */
export function badSector(file: string, from: number, to: number, count?: string): Environment {
  return {
    LD_PRELOAD: shim(),
    READ_INODE: String(fs.statSync(file).ino),
    READ_FROM: String(from),
    READ_TO: String(to),
    ...(count !== undefined && { READ_COUNT: count }),
  };
}

/** Opens of a file fail, under whatever name it is opened. */
export function unopenable(file: string, errno: number): Environment {
  return { LD_PRELOAD: shim(), OPEN_INODE: String(fs.statSync(file).ino), FAULT_ERRNO: String(errno) };
}

/** Questions for the status of files whose path ends in `name` fail: the inode cannot be read. */
export function unknowable(name: string, errno: number): Environment {
  return { LD_PRELOAD: shim(), STAT_FILE: name, FAULT_ERRNO: String(errno) };
}

/** What happens at the n-th system call that changes something: see faults.c. */
export interface Fault {
  at: number;
  what: 'before' | 'half' | 'after' | 'short' | 'interrupt' | `sticky:${number}` | `${number}`;
}

/** Counts, in `log`, what changes something at a path that contains `below`, and lets it go wrong. */
export function faultAt(below: string, fault: Fault | undefined, log?: string): Environment {
  return {
    LD_PRELOAD: shim(),
    CHANGE_BELOW: below,
    ...(fault && { CHANGE_AT: String(fault.at), CHANGE_DO: fault.what }),
    ...(log !== undefined && { CHANGE_LOG: log }),
  };
}
