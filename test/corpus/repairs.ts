import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { readDatabase } from '../../src/engine/database.js';
import { DatabaseExport } from '../../src/export/database.js';
import { DirectorySink } from '../../src/io/directory-sink.js';
import { applyInPlace } from '../../src/repair/apply.js';
import { realDisk } from '../../src/repair/disk.js';
import { exportTarget } from '../../src/repair/export-target.js';
import { planAuto } from '../../src/repair/strategies/auto.js';
import { scanTarget } from '../../src/scan/scan.js';
import { inRepository } from '../support/repository.js';
import { type Contents, contentsOf, difference, entriesIn } from './contents.js';
import { type CorpusCase, corpusCases, unpack } from './corpus.js';
import { disagreement78, disagreement97, keptByLdb, readableBy97 } from './engines.js';
import { rowOf, Tally } from './tally.js';

/*
 * Holds `repair --strategy auto` and `export` against every damaged table, MANIFEST, CURRENT and blob file of the corpus:
 *   npm run repairs -- [--only REGEX] [--part 1/2] [--show 25] [--write]
 * The result must scan without error, open in RocksDB 7.8 (Debian's) and 9.7 (npm's) as far as they read what 11.9 wrote, and
 * hold what was there, but for what the plan says is lost; no deleted key may be back. --write puts the table into docs/repair.md,
 * beside what `ldb repair` keeps. Exits 0 when nothing fell short.
 */

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '.' },
    part: { type: 'string', default: '1/1' },
    show: { type: 'string', default: '25' },
    write: { type: 'boolean', default: false },
  },
});

const KINDS = ['sst', 'manifest', 'current', 'blob'];

/** Older than 7.8's own, or newer than it reads: what only the offline view can check. */
const readBy78 = (name: string) => name.startsWith('r78');
const versionOf = (name: string) => (name.startsWith('r78') ? '7.8' : '11.9');
const problems: string[] = [];
const tally = new Tally();
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'repairs-'));
process.on('exit', () => fs.rmSync(scratch, { recursive: true, force: true }));

interface Base {
  name: string;
  contents: Contents;
  /** Column families that RocksDB 9.7 can be asked about. */
  readable: string[];
}

let last: Base | undefined;

/** Cases come base by base. */
async function baseOf(name: string): Promise<Base> {
  if (last?.name === name) return last;
  const dir = path.join(scratch, 'base');
  unpack(name, dir);
  const contents = await contentsOf(dir, versionOf(name));
  last = { name, contents, readable: await readableBy97(dir, contents) };
  fs.rmSync(dir, { recursive: true });
  return last;
}

async function judgeRepair(c: CorpusCase, dir: string, base: Base): Promise<string | undefined> {
  const version = versionOf(c.case);
  const plan = await planAuto(await readDatabase(dir, { engineVersion: version }), {
    onLostTombstones: 'keep-hidden',
  });
  if (plan.steps.length > 0) {
    const journal = `${dir}.kvdoctor-undo-test`;
    await applyInPlace(plan, {
      disk: realDisk,
      journal,
      checkOwner: async () => {},
      tool: 'test',
      now: new Date(),
    });
    fs.rmSync(journal, { recursive: true });
  }
  const { findings } = await scanTarget(dir, { jobs: 1, engineVersion: version });
  const error = findings.find(({ severity }) => severity === 'error');
  if (error !== undefined) return `not clean: ${error.rule} ${error.file}: ${error.message}`;
  const after = await contentsOf(dir, version);
  const { lost, back, stale } = difference(base.contents, after);
  tally.add(rowOf(c), { databases: 1, entries: entriesIn(base.contents), lost });
  // without checksums nothing tells that a key or a value has changed
  if (/-ck-none-/.test(c.case)) return undefined;
  if (back > 0) return `${back} deleted keys are back`;
  if ((lost > 0 || stale > 0) && plan.loss.length === 0)
    return `${lost} entries lost and ${stale} changed in silence`;
  if (readBy78(c.case)) {
    const differs = await disagreement78(dir, c.case, after);
    if (differs !== undefined) return differs;
  }
  return disagreement97(dir, after, base.readable);
}

/** Exports as much as can be read into a new database, and asks the engines for it. */
async function judgeExport(c: CorpusCase, dir: string): Promise<string | undefined> {
  const output = `${dir}.export`;
  const directory = await DirectorySink.create(output);
  const sink = new DatabaseExport(directory);
  const options = { lenient: true, engineVersion: versionOf(c.case) };
  const { columnFamilies } = await exportTarget(dir, sink, options);
  await sink.finish();
  await directory.commit();
  if (columnFamilies.length === 0) return 'export gives nothing';
  const exported = await contentsOf(output, '7.8');
  const counted = columnFamilies.find(({ name, entries }) => exported.get(name)?.size !== entries);
  if (counted !== undefined) return `export of ${counted.name} does not hold its ${counted.entries} entries`;
  const differs = await disagreement78(output, '', exported);
  fs.rmSync(output, { recursive: true });
  return differs && `export: ${differs}`;
}

async function judge(c: CorpusCase): Promise<void> {
  const dir = path.join(scratch, 'case');
  unpack(c.case, dir);
  try {
    const base = await baseOf(c.base);
    const repairable = KINDS.includes(c.kind);
    const ldb = values.write && repairable && readBy78(c.case) && !/-fv[01]-/.test(c.case);
    if (ldb) {
      const kept = await keptByLdb(dir, c.case, base.contents);
      tally.add(rowOf(c), { ldbEntries: entriesIn(base.contents), ldbLost: entriesIn(base.contents) - kept });
    }
    const wrong = (await judgeExport(c, dir)) ?? (repairable ? await judgeRepair(c, dir, base) : undefined);
    if (wrong !== undefined) problems.push(`${c.case}: ${wrong}`);
  } catch (error) {
    problems.push(`${c.case}: ${error instanceof Error ? error.message : error}`);
  } finally {
    for (const ending of ['', '.kvdoctor-undo-test', '.export'])
      fs.rmSync(dir + ending, { recursive: true, force: true });
  }
}

const [part, parts] = values.part.split('/').map(Number);
const cases = corpusCases()
  .filter(({ case: name, base }) => new RegExp(values.only).test(name) && !/-backup$/.test(base))
  .filter((_, i) => i % parts === part - 1);
for (const c of cases) await judge(c);

for (const line of tally.lines()) console.log(line);
for (const problem of problems.slice(0, Number(values.show))) console.log(`  ${problem}`);
console.log(`${cases.length} databases, ${problems.length} fell short`);
if (values.write) {
  const file = inRepository('docs/repair.md');
  const text = fs.readFileSync(file, 'utf8');
  const between = /(<!-- repairs -->\n)[\s\S]*(<!-- end of repairs -->)/;
  if (!between.test(text)) throw new Error(`${file} has no place for the table`);
  fs.writeFileSync(
    file,
    text.replace(between, (_, from, to) => `${from}${tally.lines().join('\n')}\n${to}`),
  );
}
process.exitCode = problems.length === 0 ? 0 : 1;
