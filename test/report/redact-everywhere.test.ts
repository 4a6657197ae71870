import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ProfileName } from '../../src/app/applications.js';
import { kvdoctor } from '../cli/host.js';
import { damageCases } from '../support/case.js';
import { withDatabase } from '../support/database.js';
import { readFileSet, withTemporaryDirectory, writeFileSet } from '../support/files.js';
import { KeySpellings } from '../support/leaks.js';
import { inRepository } from '../support/repository.js';

/*
 * With --redact keys no output of any format has a key of the database, or a part of one: of every case of every rule, of the
 * applications' directories, and of every plan of a repair.
 */

const FORMATS = ['json', 'ndjson', 'sarif', 'junit', 'github', 'gitlab', 'prometheus', 'markdown', 'html'];
const PLAN_FORMATS = ['json', 'ndjson'];

const known = new Map<string, Promise<KeySpellings>>();

/** All keys that can be read of a database. */
async function keysIn(dir: string, profile?: ProfileName): Promise<KeySpellings> {
  const { out } = await kvdoctor(`export --lenient ${dir}`);
  const keys = new KeySpellings();
  for (const line of out.split('\n').filter(Boolean)) {
    // entries of a raft log have none of their own
    const { key } = JSON.parse(line) as { key?: { base64: string } };
    if (key !== undefined) keys.addOf(Buffer.from(key.base64, 'base64'), profile);
  }
  return keys;
}

function keysOf(base: string): Promise<KeySpellings> {
  const keys = known.get(base) ?? withDatabase(base, [], (dir) => keysIn(dir));
  known.set(base, keys);
  return keys;
}

/** All that a command writes, of every format. */
async function writtenBy(command: string, target: string, parent: string, formats: readonly string[]) {
  const outputs = path.join(parent, 'outputs');
  mkdirSync(outputs, { recursive: true });
  const named = formats.map((format) => `--format ${format}=${path.join(outputs, format)}`).join(' ');
  const { out, err } = await kvdoctor(`${command} --redact keys -v --format text ${named} ${target}`);
  const files = readdirSync(outputs).map((file) => readFileSync(path.join(outputs, file), 'utf8'));
  return [out, err, ...files].join('\n');
}

const isDatabase = ({ base, target }: { base: string; target: string }) =>
  target === '.' && !base.startsWith('backup');
const cases = damageCases().filter(isDatabase);

describe('every case', () => {
  it.each(cases.map(({ name, base, patches }) => [name, base, patches] as const))('%s', (_, base, patches) =>
    withDatabase(base, patches, async (db) => {
      const text = await writtenBy('scan', db, path.dirname(db), FORMATS);
      expect((await keysOf(base)).in(text)).toEqual([]);
    }),
  );
});

/** One case of each kind of file, in both halves of the alphabet: a plan takes longer than a scan. */
const repaired = cases.filter((_, i) => i % 7 === 0);
const WAYS = ['--strategy auto', '--strategy heal', '--strategy salvage', '--mode point-in-time'];

describe('plans', () => {
  it.each(repaired.map(({ name, base, patches }) => [name, base, patches] as const))(
    '%s',
    (_, base, patches) =>
      withDatabase(base, patches, async (db) => {
        const keys = await keysOf(base);
        for (const way of WAYS) {
          const text = await writtenBy(`repair --dry-run ${way}`, db, path.dirname(db), PLAN_FORMATS);
          expect([way, keys.in(text)]).toEqual([way, []]);
        }
        const text = await writtenBy('simulate', db, path.dirname(db), PLAN_FORMATS);
        expect(keys.in(text)).toEqual([]);
      }),
  );
});

const applications: [directory: string, healthy: string, profile: ProfileName][] = [
  ['kvrocks-mixed/db', 'kvrocks-mixed/db', 'kvrocks'],
  ['kvrocks-race-8/db', 'kvrocks-race-8/db', 'kvrocks'],
  ['kvrocks-race-9/db', 'kvrocks-race-9/db', 'kvrocks'],
  ['kvrocks-race-10/db', 'kvrocks-race-10/db', 'kvrocks'],
  ['kvrocks-race-12/db', 'kvrocks-race-12/db', 'kvrocks'],
  ['tikv-damaged/db', 'tikv/db', 'tikv'],
  ['restate-1.7/log-store', 'restate-1.7/log-store', 'restate'],
  ['restate-1.7/db', 'restate-1.7/db', 'restate'],
  ['restate/replicated-metadata-server', 'restate/replicated-metadata-server', 'restate'],
];

describe('applications', () => {
  it.each(applications)('%s', (directory, healthy, profile) =>
    withTemporaryDirectory(async (parent) => {
      const db = path.join(parent, path.basename(directory));
      writeFileSet(readFileSet(inRepository('fixtures', directory)), db);
      const keys = await keysIn(inRepository('fixtures', healthy), profile);
      expect(keys.count).toBeGreaterThan(10);
      for (const command of ['scan --application', 'simulate --application'])
        expect(keys.in(await writtenBy(command, db, parent, FORMATS))).toEqual([]);
      for (const way of [...WAYS, '--strategy tables', '--strategy application'])
        expect(keys.in(await writtenBy(`repair --dry-run ${way}`, db, parent, PLAN_FORMATS))).toEqual([]);
    }),
  );
});
