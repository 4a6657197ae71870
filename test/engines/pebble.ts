import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { compiledGo } from '../support/compile.js';
import { inRepository } from '../support/repository.js';
import { hasProgram } from '../support/tools.js';

/** Releases that are asked: the one of geth and Cosmos, one before format version 1 was refused, and the newest. */
export const releases = {
  '1.1.5': ['-modfile=v1.1.5.mod', '-tags', 'v1'],
  '2.1.4': ['-modfile=v2.1.4.mod'],
  '2.1.7': [],
} as const;

export type Release = keyof typeof releases;

/** What Pebble sees when it opens a directory for writing. */
export interface Seen {
  /** `OK`, its refusal, or `panic: …`. */
  open: string;
  n: number;
  fnv?: string;
  /** `OK`, or what ended the reading. */
  iter?: string;
  /** Files that it deleted. */
  deleted: string[];
}

/** The seeds of directories: those of `KVDOCTOR_PEBBLE`, as `50` for the first 50 or `51-80`. */
export function seedsAsked(usual: readonly number[]): readonly number[] {
  const asked = process.env.KVDOCTOR_PEBBLE;
  if (asked === undefined) return usual;
  const [first, last] = asked.includes('-') ? asked.split('-').map(Number) : [1, Number(asked)];
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** Why Pebble cannot be asked here, or undefined when it can. */
export function pebbleMissing(): string | undefined {
  if (!hasProgram('go')) return 'there is no go';
  try {
    for (const release of Object.keys(releases) as Release[]) program(release);
  } catch (error) {
    return `Pebble does not compile here: ${String((error as { stderr?: unknown }).stderr ?? error).slice(0, 200)}`;
  }
  return undefined;
}

/** The program that asks a release, and has it make directories. */
export function program(release: Release): string {
  return compiledGo(inRepository('test', 'engines', 'pebble'), releases[release]);
}

/** Makes a directory: random work under a seed, mostly killed in the middle. */
export const make = (release: Release, seed: number, dir: string, formatVersion = 0): void =>
  made(release, seed, dir, ['make', String(seed), dir, String(formatVersion)]);

/** The same of a store whose values stand in blob files. */
export const makeValues = (release: Release, seed: number, dir: string, compression: string): void =>
  made(release, seed, dir, ['values', String(seed), dir, compression]);

/** A store whose logs go on in its directory `secondary`. */
export const makeFailover = (release: Release, seed: number, dir: string, formatVersion: number): void =>
  made(release, seed, dir, ['failover', String(seed), dir, String(formatVersion)]);

function made(release: Release, seed: number, dir: string, words: readonly string[]): void {
  const { status, signal, stderr } = spawnSync(program(release), words, {
    encoding: 'utf8',
    timeout: 20_000,
  });
  if (status !== 0 && (signal !== 'SIGKILL' || !fs.existsSync(dir)))
    throw new Error(`Pebble ${release} makes nothing of seed ${seed}: ${stderr}`);
}

/** What a release of Pebble sees in a copy of a directory. */
export function seenBy(release: Release, dir: string): Seen {
  const copy = path.join(path.dirname(dir), `${path.basename(dir)}.${release}`);
  fs.cpSync(dir, copy, { recursive: true });
  const { stdout, stderr } = spawnSync(program(release), ['open', copy], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  fs.rmSync(copy, { recursive: true, force: true });
  if (stdout.startsWith('{')) return JSON.parse(stdout) as Seen;
  return { open: `panic: ${stderr.slice(0, 300)}`, n: 0, deleted: [] };
}
