import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { inRepository } from '../support/repository.js';

/** The damage corpus, where it lies beside the repository. */
export const corpus = inRepository('..', 'shared', 'corpus');

/** The one of LevelDB beside it. */
export const leveldbCorpus = inRepository('..', 'shared', 'corpus-leveldb');

/** All of them by their engine. */
export const corpora = {
  rocksdb: corpus,
  leveldb: leveldbCorpus,
  pebble: inRepository('..', 'shared', 'corpus-pebble'),
};

/** One damaged database of the corpus; its README tells all fields. */
export interface CorpusCase {
  case: string;
  base: string;
  kind: string;
  cls: string;
  part?: string;
}

export function corpusCases<Case = CorpusCase>(from = corpus, file = 'cases.jsonl'): Case[] {
  const text = fs.readFileSync(path.join(from, file), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** Puts a base or a case into `dir`, which must not be there. */
export function unpack(name: string, dir: string, from = corpus): void {
  execFileSync(process.execPath, [path.join(corpus, 'unpack.mjs'), name, dir, from]);
}

/** The transaction write policy of a base, where it was written through a TransactionDB. */
export function policyOf(name: string): 1 | 2 | 3 | undefined {
  const found = /-txn([123])/.exec(name);
  return found ? (Number(found[1]) as 1 | 2 | 3) : undefined;
}
