import fs from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Finding } from '../../src/finding/finding.js';
import { scanTarget } from '../../src/scan/scan.js';
import { withTemporaryDirectory } from '../support/files.js';
import { inRepository } from '../support/repository.js';
import { unpackCorpusBase } from '../support/tools.js';

/*
 * What was done to databases of the damage corpus, against what a diagnosis calls it, where the corpus lies beside the
 * repository. A sample of bases with every kind of damage; KVDOCTOR_CORPUS=all takes all of them.
 */

const SAMPLE = /^r119-(ck-crc32c|blob|wal-mani|wal-recycle|txn2|cpsrc)$/;
const corpus = inRepository('..', 'shared', 'corpus');

interface Case {
  case: string;
  base: string;
  kind: string;
  cls: string;
  file: string;
  offset: number;
  bit?: number;
  inert?: boolean;
  traceless?: boolean;
  patch: {
    op: 'write' | 'zero' | 'truncate' | 'append' | 'remove' | 'create' | 'copy';
    file: string;
    from?: string;
    offset: number;
    length: number;
    size: number;
    hex: string;
    base64: string;
  }[];
}

function casesByBase(): Map<string, Case[]> {
  const file = path.join(corpus, 'cases.jsonl');
  const bases = new Map<string, Case[]>();
  if (!fs.existsSync(file)) {
    console.log('the damage corpus is not here: no confusion table');
    return bases;
  }
  for (const line of fs.readFileSync(file, 'utf8').trim().split('\n')) {
    const each: Case = JSON.parse(line);
    const chosen = process.env.KVDOCTOR_CORPUS === 'all' || SAMPLE.test(each.base);
    if (!chosen || each.inert || each.traceless || each.kind === 'backup' || each.base.endsWith('-backup'))
      continue;
    bases.set(each.base, [...(bases.get(each.base) ?? []), each]);
  }
  return bases;
}

/** Scans the directory with the damage in it, and puts it back. */
async function scanDamaged(dir: string, { patch }: Case): Promise<Finding[]> {
  const at = (file: string) => path.join(dir, file);
  const touched = new Set(patch.flatMap(({ file, from }) => [file, ...(from ? [from] : [])]));
  const before = new Map(
    [...touched].map((file) => [file, fs.existsSync(at(file)) ? fs.readFileSync(at(file)) : undefined]),
  );
  for (const { op, file, from = '', offset, length, size, hex, base64 } of patch) {
    if (op === 'remove') fs.rmSync(at(file));
    else if (op === 'create') fs.writeFileSync(at(file), Buffer.from(base64, 'base64'));
    else if (op === 'copy') fs.writeFileSync(at(file), before.get(from)!);
    else if (op === 'truncate') fs.truncateSync(at(file), size);
    else if (op === 'append') fs.appendFileSync(at(file), Buffer.from(hex, 'hex'));
    else {
      const bytes = Buffer.from(fs.readFileSync(at(file)));
      bytes.set(op === 'zero' ? Buffer.alloc(length) : Buffer.from(hex, 'hex'), offset);
      fs.writeFileSync(at(file), bytes);
    }
  }
  const { findings } = await scanTarget(dir, { jobs: 1 });
  for (const [file, bytes] of before) {
    if (bytes === undefined) fs.rmSync(at(file), { force: true });
    else fs.writeFileSync(at(file), bytes);
  }
  return findings;
}

/** What the findings blame the damage on: the gravest finding about the file itself, else about another. */
function named(findings: readonly Finding[], file: string): string {
  const grave = findings.filter(({ severity }) => severity !== 'note');
  const own = grave.filter((finding) => path.basename(finding.file) === file);
  const { cause } = own.find((finding) => finding.cause) ?? grave.find((finding) => finding.cause) ?? {};
  return cause === undefined ? 'nothing' : `${cause.kind} (${cause.certainty})`;
}

const table: Record<string, Record<string, number>> = {};

afterAll(() => {
  if (Object.keys(table).length > 0) console.table(table);
});

/** What a class of damage may be called; most classes leave several stories open. */
const FITTING: Record<string, RegExp> = {
  zeroed: /^zeroed/,
  truncated: /^(truncated|torn-write)/,
  'garbage-tail': /^garbage/,
  'swapped-file': /^misplaced/,
  'swapped-wal': /^(misplaced|truncated)/,
  'missing-file': /^missing/,
  'missing-wal': /^missing/,
  empty: /^truncated/,
  emptied: /^truncated/,
  'truncated-at-boundary': /^truncated/,
  'no-newline': /^truncated \(proven/,
  footer: /^garbage \(proven/,
  'batch-wrong-count': /^software/,
  'batch-unknown-tag': /^software/,
  'batch-truncated-body': /^(software|truncated)/,
  'count-mismatch': /^software/,
  'key-order': /^software/,
  'size-mismatch': /^software/,
};

const bases = casesByBase();

describe.skipIf(bases.size === 0)('what damage is called', () => {
  test.each([...bases.keys()])('in %s', { timeout: 120_000 }, async (base) => {
    await withTemporaryDirectory(async (dir) => {
      unpackCorpusBase(base, dir);
      for (const each of bases.get(base)!) {
        const findings = await scanDamaged(dir, each);
        const single = each.cls === 'bitflip' && each.bit !== undefined;
        const truth = single ? 'one flipped bit' : each.cls;
        const called = named(findings, each.file);
        const row = (table[truth] ??= {});
        row[called] = (row[called] ?? 0) + 1;
        if (single) {
          const right = findings.some(
            ({ cause, file }) =>
              path.basename(file) === each.file &&
              cause?.kind === 'bit-flip' &&
              cause.certainty === 'proven' &&
              JSON.stringify(cause.changes) === JSON.stringify([{ offset: each.offset, bit: each.bit }]),
          );
          expect(right, `${each.case}: ${called}`).toBe(true);
        } else {
          expect(called, each.case).toMatch(FITTING[truth] ?? /nothing fits/);
          const proven = findings.filter(
            ({ cause }) => cause?.kind === 'bit-flip' && cause.certainty === 'proven',
          );
          expect(proven, each.case).toEqual([]);
        }
      }
    });
  });
});
