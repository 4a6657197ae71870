import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { shellWord } from '../../src/finding/shell-word.js';
import { damageCases } from '../support/case.js';
import { withDatabase } from '../support/database.js';
import { withFieldCase } from '../support/field.js';
import { faultsOf, journey } from '../support/journey.js';
import { inRepository } from '../support/repository.js';
import { corpus, corpusCases, unpack } from './corpus.js';

/*
 * Types what every screen says is next, from a scan on, for damaged databases:
 *   npm run journeys -- [--corpus DIR | --field | --fixtures] [--only REGEX] [--part 1/20] [--verbose]
 * of a corpus, of the field, or of all that the repository itself has. Wants no circle, no dead end and no usage error. Exits 0 when
 * there is none.
 */

const { values } = parseArgs({
  options: {
    corpus: { type: 'string', default: corpus },
    field: { type: 'boolean', default: false },
    fixtures: { type: 'boolean', default: false },
    only: { type: 'string', default: '.' },
    part: { type: 'string', default: '1/1' },
    verbose: { type: 'boolean', default: false },
  },
});

const [part, parts] = values.part.split('/').map(Number);
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'journeys-'));
process.on('exit', () => fs.rmSync(scratch, { recursive: true, force: true }));

/** Puts a damaged directory where it can be changed, for as long as it is used. */
type Placed = (use: (dir: string) => Promise<void>) => Promise<void>;

const archives = (folder: string) =>
  fs.readdirSync(folder).flatMap((name) => (name.endsWith('.tar.gz') ? [name.slice(0, -7)] : []));

/** The damaged directories by name. */
function directories(): [string, Placed][] {
  if (values.fixtures)
    return [
      ...damageCases().map(({ name, base, patches, target }): [string, Placed] => [
        name,
        (use) => withDatabase(base, patches, (dir) => use(path.join(dir, target))),
      ]),
      ...archives(inRepository('fixtures/field')).map((name): [string, Placed] => [
        name,
        (use) => withFieldCase(name, [], use),
      ]),
    ];
  const field = inRepository('..', 'shared', 'field');
  if (values.field)
    return archives(field).map((name) => [
      name,
      (use) =>
        emptied((parent) => {
          execFileSync('tar', ['-xzf', path.join(field, `${name}.tar.gz`), '-C', parent]);
          return use(path.join(parent, fs.readdirSync(parent)[0]));
        }),
    ]);
  return corpusCases(values.corpus).map((each) => [
    each.case,
    (use) =>
      emptied((parent) => {
        unpack(each.case, path.join(parent, 'db'), values.corpus);
        return use(path.join(parent, 'db'));
      }),
  ]);
}

function emptied<T>(use: (parent: string) => T): T {
  fs.rmSync(scratch, { recursive: true, force: true });
  fs.mkdirSync(scratch);
  return use(scratch);
}

const chosen = directories().filter(
  ([name], i) => new RegExp(values.only).test(name) && i % parts === part - 1,
);

const ways = new Map<string, string[]>();
let wrong = 0;
for (const [name, placed] of chosen)
  await placed(async (dir) => {
    const steps = await journey(`kvdoctor scan ${shellWord(dir)}`);
    const faults = await faultsOf(steps);
    const way = steps
      .map(({ line, status }) => `${line.replaceAll(new RegExp(`'?${dir}\\S*`, 'g'), 'DB')} [${status}]`)
      .join(' -> ');
    ways.set(way, [...(ways.get(way) ?? []), name]);
    console.log(`${name}  ${way}`);
    if (faults.length > 0) wrong++;
    for (const fault of faults) console.log(`${name}: ${fault}\n`);
    if (values.verbose) console.log(steps.map(({ line, text }) => `$ ${line}\n${text}`).join('\n'));
  });
for (const [way, list] of [...ways].sort(([, a], [, b]) => b.length - a.length))
  console.log(`${list.length}  ${way}\n      ${list.slice(0, 4).join(' ')}`);
console.log(`${chosen.length - wrong} of ${chosen.length} journeys lead somewhere`);
process.exitCode = wrong > 0 ? 1 : 0;
