import path from 'node:path';
import { fixture, fixtureNames, withTemporaryDirectory, writeFileSet } from '../support/files.js';
import { corpusBases, unpackCorpusBase } from '../support/tools.js';

/** Databases that Debian's 7.8.3 tools can read: the shipped ones up to 9.7, and the corpus as far as 7.8 wrote it. */
export const readable = [
  ...fixtureNames().filter((name) => !/-11\.9$|^leveldb|^pebble|^backup/.test(name)),
  ...corpusBases(/^r78-(?!backup$)/).map((name) => `corpus/${name}`),
];

/** Runs `body` with a copy of one of them. */
export function withReadable<T>(name: string, body: (dir: string) => Promise<T>): Promise<T> {
  return withTemporaryDirectory(async (parent) => {
    const dir = path.join(parent, 'db');
    if (name.startsWith('corpus/')) unpackCorpusBase(name.slice('corpus/'.length), dir);
    else writeFileSet(fixture(name), dir);
    return body(dir);
  });
}
