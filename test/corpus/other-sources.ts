import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { program as pebbleProgram } from '../engines/pebble.js';
import { compiled } from '../support/compile.js';
import { type FileSet, readFileSet } from '../support/files.js';
import { inRepository } from '../support/repository.js';
import { policyOf } from './corpus.js';

// Sources beside the database that was whole, as test/corpus/second-sources.ts tries them.

type Place = (name: string) => string;

export type Engine = 'rocksdb' | 'leveldb' | 'pebble';

/** The program that makes other lives of databases of an engine. */
const makers: Record<Engine, () => string> = {
  rocksdb: () => compiled(inRepository('test', 'engines', 'second-source.cc')),
  leveldb: () =>
    compiled(inRepository('test', 'engines', 'second-source-leveldb.cc'), ['leveldb', 'pthread']),
  pebble: () => pebbleProgram('1.1.5'),
};

/** Runs it. Gives why the engine does not do what is asked, or nothing. */
function run(engine: Engine, ...words: string[]): string {
  const program = makers[engine]();
  try {
    execFileSync(program, words, { stdio: 'pipe' });
    return '';
  } catch (error) {
    const { signal, stderr, message } = error as Error & { signal?: string; stderr?: Buffer };
    // Pebble's ends so, that nothing is closed
    if (engine === 'pebble' && signal === 'SIGKILL') return '';
    return (
      String(stderr ?? message)
        .trim()
        .split('\n')
        .at(-1) || message
    );
  }
}

/**
 * Makes `checkpoint` and `backup` of a copy of `base` as it is, or, `isOpened`, after an open, which begins another MANIFEST and other logs.
 * Transactions that are written before they commit (policies 2 and 3) are replayed by such an open alone. Gives why RocksDB does not, or
 * nothing.
 */
export function copiesOf(name: string, at: Place, isOpened: boolean): string {
  fs.cpSync(at('base'), at('copy'), { recursive: true });
  const policy = policyOf(name) ?? 0;
  const how = isOpened || policy > 1 ? String(policy) : 'read';
  return run('rocksdb', 'copies-of', at('copy'), at('checkpoint'), at('backup'), how);
}

/** The files of one database under the names of another's, kind by kind. */
export function renamedLike(other: FileSet, like: FileSet): FileSet {
  const kindOf = (name: string) => path.extname(name) || name.slice(0, 3);
  const files: FileSet = new Map();
  for (const [i, name] of [...like.keys()].entries()) {
    const bytes = other.get(name);
    const alike = [...other.keys()].filter((each) => kindOf(each) === kindOf(name));
    if (bytes !== undefined) files.set(name, bytes);
    else if (alike.length > 0) files.set(name, other.get(alike[i % alike.length])!);
  }
  return files.size > 0 ? files : new Map([['CURRENT', Buffer.from('MANIFEST-000001\n')]]);
}

const HALF = 64;

/** The whole database with every file that is damaged in `before` damaged in another place. */
export function half(clean: FileSet, before: FileSet): FileSet {
  const files: FileSet = new Map(clean);
  for (const [name, bytes] of clean) {
    const its = before.get(name) ?? new Uint8Array(0);
    if (Buffer.compare(bytes, its) === 0 || bytes.length < 8 * HALF) continue;
    const isSame = (offset: number) =>
      Buffer.compare(bytes.subarray(offset, offset + HALF), its.subarray(offset, offset + HALF)) === 0;
    const places = [7, 5, 3, 1].map((eighth) => Math.floor((bytes.length * eighth) / 8) - HALF / 2);
    const place = places.find(isSame);
    if (place === undefined) continue;
    const changed = Buffer.from(bytes);
    changed.fill(0xa5, place, place + HALF);
    files.set(name, changed);
  }
  return files;
}

/**
 * Where the two lives of a clone part: after the first batches, in the second half of each log, or in one batch in the middle of each log
 * alone.
 */
export type Shape = 'parted' | 'later' | 'one';

interface CloneCase {
  case: string;
  kind: string;
  clean: FileSet;
  before: FileSet;
  /** The other copy. */
  source: string;
}

const WRITTEN = /^(\d+\.(log|sst|ldb|blob)|MANIFEST-\d+)$/;

/** Bytes of the smallest file that is damaged. */
const LEAST = 200;

/**
 * Two copies of a database, opened and written to with other values of the same lengths: damage to what was written since, with nothing
 * flushed in between, and with two flushes. Gives why its engine does not open it instead.
 */
export function cloneCases(
  name: string,
  whole: FileSet,
  { engine, shape, at }: { engine: Engine; shape: Shape; at: Place },
): CloneCase[] | string {
  const cases: CloneCase[] = [];
  for (const flushes of ['0', '2']) {
    for (const [place, seed] of [
      [`mine-${flushes}`, '5'],
      [`its-${flushes}`, '6'],
    ]) {
      fs.rmSync(at(place), { recursive: true, force: true });
      fs.cpSync(at('base'), at(place), { recursive: true });
      const why = run(engine, 'live', at(place), flushes, shape, seed);
      if (why !== '') return why;
    }
    const clean = readFileSet(at(`mine-${flushes}`));
    for (const [file, bytes] of clean) {
      if (!WRITTEN.test(file) || whole.has(file) || bytes.length < LEAST) continue;
      const put = (how: string, changed?: Uint8Array) => {
        const before: FileSet = new Map(clean);
        if (changed === undefined) before.delete(file);
        else before.set(file, changed);
        const kind = `${file.split('.')[1] ?? 'MANIFEST'}, ${flushes === '0' ? 'nothing' : 'tables'} flushed since`;
        cases.push({ case: `${name} ${file} ${how}`, kind, clean, before, source: at(`its-${flushes}`) });
      };
      const middle = bytes.length >> 1;
      const changed = (from: number, to: number) => {
        const copy = Buffer.from(bytes);
        for (let i = from; i < to; i++) copy[i] = to - from === 1 ? copy[i] ^ 1 : 0;
        return copy;
      };
      put('flipped', changed(middle, middle + 1));
      put('zeroed', changed(middle, middle + 400));
      put('zeroed to its end', changed(middle, bytes.length));
      put('cut', bytes.slice(0, middle));
      put('emptied', new Uint8Array(0));
      put('gone');
    }
  }
  return cases;
}
