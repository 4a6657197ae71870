import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { repairTarget } from '../../src/repair/run.js';
import { type FileSet, readFileSet, writeFileSet } from '../support/files.js';
import { corpora, corpusCases, unpack } from './corpus.js';

/*
 * Holds `repair --from` against every damaged database of a corpus, with the database that was whole as the source:
 *   npm run second-sources -- [--corpus rocksdb|leveldb|pebble] [--only REGEX] [--part 1/2] [--accept-unproven] [--verbose]
 * A damaged file has to become what it was, byte for byte. Prints a table, what was left as it was and why, and the cases that took
 * longer than five seconds. Exits 0 when no byte is wrong.
 */

const { values } = parseArgs({
  options: {
    corpus: { type: 'string', default: 'leveldb' },
    only: { type: 'string', default: '.' },
    part: { type: 'string', default: '1/1' },
    'accept-unproven': { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});

interface Case {
  case: string;
  base: string;
  kind: string;
  cls: string;
  inert?: boolean;
  traceless?: boolean;
  patch: readonly Patch[];
}

/** One change to a file, as the corpus writes it (`unpack.mjs`). */
interface Patch {
  op: 'remove' | 'create' | 'copy' | 'truncate' | 'append' | 'zero' | 'write';
  file: string;
  from?: string;
  base64?: string;
  hex?: string;
  offset?: number;
  length?: number;
  size?: number;
}

interface Row {
  cases: number;
  whole: number;
  /** Where the damage leaves no trace, or where no engine looks. */
  idle: number;
  left: string[];
}

const accept = values['accept-unproven'];
const from = corpora[values.corpus as keyof typeof corpora];
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'second-sources-'));
process.on('exit', () => fs.rmSync(scratch, { recursive: true, force: true }));

const isSame = (a: Uint8Array | undefined, b: Uint8Array | undefined) =>
  a === b || (a !== undefined && b !== undefined && Buffer.compare(a, b) === 0);

/** Files that are others in one of two sets. */
const differing = (a: FileSet, b: FileSet) =>
  [...new Set([...a.keys(), ...b.keys()])].filter((file) => !isSame(a.get(file), b.get(file)));

/** Whether a changed file has a byte that it had neither before nor when it was whole. */
function isWrong(after: Uint8Array, before: Uint8Array | undefined, clean: Uint8Array | undefined): boolean {
  if (clean === undefined) return true;
  return after.some((byte, i) => byte !== clean[i] && byte !== before?.[i]);
}

/** The damaged database of a case, made of the whole one. */
function damagedBy(clean: FileSet, patches: readonly Patch[]): FileSet {
  const files: FileSet = new Map(clean);
  for (const { op, file, from: other, base64, hex, offset = 0, length = 0, size = 0 } of patches) {
    const own = files.get(file)!;
    if (op === 'remove') files.delete(file);
    else if (op === 'create') files.set(file, Buffer.from(base64!, 'base64'));
    else if (op === 'copy') files.set(file, clean.get(other!)!);
    else if (op === 'truncate') files.set(file, own.slice(0, size));
    else if (op === 'append') files.set(file, Buffer.concat([own, Buffer.from(hex!, 'hex')]));
    else {
      const bytes = op === 'zero' ? Buffer.alloc(length) : Buffer.from(hex!, 'hex');
      const changed = Buffer.alloc(Math.max(own.length, offset + bytes.length));
      changed.set(own);
      changed.set(bytes, offset);
      files.set(file, changed);
    }
  }
  return files;
}

const rows = new Map<string, Row>();
const wrong: string[] = [];
/** Seconds of one repair. */
const SLOW = 5;
const slow: string[] = [];

async function judge({ case: name, kind, cls, inert, traceless, patch }: Case, base: string, clean: FileSet) {
  const row = rows.get(kind) ?? { cases: 0, whole: 0, idle: 0, left: [] };
  rows.set(kind, row);
  row.cases++;
  const dir = path.join(scratch, 'case');
  const before = damagedBy(clean, patch);
  writeFileSet(before, dir);
  const begun = performance.now();
  const report = await repairTarget(
    dir,
    {
      way: { strategy: 'from', from: [base], ...(accept && { acceptUnproven: true }) },
      destination: { kind: 'in-place' },
      stopped: true,
      jobs: 1,
      tool: 'test',
    },
    { confirm: async () => true },
  );
  const seconds = (performance.now() - begun) / 1000;
  if (seconds > SLOW) slow.push(`${name}: ${seconds.toFixed(1)} s`);
  const after = readFileSet(dir);
  for (const file of differing(before, after)) {
    const bytes = after.get(file);
    if (bytes === undefined ? clean.has(file) : isWrong(bytes, before.get(file), clean.get(file)))
      wrong.push(`${name}: a wrong byte in ${file}`);
  }
  const damaged = differing(before, clean).filter((file) => clean.has(file) && file !== 'LOCK');
  const left = damaged.filter((file) => !isSame(after.get(file), clean.get(file)));
  if (left.length === 0) row.whole++;
  else if (inert || traceless) row.idle++;
  else {
    const why = [...(report.plan?.remarks ?? []), report.repair?.reason ?? ''].join(' | ');
    row.left.push(`${name} (${cls}): ${left.join(', ')}: ${why.replaceAll(scratch, '')}`);
  }
  if (values.verbose) console.log(`${name}: ${left.length === 0 ? 'whole' : `left ${left.join(', ')}`}`);
}

// without python3 and perl: what holds a lock is not what is tried here
const { PATH } = process.env;

const [part, parts] = values.part.split('/').map(Number);
const cases = corpusCases<Case>(from)
  .filter((c) => c.kind !== 'backup' && new RegExp(values.only).test(c.case))
  .filter((_, i) => i % parts === part - 1)
  .sort((a, b) => (a.base < b.base ? -1 : 1));
let base = '';
let clean: FileSet = new Map();
const source = path.join(scratch, 'base');
for (const each of cases) {
  if (each.base !== base) {
    fs.rmSync(source, { recursive: true, force: true });
    process.env.PATH = PATH;
    unpack(each.base, source, from);
    process.env.PATH = '/nonexistent';
    clean = readFileSet(source);
    base = each.base;
  }
  try {
    await judge(each, source, clean);
  } catch (error) {
    wrong.push(`${each.case}: ${error instanceof Error ? (error.stack ?? error.message) : error}`);
  } finally {
    for (const name of fs.readdirSync(scratch))
      if (name.startsWith('case')) fs.rmSync(path.join(scratch, name), { recursive: true, force: true });
  }
}
for (const [kind, { left }] of rows) for (const line of left) console.log(`  ${kind} ${line}`);
console.log('| what is damaged | cases | given back | without a trace, or not in use | left |');
console.log('| --- | --- | --- | --- | --- |');
for (const [kind, { cases: n, whole, idle, left }] of rows)
  console.log(`| ${kind} | ${n} | ${whole} | ${idle} | ${left.length} |`);
for (const line of slow) console.log(`slow ${line}`);
for (const line of wrong) console.log(`WRONG ${line}`);
console.log(`${cases.length} databases, ${wrong.length} with a wrong byte`);
process.exitCode = wrong.length === 0 ? 0 : 1;
