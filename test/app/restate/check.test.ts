import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { profileOf } from '../../../src/app/application.js';
import type { Instance } from '../../../src/app/restate/instance.js';
import { readDatabase } from '../../../src/engine/database.js';
import { restateRules } from '../../../src/finding/rules/restate.js';
import { openView } from '../../../src/lsm/recovered-view.js';
import { type EngineStep, engineAvailable, runEngine } from '../../support/engine.js';
import { withTemporaryDirectory } from '../../support/files.js';
import { inRepository } from '../../support/repository.js';
import { columnFamilies, keys, puts, values } from '../../support/restate.js';

const raised = new Set<string>();

/** What the checks say of a directory: severity, rule, message. */
async function saidOf(dir: string): Promise<string[]> {
  const database = await readDatabase(dir);
  const profile = await profileOf(database, 'restate');
  const { view } = await openView(database);
  const said: string[] = [];
  try {
    await profile!.check(view!, ({ severity, rule, message }) => {
      raised.add(rule);
      said.push(`${severity} ${rule} ${message}`);
    });
  } finally {
    view?.close();
  }
  return said;
}

const directories: Record<Instance, string> = {
  'metadata-server': 'replicated-metadata-server',
  'log-server': 'log-store',
  'local-loglet': 'local-loglet',
  'partition-store': 'db',
};

/** The same of a database that RocksDB makes by these steps and is killed over. */
function checked(instance: Instance, ...steps: EngineStep[]): Promise<string[]> {
  return withTemporaryDirectory(async (parent) => {
    const dir = join(parent, directories[instance]);
    const columns = Object.fromEntries(columnFamilies[instance].map((name) => [name, {}]));
    const options = { createIfMissing: true, columns, walCompression: true, infoLogLevel: 'header' };
    const report = await runEngine('rocksdb-9.7', dir, { options, steps: [...steps, { op: 'kill' }] });
    expect(report.error).toBeUndefined();
    return saidOf(dir);
  });
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const entries = (from: number, to: number, term = 2) =>
  puts(
    'data',
    numbers(from, to).map((index) => [keys.entry(index), values.entry(index, term)]),
  );
const states = (commit: number, snapshot?: number) =>
  puts('metadata', [
    [Buffer.from('hard-state'), values.hardState(commit)],
    [Buffer.from('conf-state'), values.confState(1, 2, 3)],
    ...(snapshot === undefined ? [] : [[Buffer.from('snapshot'), values.snapshot(snapshot)] as const]),
  ]);
const records = (column: string, loglet: number, ...offsets: number[]) =>
  puts(
    column,
    offsets.map((offset) => [keys.record(loglet, offset), values.record(`record ${offset}`, 7n)]),
  );
const trimmed = (loglet: number, point: number) =>
  puts('metadata', [[keys.trimPoint(loglet), values.offset(point)]]);

describe('what a killed node leaves', () => {
  it.each(['local-loglet', 'db'])('is whole in %s', async (name) => {
    expect(await saidOf(inRepository('fixtures/restate', name))).toEqual([]);
  });

  it('lacks on a log server only what has its copies elsewhere', async () => {
    expect(await saidOf(inRepository('fixtures/restate/log-store'))).toEqual([
      'note restate/log-gap loglet 4_0: records 7 to 8 are not there, 6 and 9 are',
    ]);
  });
});

describe.skipIf(!engineAvailable('rocksdb-9.7'))('the raft log of a metadata server', () => {
  const cases: [string, EngineStep[], string[]][] = [
    ['that has all entries is whole', [entries(1, 20), states(20)], []],
    ['that begins behind its snapshot is whole', [entries(11, 20), states(15, 10)], []],
    ['that is empty behind its snapshot is whole', [states(10, 10)], []],
    ['that has never been written is whole', [], []],
    ['that has an entry less than the snapshot is whole', [entries(5, 20), states(20, 10)], []],
    [
      'with a hole',
      [entries(1, 4), entries(8, 9), entries(11, 12), states(12)],
      [
        'error restate/raft-log-gap raft entries 5 to 7 are missing, 4 and 8 are there',
        'error restate/raft-log-gap raft entry 10 is missing, 9 and 11 are there',
      ],
    ],
    [
      'that begins too late',
      [entries(11, 20), states(20, 8)],
      [
        'error restate/snapshot-behind-log the snapshot ends with entry 8, and the raft log goes from 11 to 20',
      ],
    ],
    [
      'that ends before the committed entry',
      [entries(1, 5), states(7)],
      ['error restate/commit-out-of-range entry 7 was committed, and the raft log goes from 1 to 5'],
    ],
    [
      'that begins behind the committed entry',
      [entries(11, 12), states(4, 10)],
      [
        'error restate/commit-out-of-range only entry 4 is known to be committed, and the raft log goes from 11 to 12',
      ],
    ],
    [
      'whose terms go back',
      [entries(1, 5, 4), entries(6, 7, 3), states(7)],
      ['error restate/term-backwards raft entry 6 is of term 3, after one of term 4'],
    ],
    [
      'with an entry in another’s place',
      [
        entries(1, 3),
        puts('data', [
          [keys.entry(4), values.entry(9)],
          [keys.entry(5), Buffer.from('gibberish')],
        ]),
        states(5),
      ],
      [
        'error restate/undecodable-value raft entry 4 says that it is entry 9',
        'error restate/undecodable-value raft entry 5 does not decode',
      ],
    ],
    [
      'with a key of something else',
      [entries(1, 3), states(3), puts('metadata', [[Buffer.from('hard-stale'), Buffer.alloc(3)]])],
      ['warning restate/unknown-key a key among the states of raft is none that Restate writes'],
    ],
  ];
  it.each(cases)('%s', async (_, steps, expected) => {
    expect(await checked('metadata-server', ...steps)).toEqual(expected);
  });
});

describe.skipIf(!engineAvailable('rocksdb-9.7'))('loglets', () => {
  it('of a log server are held against their trim points', async () => {
    const said = await checked(
      'log-server',
      records('data', 1, ...numbers(4, 9)),
      trimmed(1, 3),
      records('data', 2, ...numbers(4, 9)),
      trimmed(2, 5),
      records('data', 3, ...numbers(4, 9)),
      trimmed(3, 9),
      records('data', 4, 1, 2, 3),
      trimmed(5, 40),
      puts('data', [[keys.record(6, 1), Buffer.from([2, 0])]]),
      puts('metadata', [[keys.trimPoint(7), Buffer.alloc(3)]]),
    );
    expect(said).toEqual([
      'error restate/undecodable-value loglet 0_7: the trim point does not decode',
      'warning restate/trimmed-record loglet 0_2 is trimmed up to 5, and its records begin with 4',
      'error restate/trim-beyond-tail loglet 0_3 is trimmed up to 9, and its records 4 to 9 are there',
      'error restate/undecodable-value loglet 0_6: record 1 does not decode',
    ]);
  });

  it('of one node alone have no holes', async () => {
    expect(await checked('local-loglet', records('logstore_data', 5, 11, 12, 14))).toEqual([
      'error restate/log-gap loglet 0_5: record 13 is not there, 12 and 14 are',
    ]);
  });

  it('are told one by one up to a limit', async () => {
    const offsets = numbers(1, 80).map((i) => 2 * i);
    const said = await checked('local-loglet', records('logstore_data', 5, ...offsets));
    expect(said).toHaveLength(51);
    expect(said.at(-1)).toContain('29 more');
  });
});

describe.skipIf(!engineAvailable('rocksdb-9.7'))('a partition', () => {
  it('holds its own keys and whole journals', async () => {
    const invocation = Buffer.alloc(16, 7);
    const nothing = Buffer.alloc(0);
    const said = await checked(
      'partition-store',
      puts('data-0', [
        [keys.variable(0, 2), nothing],
        [keys.variable(1, 2), nothing],
        ...[0, 1, 4].map((index) => [keys.journal(9, invocation, index), nothing] as const),
        [keys.state(9, 'Counter', 'a', 'count'), nothing],
        [Buffer.from('zz'), nothing],
      ]),
    );
    expect(said.map((line) => line.replace(/07{2,}/, 'ID'))).toEqual([
      'error restate/wrong-partition partition 0 holds a key of table state machine that is partition 1’s',
      expect.stringMatching(/^warning restate\/journal-gap .* lacks entries 2 to 3$/),
      'note restate/unknown-key partition 0: a key is of no table that kvdoctor knows',
    ]);
  });
});

afterAll(() => {
  if (engineAvailable('rocksdb-9.7')) expect([...raised].sort()).toEqual(Object.keys(restateRules).sort());
});
