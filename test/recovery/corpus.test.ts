import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDatabase } from '../../src/engine/database.js';
import { databaseView } from '../../src/recovery/database-view.js';
import type { RecoveryMode } from '../../src/recovery/mode.js';
import { simulateRecovery } from '../../src/recovery/simulate.js';
import { withTemporaryDirectory } from '../support/files.js';
import { inRepository } from '../support/repository.js';
import { corpusBases, unpackCorpusBase } from '../support/tools.js';
import { NEWEST } from './wals.js';

/*
 * What RocksDB 11.9 itself did with damaged databases, where the damage corpus lies beside the repository: whether it opens,
 * with which words it refuses, and its last sequence number, in each mode. A sample: all of it takes half a minute.
 */

const BASES = 4;
const CASES = 4;
const corpus = inRepository('..', 'shared', 'corpus');
const modes: Record<string, RecoveryMode> = {
  absolute: 'absolute-consistency',
  pit: 'point-in-time',
  tolerate: 'tolerate-corrupted-tail',
  skip: 'skip-any-corrupted',
};

interface Case {
  case: string;
  base?: string;
  patch?: {
    op: string;
    file: string;
    from?: string;
    offset?: number;
    length?: number;
    size?: number;
    hex?: string;
    base64?: string;
  }[];
  engine?: Record<string, { open: string; lastSeq?: number }>;
}

function lines(name: string): Case[] {
  const file = path.join(corpus, name);
  if (!fs.existsSync(file)) return [];
  return fs
    .readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** Runs `body` on the damaged directory and puts it back. */
async function damaged(
  dir: string,
  patch: NonNullable<Case['patch']>,
  body: () => Promise<void>,
): Promise<void> {
  const at = (file: string) => path.join(dir, file);
  const touched = [...new Set(patch.flatMap(({ file, from }) => [file, ...(from ? [from] : [])]))];
  const before = new Map(
    touched.map((file) => [file, fs.existsSync(at(file)) ? fs.readFileSync(at(file)) : undefined]),
  );
  for (const { op, file, from, offset = 0, length = 0, size = 0, hex = '', base64 = '' } of patch) {
    if (op === 'remove') fs.rmSync(at(file));
    else if (op === 'create') fs.writeFileSync(at(file), Buffer.from(base64, 'base64'));
    else if (op === 'copy') fs.writeFileSync(at(file), before.get(from!)!);
    else if (op === 'truncate') fs.truncateSync(at(file), size);
    else if (op === 'append') fs.appendFileSync(at(file), Buffer.from(hex, 'hex'));
    else {
      const bytes = fs.readFileSync(at(file));
      bytes.set(op === 'zero' ? Buffer.alloc(length) : Buffer.from(hex, 'hex'), offset);
      fs.writeFileSync(at(file), bytes);
    }
  }
  try {
    await body();
  } finally {
    for (const [file, bytes] of before) {
      if (bytes === undefined) fs.rmSync(at(file), { force: true });
      else fs.writeFileSync(at(file), bytes);
    }
  }
}

/** Without paths, and without what differs between runs: which of several bad tables a thread met first. */
function comparable(text: string): string {
  const bare = text.replace(/\S*\/([^/\s]+)/g, '$1').trim();
  if (/Sst file size mismatch/.test(bare)) return 'Sst file size mismatch';
  if (/While open a file for random read/.test(bare)) return 'missing table';
  // the oracle lists column families before it opens, with another text
  if (/CURRENT: (does not exist|No such file)/.test(bare)) return 'missing CURRENT';
  return bare;
}

/** Directories by the base that they are made from: every third base with some of its cases. */
function sampled(): Map<string, Case[]> {
  const byBase = new Map<string, Case[]>();
  for (const each of lines('clean.jsonl').filter((_, i) => i % BASES === 0)) byBase.set(each.case, [each]);
  for (const [i, each] of lines('cases.jsonl').entries()) {
    if (i % CASES === 0) byBase.get(each.base ?? '')?.push(each);
  }
  return byBase;
}

describe.skipIf(corpusBases(/./).length === 0)('the damage corpus, as RocksDB 11.9 judged it', () => {
  it('opens, refuses and counts alike in four modes', async () => {
    const differences: string[] = [];
    for (const [base, cases] of sampled()) {
      await withTemporaryDirectory(async (parent) => {
        const dir = path.join(parent, 'db');
        unpackCorpusBase(base, dir);
        for (const each of cases.filter(({ engine }) => engine !== undefined)) {
          await damaged(dir, each.patch ?? [], async () => {
            differences.push(...(await compare(each, dir)));
          });
        }
      });
    }
    expect(differences).toEqual([]);
  });
});

async function compare({ case: name, engine = {} }: Case, dir: string): Promise<string[]> {
  const simulation = await simulateRecovery(databaseView(await readDatabase(dir)), NEWEST);
  return Object.entries(engine).flatMap(([key, { open, lastSeq }]) => {
    const { opens, errorText, lastSequence } = simulation.modes.find(({ mode }) => mode === modes[key])!;
    const ours = opens ? `OK ${lastSequence}` : comparable(errorText!);
    const theirs = open === 'OK' ? `OK ${lastSeq}` : comparable(open);
    return ours === theirs ? [] : [`${name} ${key}: the engine says ${theirs}, kvdoctor ${ours}`];
  });
}
