import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { inRepository } from './repository.js';

/** A directory in memory: path relative to it, with `/`, to content. */
export type FileSet = Map<string, Uint8Array>;

export function readFileSet(dir: string): FileSet {
  const files: FileSet = new Map();
  for (const name of fs.readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort()) {
    const full = path.join(dir, name);
    if (fs.statSync(full).isFile()) files.set(name.split(path.sep).join('/'), fs.readFileSync(full));
  }
  return files;
}

export function writeFileSet(files: FileSet, dir: string): void {
  fs.mkdirSync(dir, { recursive: true });
  for (const [name, bytes] of files) {
    const full = path.join(dir, name);
    fs.mkdirSync(path.dirname(full), { recursive: true });
    fs.writeFileSync(full, bytes);
  }
}

/** Runs `body` with a fresh directory that is gone afterwards. */
export async function withTemporaryDirectory<T>(body: (dir: string) => Promise<T>): Promise<T> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'kvdoctor-test-'));
  try {
    return await body(dir);
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

/** Folders of fixtures/ that are not databases, and a damaged copy of one. */
const NOT_BASES = new Set([
  'engines',
  'cases',
  'field',
  'moments',
  'fuzz',
  'pebble-stores',
  'raft-engine',
  'resp',
  'restate',
  'restate-1.7',
  'states',
  'tikv-damaged',
  'tikv-raft-engine',
  'titan',
]);

/** Names of the shipped databases, `basic-7.8` or `kvrocks-race-10/db`. */
export function fixtureNames(): string[] {
  const names: string[] = [];
  for (const entry of fs.readdirSync(inRepository('fixtures'), { withFileTypes: true })) {
    if (!entry.isDirectory() || NOT_BASES.has(entry.name)) continue;
    names.push(fs.existsSync(inRepository('fixtures', entry.name, 'db')) ? `${entry.name}/db` : entry.name);
  }
  return names;
}

const loaded = new Map<string, FileSet>();

/** A shipped database, the caller's to change: test files share a process, and one that wrote into shared bytes broke others. */
export function fixture(name: string): FileSet {
  let files = loaded.get(name);
  if (!files) loaded.set(name, (files = readFileSet(inRepository('fixtures', name))));
  return new Map([...files].map(([file, bytes]) => [file, Buffer.from(bytes)]));
}
