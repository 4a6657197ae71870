import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { readDatabase } from '../../src/engine/database.js';
import { decodeBatch } from '../../src/format/batch/decode.js';
import { LogParser } from '../../src/format/log/parser.js';
import { readLog } from '../../src/format/log/read.js';
import { MAX_SEQUENCE, VALUE_TYPE } from '../../src/format/sst/internal-key.js';
import { openSource } from '../../src/io/source.js';
import { END, LOAD } from '../../src/lsm/cursor.js';
import { Fnv1a64 } from '../../src/lsm/fnv1a64.js';
import { inventoryFiles } from '../../src/lsm/inventory-files.js';
import { repairDbView } from '../../src/lsm/repairdb-view.js';
import { View } from '../../src/lsm/view.js';
import { databaseView } from '../../src/recovery/database-view.js';
import { prepareOpen, simulateOpen } from '../../src/recovery/open.js';
import { repairTarget } from '../../src/repair/run.js';
import { compiled } from '../support/compile.js';
import { inRepository } from '../support/repository.js';
import { contentsOf } from './contents.js';
import { corpusCases, leveldbCorpus, unpack } from './corpus.js';

/*
 * Holds `repair --strategy auto` against every damaged LevelDB database of the corpus, and against RepairDB:
 *   npm run repairs:leveldb -- [--only REGEX] [--part 1/2] [--show 25] [--write]
 * LevelDB itself (Debian's) opens the result in its strictest mode and says what it holds; each key is held against every version
 * that the whole database has of it. Nothing may be there that was never written, and no fewer entries than RepairDB leaves.
 * --write puts the table into docs/repair.md. Exits 0 when nothing fell short.
 */

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '.' },
    part: { type: 'string', default: '1/1' },
    show: { type: 'string', default: '25' },
    write: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});

interface EngineAnswer {
  repair?: string;
  open: string;
  cfs?: { default: { n: number; iter: string } };
  /** Keys against the whole database. */
  lost?: number;
  changed?: number;
  extra?: number;
}

interface LevelDbCase {
  case: string;
  base: string;
  kind: string;
  cls: string;
  inert?: boolean;
  engine: Record<'default' | 'paranoid' | 'repairdb', EngineAnswer>;
}

/** Visible entries: key to a hash of its value. */
type Entries = Map<string, string>;

interface Base {
  name: string;
  entries: Entries;
  /** Every version of each key, deletions as the empty text. */
  history: Map<string, Set<string>>;
  comparator: string;
}

/** What is left of a database. */
interface Outcome {
  databases: number;
  /** Entries of the whole database. */
  entries: number;
  kept: number;
  older: number;
  back: number;
  invented: number;
}

const oracle = compiled(path.join(leveldbCorpus, 'oracle.cc'), ['leveldb', 'pthread']);
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'leveldb-repairs-'));
process.on('exit', () => fs.rmSync(scratch, { recursive: true, force: true }));
const comparators = new Map(
  corpusCases<{ case: string; comparator: string }>(leveldbCorpus, 'clean.jsonl').map((c) => [
    c.case,
    c.comparator,
  ]),
);
/** Blocks that Debian's build cannot read: those are read by kvdoctor alone. */
const readByLevelDb = (base: string) => !/zstd|^(h-)?mc-/.test(base);

function hashOf(bytes: Uint8Array, from = 0, to = bytes.length): string {
  const hash = new Fnv1a64();
  hash.update(bytes, from, to);
  return hash.hex();
}

/** What LevelDB answers of a copy of a directory, and the entries that it shows. */
function ask(dir: string, mode: 'default' | 'paranoid' | 'repair', comparator: string) {
  const copy = `${dir}.engine`;
  const out = `${dir}.entries`;
  fs.cpSync(dir, copy, { recursive: true });
  const { stdout, signal } = spawnSync(oracle, [copy, mode, `cmp=${comparator}`], {
    encoding: 'utf8',
    env: { ...process.env, ORACLE_OUT: out },
    timeout: 60_000,
    maxBuffer: 1 << 26,
  });
  const last = stdout.trim().split('\n').pop() ?? '';
  const answer = parsed(last) ?? { open: `it died of ${signal}` };
  const entries: Entries = new Map();
  const bytes = fs.existsSync(out) ? fs.readFileSync(out) : Buffer.alloc(0);
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    const key = bytes.toString('latin1', at + 4, at + 4 + length);
    entries.set(
      key,
      bytes
        .readBigUInt64LE(at + 4 + length)
        .toString(16)
        .padStart(16, '0'),
    );
    at += 12 + length;
  }
  fs.rmSync(copy, { recursive: true, force: true });
  fs.rmSync(out, { force: true });
  return { answer, entries };
}

function parsed(line: string): EngineAnswer | undefined {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

async function entriesBySelf(dir: string): Promise<Entries> {
  const own = (await contentsOf(dir)).get('default') ?? new Map<string, string>();
  return new Map([...own].map(([key, value]) => [key, hashOf(Buffer.from(value, 'latin1'))]));
}

let last: Base | undefined;

/** Cases are sorted by it. */
async function baseOf(name: string): Promise<Base> {
  if (last?.name === name) return last;
  const dir = path.join(scratch, 'base');
  unpack(name, dir, leveldbCorpus);
  const comparator = comparators.get(name) ?? '';
  const entries = readByLevelDb(name) ? ask(dir, 'default', comparator).entries : await entriesBySelf(dir);
  last = { name, comparator, entries, history: await historyOf(dir) };
  fs.rmSync(dir, { recursive: true });
  return last;
}

async function historyOf(dir: string): Promise<Base['history']> {
  const database = await readDatabase(dir);
  const prepared = await prepareOpen(databaseView(database), database.engineVersion);
  const view = await View.open({
    version: database.version!,
    files: inventoryFiles(database.inventory),
    replay: (sink) => simulateOpen(prepared, 'default', sink),
    dialect: 'leveldb',
    sequence: MAX_SEQUENCE,
  });
  const history: Base['history'] = new Map();
  for (const { entries } of view.separately(0, true)) {
    for (let step = entries.step(); step !== END; step = entries.step()) {
      if (step === LOAD) {
        await entries.load();
        continue;
      }
      const { keyBytes, keyFrom, keyTo, valueBytes, valueFrom, valueTo, low } = entries.current;
      const key = Buffer.from(keyBytes.subarray(keyFrom, keyTo)).toString('latin1');
      const versions = history.get(key) ?? new Set();
      versions.add((low & 0xff) === VALUE_TYPE.delete ? '' : hashOf(valueBytes, valueFrom, valueTo));
      history.set(key, versions);
    }
    await entries.close();
  }
  view.close();
  return history;
}

/** Adds what the batches of WALs hold whose checksums are right. */
async function addWrites(dir: string, history: Base['history']): Promise<void> {
  for (const name of fs.readdirSync(dir).filter((file) => file.endsWith('.log'))) {
    const source = await openSource({ kind: 'file', path: path.join(dir, name) });
    const parser = new LogParser(source, { number: 0n, dialect: 'leveldb' });
    await readLog(parser, {
      record: ({ bytes, start, end }) => {
        for (const { key, value = NOTHING } of decodeBatch(bytes.subarray(start, end), { dialect: 'leveldb' })
          .ops) {
          const text = Buffer.from(key).toString('latin1');
          history.set(text, (history.get(text) ?? new Set()).add(hashOf(value)));
        }
        return undefined;
      },
    });
    await source.close();
  }
}

const NOTHING = new Uint8Array(0);

function outcomeOf({ entries, history }: Base, after: Entries): Outcome {
  const found: Outcome = { databases: 1, entries: entries.size, kept: 0, older: 0, back: 0, invented: 0 };
  for (const [key, value] of after) {
    if (entries.get(key) === value) found.kept++;
    else if (!history.get(key)?.has(value)) found.invented++;
    else if (entries.has(key)) found.older++;
    else found.back++;
  }
  return found;
}

const rows: [string, (c: LevelDbCase) => boolean][] = [
  ['nothing that LevelDB looks at', ({ inert }) => inert === true],
  ['CURRENT', ({ kind }) => kind === 'current'],
  ['MANIFEST', ({ kind }) => kind === 'manifest'],
  ['WAL', ({ kind }) => kind === 'wal'],
  ['table missing', ({ cls }) => cls === 'missing-file'],
  ['table', ({ kind }) => kind === 'sst'],
  ['files left over', () => true],
];

/** What RepairDB leaves, as the corpus has it. */
type Theirs = Record<'kept' | 'changed' | 'extra', number>;

interface Sums {
  ours: Outcome;
  theirs: Theirs;
}

const sums = new Map<string, Sums>();
const none = (): Outcome => ({ databases: 0, entries: 0, kept: 0, older: 0, back: 0, invented: 0 });

function add(c: LevelDbCase, ours: Outcome): void {
  const row = rows.find(([, fits]) => fits(c))![0];
  const sum = sums.get(row) ?? { ours: none(), theirs: { kept: 0, changed: 0, extra: 0 } };
  for (const key of Object.keys(ours) as (keyof Outcome)[]) sum.ours[key] += ours[key];
  const { open, lost = 0, changed = 0, extra = 0 } = c.engine.repairdb;
  if (open === 'OK') {
    sum.theirs.kept += ours.entries - lost - changed;
    sum.theirs.changed += changed;
    sum.theirs.extra += extra;
  }
  sums.set(row, sum);
}

/** Cases in which what is simulated of RepairDB is what it does. */
const foretold = { right: 0, of: 0 };

async function foretell(
  { engine: { repairdb } }: LevelDbCase,
  dir: string,
  comparator: string,
): Promise<void> {
  if (repairdb.cfs?.default.iter !== 'OK') return;
  const view = await repairDbView(await readDatabase(dir), comparator);
  const visible = view.visible(0, { lenient: true });
  let entries = 0;
  for (let step = visible.step(); step !== END; step = visible.step())
    if (step === LOAD) await visible.load();
    else entries++;
  await visible.close();
  view.close();
  foretold.of++;
  if (entries === repairdb.cfs.default.n) foretold.right++;
  else if (values.verbose) console.log(`  RepairDB: ${repairdb.cfs.default.n} entries, simulated ${entries}`);
}

/** What went wrong with a case, if anything. */
async function judge(c: LevelDbCase, dir: string): Promise<string | undefined> {
  const base = await baseOf(c.base);
  const asked = readByLevelDb(c.base);
  unpack(c.case, dir, leveldbCorpus);
  await foretell(c, dir, base.comparator);
  // these were written to the damaged database
  if (c.cls === 'appended-after-tear') await addWrites(dir, base.history);
  const way = { strategy: 'auto' } as const;
  const report = await repairTarget(
    dir,
    { way, destination: { kind: 'in-place' }, stopped: true, jobs: 1, tool: 'test' },
    { confirm: async () => true },
  );
  const { state, reason } = report.repair!;
  if (state !== 'repaired' && state !== 'nothing-to-do') {
    const errors = report.findings.filter(({ severity }) => severity === 'error');
    return `${state}: ${reason ?? errors.map(({ rule, file, message }) => `${rule} ${file}: ${message}`).slice(0, 2)}`;
  }
  let ours: Entries;
  if (asked) {
    const { answer, entries } = ask(dir, 'paranoid', base.comparator);
    if (answer.open !== 'OK') return `LevelDB: ${answer.open}`;
    if (answer.cfs?.default.iter !== 'OK') return `LevelDB, iterating: ${answer.cfs?.default.iter}`;
    ours = entries;
  } else ours = await entriesBySelf(dir);
  const outcome = outcomeOf(base, ours);
  add(c, outcome);
  const { repairdb, default: plain } = c.engine;
  const floor = repairdb.open === 'OK' ? repairdb.cfs!.default.n - (repairdb.extra ?? 0) : 0;
  const { kept, older, back, invented } = outcome;
  const theirs = floor - (repairdb.changed ?? 0);
  const what = `${ours.size} entries: ${kept} of ${base.entries.size} kept, ${older} older, ${back} back, ${invented} invented; RepairDB's floor ${floor}, kept ${theirs}`;
  if (values.verbose) console.log(`${c.case}: ${what} ${state}`);
  if (invented > 0) return `invented: ${what}`;
  if (ours.size < floor || kept < theirs) return `fewer: ${what}`;
  if (ours.size > base.entries.size + (plain.extra ?? 0)) return `more: ${what}`;
  const errors = report.findings.filter(({ severity }) => severity === 'error');
  return errors.length > 0 ? `not clean: ${errors[0].rule} ${errors[0].file}` : undefined;
}

const number = (value: number) => value.toLocaleString('en');

function table(): string[] {
  const body = rows.flatMap(([row]) => {
    const sum = sums.get(row);
    if (sum === undefined) return [];
    const { databases, entries, kept, older, back, invented } = sum.ours;
    const { theirs } = sum;
    const cells = [
      databases,
      entries,
      kept,
      older,
      back,
      invented,
      theirs.kept,
      theirs.changed,
      theirs.extra,
    ];
    return [`| ${row} | ${cells.map(number).join(' | ')} |`];
  });
  return [
    '| damage | databases | entries | kept | older value | deleted, back | invented | RepairDB: kept | another value | not there before |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...body,
  ];
}

const [part, parts] = values.part.split('/').map(Number);
const cases = corpusCases<LevelDbCase>(leveldbCorpus)
  .filter(({ case: name }) => new RegExp(values.only).test(name))
  .filter((_, i) => i % parts === part - 1)
  .sort((a, b) => (a.base < b.base ? -1 : 1));
const problems: string[] = [];
for (const c of cases) {
  const dir = path.join(scratch, 'case');
  try {
    const wrong = await judge(c, dir);
    if (wrong !== undefined) problems.push(`${c.case}: ${wrong}`);
  } catch (error) {
    problems.push(`${c.case}: ${error instanceof Error ? (error.stack ?? error.message) : error}`);
  } finally {
    for (const name of fs.readdirSync(scratch))
      if (name.startsWith('case')) fs.rmSync(path.join(scratch, name), { recursive: true, force: true });
  }
}
const lines = table();
for (const line of lines) console.log(line);
for (const problem of problems.slice(0, Number(values.show))) console.log(`  ${problem}`);
console.log(`RepairDB simulated: ${foretold.right} of ${foretold.of} with the entries that it leaves`);
console.log(`${cases.length} databases, ${problems.length} fell short`);
if (values.write) {
  const file = inRepository('docs/repair.md');
  const text = fs.readFileSync(file, 'utf8');
  const between = /(<!-- leveldb repairs -->\n)[\s\S]*(<!-- end of leveldb repairs -->)/;
  if (!between.test(text)) throw new Error(`${file} has no place for the table`);
  fs.writeFileSync(
    file,
    text.replace(between, (_, from, to) => `${from}${lines.join('\n')}\n${to}`),
  );
}
process.exitCode = problems.length === 0 ? 0 : 1;
