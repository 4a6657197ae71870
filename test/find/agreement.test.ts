import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type FindReport, find, type KeyReport } from '../../src/find/find.js';
import { VALUE_TYPE } from '../../src/format/sst/internal-key.js';
import { findJson } from '../../src/report/find-json.js';
import { plainPalette } from '../../src/report/reporter.js';
import { findText } from '../../src/report/text/find.js';
import { mutate } from '../mutation/mutate.js';
import { Random } from '../mutation/random.js';
import { allSubjects } from '../mutation/subjects.js';
import {
  type FileSet,
  fixture,
  fixtureNames,
  withTemporaryDirectory,
  writeFileSet,
} from '../support/files.js';

const databases = fixtureNames().filter(
  (name) => fixture(name).has('CURRENT') && !/leveldb|pebble/.test(name),
);

async function everything(files: FileSet, limit = 5000): Promise<FindReport> {
  return withTemporaryDirectory(async (parent) => {
    const dir = path.join(parent, 'db');
    writeFileSet(files, dir);
    return find(dir, { key: new Uint8Array(0), prefix: true, limit });
  });
}

/** Where what is said of the versions does not fit what a reader gets. */
function disagreement({ key, reader, versions }: KeyReport): string | undefined {
  const name = Buffer.from(key).toString('latin1');
  const seen = versions.filter(({ status }) => status === 'visible' || status === 'operand');
  if (reader.state === 'nothing')
    return seen.length === 0 ? undefined : `${name}: nothing, but ${seen[0].status}`;
  if (reader.state !== 'value') return undefined;
  if (seen.length === 0) return `${name}: a value, and no version gives it`;
  const [only] = seen;
  if (seen.length > 1 || only.type === VALUE_TYPE.merge || only.type === VALUE_TYPE.entity) return undefined;
  const alike = Buffer.compare(only.value, reader.value) === 0 && only.sequence === reader.sequence;
  return alike ? undefined : `${name}: another value`;
}

describe('what a reader gets is what the versions say', () => {
  test.each(databases)('%s', async (name) => {
    const { keys, recovery } = await everything(fixture(name));
    expect(keys.length).toBeGreaterThan(0);
    // the damaged ones do not open in every mode, and then nobody reads
    if (recovery === undefined) return;
    expect(keys.map(disagreement).filter(Boolean)).toEqual([]);
    expect(keys.filter(({ doubt }) => doubt !== undefined)).toEqual([]);
    const states = new Set(keys.map(({ reader }) => reader.state));
    expect(states.has('unreadable') || states.has('unknown')).toBe(false);
  });
});

/** More with MUTATIONS=…. */
const COUNT = Number(process.env.MUTATIONS ?? 40);
const FROM = Number(process.env.MUTATIONS_FROM ?? 0);

test(`${COUNT} damaged databases: no exception, no hang, and the same agreement`, async () => {
  const subjects = (await allSubjects()).filter(({ base }) => databases.includes(base));
  const failures: string[] = [];
  for (let index = FROM; index < FROM + COUNT; index++) {
    const random = new Random(9_000_001 + index);
    const { base, file, healthy, layout } = random.pick(subjects);
    const { bytes, patches } = await mutate(healthy, layout, random);
    const started = performance.now();
    const wrong: (string | undefined)[] = [];
    try {
      const report = await everything(fixture(base).set(file, bytes), 500);
      // where damage has the engine come to keys otherwise than by sequence, that is said
      const sure = report.keys.filter(({ doubt }) => doubt === undefined);
      wrong.push(...sure.map(disagreement));
      // logs cannot do that
      if (/\.log$/.test(file) && sure.length < report.keys.length) wrong.push('in doubt over a log');
      const settings = { width: 80, palette: plainPalette, verbose: false, quiet: false };
      const said = [...findText(report, settings)].join('') + findJson(report, new Uint8Array(0), true);
      if (/undefined|NaN|\[object/.test(said)) wrong.push('it says undefined');
    } catch (error) {
      wrong.push(String((error as Error).stack).slice(0, 500));
    }
    const seconds = (performance.now() - started) / 1000;
    if (seconds > 20) wrong.push(`${seconds.toFixed(0)} s`);
    const [first] = wrong.filter(Boolean);
    if (first) failures.push(`${index} ${base} ${file} ${patches.join('; ').slice(0, 150)}: ${first}`);
  }
  expect(failures).toEqual([]);
});
