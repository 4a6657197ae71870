import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { faultsOf, journey } from '../support/journey.js';
import { inRepository } from '../support/repository.js';
import { corpusCases, unpack } from './corpus.js';

/*
 * Types what every screen says is next, from a scan on, for the damaged databases of the corpus and of the field:
 *   npm run journeys -- [--only REGEX] [--part 1/20] [--field] [--verbose]
 * Wants no circle, no dead end and no usage error. Exits 0 when there is none.
 */

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '.' },
    part: { type: 'string', default: '1/1' },
    field: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});

const [part, parts] = values.part.split('/').map(Number);
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'journeys-'));
process.on('exit', () => fs.rmSync(scratch, { recursive: true, force: true }));

const field = inRepository('..', 'shared', 'field');
const names = values.field
  ? fs.readdirSync(field).flatMap((name) => (name.endsWith('.tar.gz') ? [name.slice(0, -7)] : []))
  : corpusCases().map((each) => each.case);
const chosen = names.filter((name, i) => new RegExp(values.only).test(name) && i % parts === part - 1);

/** Puts a case into a directory of its own, and says which directory that is. */
function placed(name: string): string {
  fs.rmSync(scratch, { recursive: true, force: true });
  fs.mkdirSync(scratch);
  if (!values.field) {
    unpack(name, path.join(scratch, 'db'));
    return path.join(scratch, 'db');
  }
  execFileSync('tar', ['-xzf', path.join(field, `${name}.tar.gz`), '-C', scratch]);
  return path.join(scratch, fs.readdirSync(scratch)[0]);
}

const ways = new Map<string, string[]>();
let wrong = 0;
for (const name of chosen) {
  const dir = placed(name);
  const steps = await journey(`kvdoctor scan ${dir}`);
  const faults = await faultsOf(steps);
  const way = steps
    .map(({ line, status }) => `${line.replaceAll(scratch, '').replaceAll(/ \/?\S*db\S*/g, '')} [${status}]`)
    .join(' -> ');
  ways.set(way, [...(ways.get(way) ?? []), name]);
  console.log(`${name}  ${way}`);
  if (faults.length > 0) wrong++;
  for (const fault of faults) console.log(`${name}: ${fault}\n`);
  if (values.verbose) console.log(steps.map(({ line, text }) => `$ ${line}\n${text}`).join('\n'));
}
for (const [way, list] of [...ways].sort(([, a], [, b]) => b.length - a.length))
  console.log(`${list.length}  ${way}\n      ${list.slice(0, 4).join(' ')}`);
console.log(`${chosen.length - wrong} of ${chosen.length} journeys lead somewhere`);
process.exitCode = wrong > 0 ? 1 : 0;
