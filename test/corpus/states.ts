import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { readDatabase } from '../../src/engine/database.js';
import { repairTarget } from '../../src/repair/run.js';
import { simulateDatabase } from '../../src/scan/simulate-database.js';
import { askOracle } from '../support/oracle.js';
import { inRepository } from '../support/repository.js';

/*
 * Holds `repair --strategy auto` against `ldb repair` on directories whose files are of several moments or histories: those that
 * are shipped (fixtures/states), and those that lie beside the repository where they are at hand.
 *   npm run repairs:states         writes the table in docs/repair.md
 */

/** Visible entries and their FNV-1a 64, by column family. */
type Contents = Record<string, { n: number; fnv: string }>;

interface Case {
  archive: string;
  row: string;
  truth: Contents;
}

const rows: [RegExp, string][] = [
  [/^stale/, 'MANIFEST older than tables and logs (a copy of a live database, MANIFEST first)'],
  [
    /^(rsync|livefiles)/,
    'MANIFEST newer than tables (MANIFEST last, or more of it than belongs to a checkpoint)',
  ],
  [/^(opener|openerw|current-names)/, 'a second program had the database open and moved CURRENT'],
  [/^missing/, 'table lost, the log that it was made from still there'],
  [/^(repair|ldb-repaired|after-failed)/, 'after a RepairDB that failed or said OK'],
];
const rowOf = (name: string) => rows.find(([pattern]) => pattern.test(name))?.[1];

function shipped(): Case[] {
  const here = inRepository('fixtures', 'states');
  const cases: Record<string, { truth: Record<string, [number, string]> }> = JSON.parse(
    fs.readFileSync(path.join(here, 'cases.json'), 'utf8'),
  );
  return Object.entries(cases).map(([name, { truth }]) => ({
    archive: path.join(here, `${name}.tar.gz`),
    row: rowOf(name)!,
    truth: Object.fromEntries(Object.entries(truth).map(([family, [n, fnv]]) => [family, { n, fnv }])),
  }));
}

/** The answer noted for this one has column families that none of its files knows. */
const WRONG_ANSWER = 'after-failed-ldb-repair';

function beside(): Case[] {
  const here = inRepository('..', 'shared', 'field');
  if (!fs.existsSync(here)) return [];
  const lines = fs.readFileSync(path.join(here, 'cases.jsonl'), 'utf8').trim().split('\n');
  return lines
    .map((line) => JSON.parse(line) as { name: string; truth?: Contents })
    .filter(({ name, truth }) => truth !== undefined && name !== WRONG_ANSWER)
    .map(({ name, truth }) => ({
      archive: path.join(here, `${name}.tar.gz`),
      row: rowOf(name)!,
      truth: truth!,
    }));
}

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'kvdoctor-states-'));

function unpacked({ archive }: Case, into: string): string {
  const parent = path.join(scratch, into);
  fs.rmSync(parent, { recursive: true, force: true });
  fs.mkdirSync(parent);
  execFileSync('tar', ['xzf', archive, '-C', parent]);
  return path.join(parent, path.basename(archive, '.tar.gz'));
}

async function afterKvdoctor(each: Case): Promise<Contents> {
  const dir = unpacked(each, 'kvdoctor');
  await repairTarget(
    dir,
    {
      way: { strategy: 'auto' },
      destination: { kind: 'copy', output: `${dir}.out` },
      tool: 'states',
      jobs: 1,
    },
    { confirm: async () => true },
  );
  const [strictest] = await simulateDatabase(await readDatabase(`${dir}.out`), { digest: true });
  const families = strictest.columnFamilies ?? [];
  return Object.fromEntries(
    families.map(({ name, entries, fnv1a64 }) => [name, { n: entries, fnv: fnv1a64 }]),
  );
}

function afterLdb(each: Case): Contents {
  const dir = unpacked(each, 'ldb');
  try {
    execFileSync('ldb', ['repair', `--db=${dir}`], { stdio: 'ignore', timeout: 120_000 });
  } catch {
    // it failed, and what it has thrown out stays in lost/
  }
  return askOracle(dir, 'pit').cfs ?? {};
}

/** Column families whose contents are as they were. */
const right = (truth: Contents, now: Contents) =>
  Object.entries(truth).filter(([name, { n, fnv }]) => now[name]?.n === n && now[name]?.fnv === fnv).length;
const entriesIn = (contents: Contents, families: Contents) =>
  Object.keys(families).reduce((sum, name) => sum + (contents[name]?.n ?? 0), 0);

const sums = new Map<
  string,
  { databases: number; entries: number; families: number; own: number[]; ldb: number[] }
>();
for (const each of [...shipped(), ...beside()]) {
  const { truth, row } = each;
  const [own, ldb] = [await afterKvdoctor(each), afterLdb(each)];
  const sum = sums.get(row) ?? { databases: 0, entries: 0, families: 0, own: [0, 0], ldb: [0, 0] };
  sum.databases++;
  sum.entries += entriesIn(truth, truth);
  sum.families += Object.keys(truth).length;
  sum.own = [sum.own[0] + entriesIn(own, truth), sum.own[1] + right(truth, own)];
  sum.ldb = [sum.ldb[0] + entriesIn(ldb, truth), sum.ldb[1] + right(truth, ldb)];
  sums.set(row, sum);
}
fs.rmSync(scratch, { recursive: true, force: true });

const number = (value: number) => value.toLocaleString('en');
const lines = rows.flatMap(([, row]) => {
  const sum = sums.get(row);
  if (sum === undefined) return [];
  const cell = ([entries, families]: number[]) => `${number(entries)} (${families} of ${sum.families})`;
  return [`| ${row} | ${sum.databases} | ${number(sum.entries)} | ${cell(sum.own)} | ${cell(sum.ldb)} |`];
});
const head = [
  '| what came apart | databases | entries before | after `--strategy auto` | after `ldb repair` |',
  '| --- | --- | --- | --- | --- |',
];
const file = inRepository('docs/repair.md');
const between = /(<!-- states -->\n)[\s\S]*(<!-- end of states -->)/;
const text = fs.readFileSync(file, 'utf8');
fs.writeFileSync(file, text.replace(between, `$1${[...head, ...lines].join('\n')}\n$2`));
console.log([...head, ...lines].join('\n'));
