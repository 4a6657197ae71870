import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { RaftRecoveryMode } from '../../src/recovery/mode.js';
import { EntryReader } from '../../src/recovery/raft-engine/contents.js';
import { queuesOf } from '../../src/recovery/raft-engine/files.js';
import { replayRaftEngine } from '../../src/recovery/raft-engine/open.js';
import { type Fault, faultAt } from '../support/faults.js';
import { inRepository } from '../support/repository.js';
import { hasProgram } from '../support/tools.js';

/* The crate raft-engine itself, by a small program (raft-engine/), and what kvdoctor says of the same directories. */

/** Why the crate cannot be asked here. */
export function crateMissing(): string | undefined {
  if (!hasProgram('cargo')) return 'there is no cargo';
  try {
    crateProgram();
  } catch (error) {
    return `raft-engine does not compile here: ${String((error as { stderr?: unknown }).stderr ?? error).slice(0, 200)}`;
  }
  return undefined;
}

const project = inRepository('test', 'engines', 'raft-engine');

/** Builds the program once for its sources and returns its path. It stays under tmp/. */
export function crateProgram(): string {
  const hash = createHash('sha256');
  for (const file of ['Cargo.toml', 'Cargo.lock', 'src/main.rs', 'src/entry.rs', 'src/workload.rs'])
    hash.update(fs.readFileSync(path.join(project, file)));
  const program = inRepository('tmp', 'engines', `raft-engine-${hash.digest('hex').slice(0, 12)}`);
  if (fs.existsSync(program)) return program;
  const target = path.join(os.tmpdir(), 'kvdoctor-raft-engine-target');
  execFileSync(
    'nice',
    ['cargo', 'build', '--release', '--locked', '--quiet', '--manifest-path', `${project}/Cargo.toml`],
    {
      env: { ...process.env, CARGO_TARGET_DIR: target },
      timeout: 600_000,
    },
  );
  fs.mkdirSync(path.dirname(program), { recursive: true });
  const scratch = `${program}.${process.pid}`;
  fs.copyFileSync(path.join(target, 'release', 'raft-engine-oracle'), scratch);
  fs.renameSync(scratch, program);
  return program;
}

/** What a directory holds, or that it does not open. */
export type Held =
  | { opens: false; error?: string; panic?: string }
  | { opens: true; regions: Record<string, HeldRegion> };

interface HeldRegion {
  first?: string;
  last?: string;
  /** FNV-1a 64 over the bytes of the entries that can be read. */
  entries?: string;
  unreadable?: string[];
  values: Record<string, string>;
}

/** Has the crate write a directory by a seed, and returns what it says that it holds. */
export function crateWrites(dir: string, seed: number, options: readonly string[]): Held {
  return JSON.parse(
    execFileSync(crateProgram(), ['write', dir, String(seed), ...options], { encoding: 'utf8' }),
  );
}

/**
 * Has the crate write the same directory in a process to which `fault` happens. Returns what the process changed on the disk, an
 * operation and a path for each change.
 */
export function crateIsKilled(
  dir: string,
  seed: number,
  options: readonly string[],
  fault: Fault | undefined,
): { operation: string; file: string }[] {
  const log = `${dir}.log`;
  const env = { ...process.env, FAULT_PROGRAM: 'raft-engine-', ...faultAt(`${dir}/`, fault, log) };
  spawnSync(crateProgram(), ['write', dir, String(seed), ...options], { env, stdio: 'ignore' });
  return fs
    .readFileSync(log, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [, operation, file] = line.split(' ');
      return { operation, file: path.basename(file) };
    });
}

/** Has the crate write the raft log of a store: raft-engine/src/workload.rs says of what form `regions` are. */
export function crateWritesStore(dir: string, regions: readonly string[]): void {
  execFileSync(crateProgram(), ['store', dir, ...regions], { stdio: ['ignore', 'ignore', 'inherit'] });
}

const short: Record<RaftRecoveryMode, string> = {
  'absolute-consistency': 'absolute',
  'tolerate-tail-corruption': 'tail',
  'tolerate-any-corruption': 'any',
};

/** What the crate makes of directories in a mode, which may change them. A process that is aborted over one goes on with the next. */
export function crateOpens(mode: RaftRecoveryMode, dirs: readonly string[]): Held[] {
  const held: Held[] = [];
  while (held.length < dirs.length) {
    const { stdout } = spawnSync(crateProgram(), ['open', short[mode], ...dirs.slice(held.length)], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const lines = stdout.split('\n').filter((line) => line !== '');
    for (const line of lines) held.push(JSON.parse(line));
    if (held.length < dirs.length) held.push({ opens: false, panic: 'aborted' });
  }
  return held;
}

/** The same of kvdoctor, of all modes. */
export async function kvdoctorSays(dir: string): Promise<Record<RaftRecoveryMode, Held>> {
  const entries = fs.readdirSync(dir).map((name) => {
    const file = path.join(dir, name);
    return { name, file: name, size: fs.statSync(file).size, source: { kind: 'file', path: file } as const };
  });
  const queues = queuesOf(entries);
  const { machine, refusals } = await replayRaftEngine(queues);
  const files = [...queues.append.files, ...queues.rewrite.files];
  const reader = new EntryReader(new Map(files.map((file) => [file.file, file])));
  const regions: Record<string, HeldRegion> = {};
  for (const [id, table] of machine.regions) {
    const values = Object.fromEntries(
      [...table.values.values()]
        .map(({ key, value }): [string, string] => [Buffer.from(key).toString('hex'), hex(fnv(START, value))])
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
    const { first, last } = table;
    if (first === undefined || last === undefined) {
      regions[String(id)] = { values };
      continue;
    }
    let hash = START;
    const unreadable: string[] = [];
    for await (const { index, bytes } of reader.entries(table))
      if (bytes === undefined) unreadable.push(String(index));
      else hash = fnv(hash, bytes);
    regions[String(id)] = {
      first: String(first),
      last: String(last),
      entries: hex(hash),
      unreadable,
      values,
    };
  }
  await reader.close();
  const held = (mode: RaftRecoveryMode): Held =>
    refusals[mode] === undefined ? { opens: true, regions } : { opens: false };
  return {
    'absolute-consistency': held('absolute-consistency'),
    'tolerate-tail-corruption': held('tolerate-tail-corruption'),
    'tolerate-any-corruption': held('tolerate-any-corruption'),
  };
}

const START = 0xcbf29ce484222325n;

function fnv(hash: bigint, bytes: Uint8Array): bigint {
  let value = hash;
  for (const byte of bytes) value = BigInt.asUintN(64, (value ^ BigInt(byte)) * 0x100000001b3n);
  return value;
}

function hex(value: bigint): string {
  return value.toString(16).padStart(16, '0');
}

/** Comparable: a refusal without its words. */
export function comparable(held: Held): unknown {
  if (!held.opens) return 'does not open';
  return Object.fromEntries(Object.entries(held.regions).sort(([a], [b]) => Number(a) - Number(b)));
}
