import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { profileOf } from '../../../src/app/profile-of.js';
import type { Instance } from '../../../src/app/restate/instance.js';
import { readDatabase } from '../../../src/engine/database.js';
import type { Finding } from '../../../src/finding/finding.js';
import { restateRules } from '../../../src/finding/rules/restate.js';
import { openView } from '../../../src/lsm/recovered-view.js';
import { type EngineStep, engineAvailable, runEngine } from '../../support/engine.js';
import { withTemporaryDirectory } from '../../support/files.js';
import { leaksOf } from '../../support/leaks.js';
import { inRepository } from '../../support/repository.js';
import { base64, columnFamilies, keys, puts, values } from '../../support/restate.js';

const raised = new Set<string>();

/** What the checks say of a directory: severity, rule, message. */
async function toCommandLines(dir: string): Promise<string[]> {
  const database = await readDatabase(dir);
  const profile = await profileOf(database, 'restate');
  const { view } = await openView(database);
  const findings: Finding[] = [];
  try {
    await profile!.check?.(view!, (finding) => findings.push(finding));
    expect(await leaksOf(findings, view!, 'restate')).toEqual([]);
  } finally {
    view?.close();
  }
  for (const { rule } of findings) raised.add(rule);
  return findings.map(({ severity, rule, message }) => `${severity} ${rule} ${message}`);
}

const directories: Record<Instance, string> = {
  'metadata-server': 'replicated-metadata-server',
  'log-server': 'log-store',
  'local-loglet': 'local-loglet',
  'partition-store': 'db',
  'local-metadata-store': 'local-metadata-store',
};

/** The same of a database that RocksDB makes by these steps and is killed over. */
function checked(instance: Instance, ...steps: EngineStep[]): Promise<string[]> {
  return withTemporaryDirectory(async (parent) => {
    const dir = join(parent, directories[instance]);
    const columns = Object.fromEntries(columnFamilies[instance].map((name) => [name, {}]));
    const options = { createIfMissing: true, columns, walCompression: true, infoLogLevel: 'header' };
    const report = await runEngine('rocksdb-9.7', dir, { options, steps: [...steps, { op: 'kill' }] });
    expect(report.error).toBeUndefined();
    return toCommandLines(dir);
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
    [Buffer.from('storage-marker'), values.marker(1)],
    [Buffer.from('hard-state'), values.hardState(commit)],
    [Buffer.from('conf-state'), values.confState(1, 2, 3)],
    ...(snapshot === undefined ? [] : [[Buffer.from('snapshot'), values.snapshot(snapshot)] as const]),
  ]);
const records = (column: string, loglet: number, ...offsets: number[]) =>
  puts(
    column,
    offsets.map((offset) => [keys.record(loglet, offset), values.record(`record ${offset}`, 7n)]),
  );
const marked = (id: number) => puts('metadata', [[Buffer.from('storage-marker'), values.marker(id)]]);
/** The first store of a loglet: since 1.7 the sequencer stands before its records. */
const firstStored = (loglet: number, node: number, ...offsets: number[]): EngineStep => {
  const put = (column: string, key: Buffer, value: Buffer) =>
    ({ type: 'put', key: base64(key), value: base64(value), column }) as const;
  const record = (offset: number) => put('data', keys.record(loglet, offset), values.record('first', 7n));
  return {
    op: 'batch',
    ops: [put('metadata', keys.sequencer(loglet), values.node(node, 2)), ...offsets.map(record)],
  };
};
/** Gone in a way that no trim is. */
const lost = (loglet: number, ...offsets: number[]): EngineStep => ({
  op: 'batch',
  ops: offsets.map((offset) => ({ type: 'del', key: base64(keys.record(loglet, offset)), column: 'data' })),
});
const trimmed = (loglet: number, point: number) =>
  puts('metadata', [[keys.trimPoint(loglet), values.offset(point)]]);

describe('what a killed node leaves', () => {
  it.each(['local-loglet', 'db'])('is whole in %s', async (name) => {
    expect(await toCommandLines(inRepository('fixtures/restate', name))).toEqual([]);
  });

  it('lacks on a log server only what has its copies elsewhere', async () => {
    expect(await toCommandLines(inRepository('fixtures/restate/log-store'))).toEqual([
      'note restate/log-gap loglet 4_0: records 7 to 8 are not there, 6 and 9 are',
    ]);
  });
});

describe.skipIf(!engineAvailable('rocksdb-9.7'))('the raft log of a metadata server', () => {
  const cases: [string, EngineStep[], string[]][] = [
    ['that has all entries is whole', [entries(1, 20), states(20)], []],
    ['that begins after its snapshot is whole', [entries(11, 20), states(15, 10)], []],
    ['that is empty after its snapshot is whole', [states(10, 10)], []],
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
      'that begins after the committed entry',
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
      'without its marker',
      [entries(1, 3)],
      [
        'error restate/marker-missing the metadata server’s storage marker is not there, and a raft log or snapshot is',
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
      marked(1),
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
    const state = (loglet: number, offset: number) =>
      puts('logstore_metadata', [[keys.logletState(loglet), values.released(offset)]]);
    const said = await checked(
      'local-loglet',
      records('logstore_data', 5, 11, 12, 14),
      state(5, 16),
      state(6, 3),
      puts('logstore_metadata', [[keys.logletState(7), Buffer.from('gibberish')]]),
      records('logstore_data', 7, 2, 3),
    );
    expect(said).toEqual([
      'error restate/undecodable-value loglet 0_7: the state does not decode',
      'error restate/log-gap loglet 0_5: record 13 is not there, 12 and 14 are',
      'error restate/log-beginning-gone loglet 0_5 begins with record 11: records 1 to 10 are not there, and nothing trimmed them',
      'error restate/log-gap loglet 0_5 ends with record 14: records 15 to 16 are not there',
      'error restate/log-beginning-gone loglet 0_6: no record is there, records 1 to 3 are gone',
    ]);
  });

  it('of a log server begin with what was stored together with the sequencer', async () => {
    const said = await checked(
      'log-server',
      marked(1),
      firstStored(1, 1, 1, 2),
      firstStored(2, 1, 1, 2),
      records('data', 2, 3, 4),
      lost(2, 1, 2),
      firstStored(3, 1, 1),
      lost(3, 1),
      // what a repair of the tail copies here later lies before what was stored first
      firstStored(4, 2, 49),
      records('data', 4, 40, 41, 42, 43, 44, 45, 46, 47, 48),
    );
    expect(said).toEqual([
      'error restate/log-beginning-gone loglet 0_2 begins with record 3: records 1 to 2 are not there, nor is the one that was stored here together with the sequencer',
      'note restate/log-gap loglet 0_4 begins with record 40: records 1 to 39 are not there',
      'error restate/log-beginning-gone loglet 0_3: no record is there and none was trimmed, and its sequencer was stored together with the first',
    ]);
  });

  it('of a log server that nobody else writes to are held to be whole', async () => {
    const globalTail = puts('metadata', [[keys.globalTail(1), values.offset(9)]]);
    const steps = [firstStored(1, 1, 1), records('data', 1, 3, 4), globalTail];
    expect(await checked('log-server', marked(1), ...steps)).toEqual([
      'warning restate/log-gap loglet 0_1: record 2 is not there, 1 and 3 are',
      'warning restate/log-gap loglet 0_1 ends with record 4: records 5 to 8 are not there',
    ]);
    expect(await checked('log-server', marked(2), ...steps)).toEqual([
      'note restate/log-gap loglet 0_1: record 2 is not there, 1 and 3 are',
    ]);
  });

  it('need the log server’s marker', async () => {
    expect(await checked('log-server', firstStored(1, 1, 1))).toEqual([
      'error restate/marker-missing the log server’s storage marker is not there, and what it wrote after it is',
    ]);
    expect(await checked('log-server')).toEqual([]);
  });

  it('are told one by one up to a limit', async () => {
    const offsets = numbers(1, 80).map((i) => 2 * i);
    const said = await checked('local-loglet', records('logstore_data', 5, 1, ...offsets));
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
        [keys.variable(0, 5), nothing],
        [keys.variable(1, 2), nothing],
        ...[0, 1, 4].map((index) => [keys.journal(9, invocation, index), nothing] as const),
        [keys.state(9, 'Counter', 'a', 'count'), nothing],
        [Buffer.from('zz'), nothing],
      ]),
      puts('data-1', [[keys.variable(1, 2), nothing]]),
    );
    expect(said).toEqual([
      'error restate/wrong-partition partition 0 holds a key of table state machine that is partition 1’s',
      expect.stringMatching(/^warning restate\/journal-gap .* lacks entries 2 to 3$/),
      'note restate/unknown-key partition 0: a key is of no table that kvdoctor knows',
      'error restate/storage-version-missing partition 1 has 1 keys and no storage version, which other partitions here have',
    ]);
  });
});

afterAll(() => {
  if (engineAvailable('rocksdb-9.7')) expect([...raised].sort()).toEqual(Object.keys(restateRules).sort());
});
