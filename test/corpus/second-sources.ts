import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { repairTarget } from '../../src/repair/run.js';
import { type FileSet, readFileSet, writeFileSet } from '../support/files.js';
import { corpora, corpusCases, unpack } from './corpus.js';
import { cloneCases, copiesOf, type Engine, half, renamedLike, type Shape } from './other-sources.js';

/*
 * Holds `repair --from` against every damaged database of a corpus:
 *   npm run second-sources -- [--corpus rocksdb|leveldb|pebble] [--source KIND] [--strategy from|auto] [--only REGEX] [--part 1/2]
 *                             [--accept-unproven] [--verbose]
 * KIND  whole       the database that was whole: a damaged file has to become what it was, byte for byte (default)
 *       checkpoint  a checkpoint that Debian's RocksDB makes of that database
 *       backup      a BackupEngine directory made so
 *       opened-checkpoint, opened-backup
 *                   the same after RocksDB opened it for writing, so that its logs and its MANIFEST are others
 *       wrong       two at once that have nothing: another database under these names, and one with the same damage
 *       half        the same file damaged in another place: two half-good files make a whole one
 *       parted      two copies of each whole database that its engine (Debian's RocksDB or LevelDB, Pebble 1.1.5) opened and wrote to, other
 *                   values after the first batches: one is damaged, the other the source
 *       later, one  the same, other values in the second half of each log, or in one batch of each log alone
 * `--strategy auto`: what the sources do not prove is repaired without them, so that files may hold other bytes than the whole database.
 * Prints a table, what was left as it was and why, and the cases that took longer than five seconds. Exits 0 when no byte is wrong.
 */

const { values } = parseArgs({
  options: {
    corpus: { type: 'string', default: 'leveldb' },
    source: { type: 'string', default: 'whole' },
    strategy: { type: 'string', default: 'from' },
    only: { type: 'string', default: '.' },
    part: { type: 'string', default: '1/1' },
    'accept-unproven': { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});

interface Case extends Damage {
  base: string;
  patch: readonly Patch[];
}

interface Damage {
  case: string;
  kind: string;
  cls: string;
  inert?: boolean;
  traceless?: boolean;
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
const strategy = values.strategy === 'auto' ? 'auto' : 'from';
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
  if (clean === undefined || after.length < Math.min(clean.length, before?.length ?? 0)) return true;
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

async function judge(
  { case: name, kind, cls, inert, traceless }: Damage,
  { before, clean, sources }: { before: FileSet; clean: FileSet; sources: readonly string[] },
) {
  const row = rows.get(kind) ?? { cases: 0, whole: 0, idle: 0, left: [] };
  rows.set(kind, row);
  row.cases++;
  const dir = path.join(scratch, 'case');
  writeFileSet(before, dir);
  const begun = performance.now();
  const report = await repairTarget(
    dir,
    {
      way: { strategy, from: sources, ...(accept && { acceptUnproven: true }) },
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
  for (const file of strategy === 'from' ? differing(before, after) : []) {
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

/** What a checkpoint or a backup can have. */
const COPIED = /^(sst|blob|wal|manifest)$/;
const [, opened, copyKind] = /^(opened-)?(checkpoint|backup)$/.exec(values.source) ?? [];
const isCopied = copyKind !== undefined;
const isClone = ['parted', 'later', 'one'].includes(values.source);
const [part, parts] = values.part.split('/').map(Number);
const isOfPart = (i: number) => i % parts === part - 1;
const cases = corpusCases<Case>(from)
  .filter((c) => c.kind !== 'backup' && (!isCopied || COPIED.test(c.kind)))
  .filter((c) => new RegExp(values.only).test(c.case))
  .filter((_, i) => isClone || isOfPart(i))
  .sort((a, b) => (a.base < b.base ? -1 : 1));
let base = '';
let clean: FileSet = new Map();
let other: FileSet = new Map();
let notAsked = '';
const at = (name: string) => path.join(scratch, name);
const notAskedCases: string[] = [];

/** Unpacks the base of a case, and makes what is made of it once. */
function open(next: string): void {
  other = clean;
  for (const name of ['base', 'copy', 'checkpoint', 'backup'])
    fs.rmSync(at(name), { recursive: true, force: true });
  process.env.PATH = PATH;
  unpack(next, at('base'), from);
  clean = readFileSet(at('base'));
  notAsked = isCopied ? copiesOf(next, at, opened !== undefined) : '';
  process.env.PATH = '/nonexistent';
  base = next;
}

/** The sources of a case that are to be tried. */
function sourcesOf(before: FileSet): string[] {
  const put = (name: string, files: FileSet) => {
    writeFileSet(files, at(name));
    return at(name);
  };
  if (isCopied) return [at(copyKind)];
  switch (values.source) {
    case 'wrong':
      return [put('case-other', renamedLike(other, clean)), put('case-same', before)];
    case 'half':
      return [put('case-half', half(clean, before))];
    default:
      return [at('base')];
  }
}

async function attempt(
  damage: Damage,
  files: { before: FileSet; clean: FileSet; sources: readonly string[] },
) {
  try {
    await judge(damage, files);
  } catch (error) {
    wrong.push(`${damage.case}: ${error instanceof Error ? (error.stack ?? error.message) : error}`);
  } finally {
    for (const name of fs.readdirSync(scratch))
      if (name.startsWith('case')) fs.rmSync(at(name), { recursive: true, force: true });
  }
}

if (isClone) {
  for (const name of [...new Set(cases.map((each) => each.base))].filter((_, i) => isOfPart(i))) {
    open(name);
    process.env.PATH = PATH;
    const engine = values.corpus as Engine;
    const made = cloneCases(name, clean, { engine, shape: values.source as Shape, at });
    process.env.PATH = '/nonexistent';
    if (typeof made === 'string') notAskedCases.push(`${name}: ${made}`);
    else
      for (const each of made) await attempt({ ...each, cls: 'clone' }, { ...each, sources: [each.source] });
  }
} else
  for (const each of cases) {
    if (each.base !== base) open(each.base);
    if (notAsked !== '') {
      notAskedCases.push(`${each.case}: ${notAsked}`);
      continue;
    }
    const before = damagedBy(clean, each.patch);
    await attempt(each, { before, clean, sources: sourcesOf(before) });
  }
for (const line of notAskedCases) console.log(`not asked ${line}`);
const hasBytes = values.source !== 'wrong' && !isClone;
for (const [kind, { left }] of hasBytes || values.verbose ? rows : [])
  for (const line of left) console.log(`  ${kind} ${line}`);
console.log('| what is damaged | cases | given back | without a trace, or not in use | left |');
console.log('| --- | --- | --- | --- | --- |');
for (const [kind, { cases: n, whole, idle, left }] of rows)
  console.log(`| ${kind} | ${n} | ${whole} | ${idle} | ${left.length} |`);
for (const line of slow) console.log(`slow ${line}`);
for (const line of wrong) console.log(`WRONG ${line}`);
const asked = [...rows.values()].reduce((sum, { cases: n }) => sum + n, 0);
console.log(`${asked} databases, ${notAskedCases.length} not asked, ${wrong.length} with a wrong byte`);
process.exitCode = wrong.length === 0 ? 0 : 1;
