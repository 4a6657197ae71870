import fs from 'node:fs';
import path from 'node:path';
import { emptyEdit, type VersionEdit } from '../../src/format/manifest/edit.js';

/** Files of a directory, and of the second one of its logs, below it. */
export function filesIn(dir: string): string[] {
  return ['', 'secondary'].flatMap((at) =>
    fs.existsSync(path.join(dir, at))
      ? fs.readdirSync(path.join(dir, at)).map((name) => path.join(at, name))
      : [],
  );
}

/** Damages one file of a directory under a seed. Returns what was done. */
export function damage(dir: string, seed: number): string {
  const next = numbers(seed);
  const pick = <T>(all: readonly T[]): T => all[next() % all.length];
  const kind = pick([
    /\.log$/,
    /\.log$/,
    /^MANIFEST/,
    /^MANIFEST/,
    /^(marker|CURRENT)/,
    /\.sst$/,
    /^OPTIONS/,
  ]);
  const named = filesIn(dir).filter((name) => kind.test(path.basename(name)));
  if (named.length === 0) return 'nothing';
  const name = pick(named);
  const file = path.join(dir, name);
  const { size } = fs.statSync(file);
  const how = size === 0 ? 'remove' : pick(['flip', 'flip', 'zero', 'cut', 'remove', 'append', 'noise']);
  const at = size === 0 ? 0 : next() % size;
  const length = 1 + (next() % 200);
  if (how === 'remove') fs.rmSync(file);
  else if (how === 'cut') fs.truncateSync(file, at);
  else if (how === 'append') fs.appendFileSync(file, Buffer.alloc(length, next() % 256));
  else {
    const bytes = fs.readFileSync(file);
    if (how === 'flip') bytes[at] ^= 1 << (next() % 8);
    else if (how === 'zero') bytes.fill(0, at, Math.min(size, at + length));
    else for (let i = at; i < Math.min(size, at + length); i++) bytes[i] = next() % 256;
    fs.writeFileSync(file, bytes);
  }
  return `${how} ${name} ${at} ${length}`;
}

/** Copies a log of a store into the other of its two directories, all of it, its beginning, or with damage. Returns what was done. */
export function copyAcross(dir: string, seed: number): string {
  const next = numbers(seed);
  const logs = filesIn(dir).filter((name) => name.endsWith('.log'));
  const name = logs[next() % logs.length];
  const to = path.join(path.dirname(name) === '.' ? 'secondary' : '', path.basename(name));
  const bytes = fs.readFileSync(path.join(dir, name));
  const at = bytes.length === 0 ? 0 : next() % bytes.length;
  const how = ['all', 'cut', 'flip'][next() % 3];
  if (how === 'flip' && bytes.length > 0) bytes[at] ^= 4;
  fs.writeFileSync(path.join(dir, to), how === 'cut' ? bytes.subarray(0, at) : bytes);
  return `${to}: a copy of ${name}, ${how} ${at}`;
}

/** Numbers that follow from a seed. */
function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
}

/** What edits of a MANIFEST can say that is not so, each under a valid checksum. They leave the edits alone where there is nothing to change. */
export const lies: Record<string, (edits: VersionEdit[], seed: number) => void> = {
  'a log number that is too high': (edits) => {
    edits.push({ ...emptyEdit(), logNumber: 90_000n });
  },
  'the log number of before': (edits) => {
    const begun = edits.flatMap(({ logNumber }) => logNumber ?? []);
    if (begun.length > 1) edits.push({ ...emptyEdit(), logNumber: begun.at(-2) });
  },
  'an end that came too early': (edits, seed) => {
    edits.length = Math.max(1, Math.floor((edits.length * (seed % 5)) / 5));
  },
  'a deletion that is lost': (edits, seed) => {
    const all = edits.filter(({ deletedFiles }) => deletedFiles.length > 0);
    if (all.length > 0) all[seed % all.length].deletedFiles.shift();
  },
  'a table that is lost': (edits, seed) => {
    const all = edits.filter(({ newFiles }) => newFiles.length > 0);
    if (all.length > 0) all[seed % all.length].newFiles.pop();
  },
  'bounds of level 0 that are not the table’s': (edits, seed) => {
    const all = edits.flatMap(({ newFiles }) =>
      newFiles.filter(({ level, backing }) => level === 0 && !backing),
    );
    const file = all[seed % all.length];
    if (file === undefined) return;
    const { smallest, largest } = file;
    if (seed % 3 === 0) [file.smallest, file.largest] = [largest, smallest];
    else if (seed % 3 === 1) file.largest = smallest;
    else file.smallest = largest;
  },
  'a table on two levels': (edits, seed) => {
    const all = edits.flatMap(({ newFiles }) => newFiles.filter(({ level }) => level < 6));
    const file = all[seed % all.length];
    if (file !== undefined)
      edits.push({
        ...emptyEdit(),
        newFiles: [{ ...file, level: 6 - (seed % 2 && file.level < 5 ? 1 : 0) }],
      });
  },
  'a flush to level 6': (edits, seed) => {
    const all = edits.filter(
      ({ newFiles: [file], logNumber }) => file?.level === 0 && logNumber !== undefined,
    );
    if (all.length > 0)
      for (const file of all[all.length - 1 - (seed % 2 && all.length > 1 ? 1 : 0)].newFiles) file.level = 6;
  },
};
