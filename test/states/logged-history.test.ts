import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { readDatabase } from '../../src/engine/database.js';
import { InfoLogEvents, type LoggedSession } from '../../src/format/info-log-events.js';
import { planAuto } from '../../src/repair/strategies/auto.js';
import { LoggedHistory } from '../../src/states/logged-history.js';
import type { FoundTable } from '../../src/states/tables.js';
import { carryOut } from '../support/carry-out.js';
import { withTemporaryDirectory } from '../support/files.js';
import { inRepository } from '../support/repository.js';
import { visible } from '../support/visible.js';

const at = '2026/11/30-19:40:46.408061 1345';

function created(job: number, number: number, from: number, to: number, session = 'K69U9ESHBIXQWMXSLRWP') {
  const properties = { num_entries: 3, db_id: 'b8652a75', db_session_id: session };
  return `${at} EVENT_LOG_v1 ${JSON.stringify({ cf_name: 'a', job, event: 'table_file_creation', file_number: number, file_size: 1000 + number, smallest_seqno: from, largest_seqno: to, table_properties: properties })}`;
}

const flushed = (job: number, number: number, from: number, to: number, nextLog: number) => [
  `${at} [db/flush_job.cc:861] [a] [JOB ${job}] Flushing memtable with next log file: ${nextLog}`,
  created(job, number, from, to),
  `${at} [db/memtable_list.cc:722] [a] Level-0 commit table #${number}: memtable #1 done`,
];

const compacted = [
  `${at} [db/compaction/compaction_job.cc:1994] [a] [JOB 5] Compacting 2@0 files to L6, score 1.00`,
  `${at} [db/compaction/compaction_job.cc:2000] [a]: Compaction start summary: Base version 12 Base level 0, inputs: [12(1012B) 10(1010B)]`,
  `${at} EVENT_LOG_v1 {"job": 5, "event": "compaction_started", "files_L0": [12, 10], "files_L1": [], "score": 1}`,
  `${at} [db/compaction/compaction_job.cc:1587] [a] [JOB 5] Generated table #14: 3 keys, 1014 bytes`,
  created(5, 14, 0, 0),
  `${at} (Original Log Time ${at}) [db/compaction/compaction_job.cc:864] [a] compacted to: files[0 1] max score 0.00, write-amplify(2.5) OK, records in: 6, records dropped: 3`,
  `${at} EVENT_LOG_v1 {"job": 5, "event": "compaction_finished", "output_level": 6, "num_output_files": 1}`,
];

const log = [
  `${at} DB Session ID:  K69U9ESHBIXQWMXSLRWP`,
  ...flushed(2, 10, 1, 30, 11),
  ...flushed(3, 12, 31, 60, 13),
  ...compacted,
];

function read(lines: readonly string[]): LoggedSession {
  const events = new InfoLogEvents();
  for (const line of lines) {
    events.identify(line);
    if (InfoLogEvents.tells(line)) events.line(line);
  }
  return events.end();
}

const found = (number: number, { size = 1000 + number, session = 'K69U9ESHBIXQWMXSLRWP' } = {}) =>
  ({
    live: { number: BigInt(number), size: BigInt(size) },
    ...{ columnFamilyName: 'a', databaseId: 'b8652a75', session, entries: 3 },
  }) as unknown as FoundTable;

const historyOf = (lines: readonly string[], ...tables: FoundTable[]) =>
  LoggedHistory.from([read(lines)], tables);

const anyTable = () => true;

describe('LOG', () => {
  it('tells which table went into which, and from which logs it was written', () => {
    const history = historyOf(log, found(14));
    expect([...history.supersededBy(anyTable)]).toEqual([12n, 10n]);
    expect(history.successorsOf(10n, anyTable)).toEqual([14n]);
    expect(history.flushOf('a', 11n, 60n)?.number).toBe(12n);
    expect(history.flushOf('a', 13n, 60n)).toBeUndefined();
    expect(history.isApart(14n, 11n)).toBe(true);
    expect(history.isApart(14n, 12n)).toBe(false);
    expect(history.isApartFromLog(14n, 13n, 61n)).toBe(true);
    expect(history.isApartFromLog(14n, 11n, 31n)).toBe(false);
    expect(history.gone(() => false).map(({ number }) => number)).toEqual([14n]);
  });

  it('tells nothing of tables that are not all here', () => {
    expect(historyOf(log, found(12)).supersededBy(anyTable).size).toBe(0);
    expect(historyOf(log, found(14)).supersededBy(() => false).size).toBe(0);
  });

  it('tells nothing of another life of the database', () => {
    for (const other of [found(14, { size: 7 }), found(14, { session: 'K69U9ESHBIXQWMXSLRWZ' }), found(20)])
      expect(historyOf(log, other).supersededBy(anyTable).size).toBe(0);
    // one that is as LOG says, and one that is not
    const mixed = historyOf(log, found(14), found(12, { size: 7 }));
    expect(mixed.supersededBy(anyTable).size).toBe(0);
    // a number that was given out twice
    const twice = LoggedHistory.from([read(log), read(log)], [found(14)]);
    expect(twice.supersededBy(anyTable).size).toBe(0);
  });

  it('tells of no compaction whose result was not taken, or of which a line is gone', () => {
    const failed = log.map((line) => line.replace(') OK, records', ') IO error, records'));
    expect(read(failed).compactions).toEqual([]);
    for (const line of compacted)
      expect(read(log.filter((other) => other !== line)).compactions, line).toEqual([]);
    // a list of inputs that is too long for one line is told by the deletions
    const deleted = [12, 10].map(
      (number) => `${at} EVENT_LOG_v1 {"job": 5, "event": "table_file_deletion", "file_number": ${number}}`,
    );
    const cut = log.map((line) => line.replace(/inputs: .*/, 'inputs: [12(1012B) 1'));
    expect(read(cut).compactions).toEqual([]);
    expect(read([...cut, ...deleted]).compactions).toHaveLength(1);
  });

  it('tells the same in the words of RocksDB 11', () => {
    const lines = [
      `${at} EVENT_LOG_v1 {"job": 1, "event": "recovery_started", "wal_files": [4]}`,
      created(1, 9, 1, 30),
      `${at} EVENT_LOG_v1 {"job": 1, "event": "recovery_finished", "status": "OK"}`,
      `${at} [/flush_job.cc:905] [a] [JOB 2] Flushing memtable id 1 with next log file: 11`,
      created(2, 10, 31, 60),
      `${at} (Original Log Time ${at}) [/memtable_list.cc:788] [a] Level-0 commit flush result of table #10: memtable #1 done`,
      `${at} EVENT_LOG_v1 {"job": 4, "event": "table_file_deletion", "file_number": 9, "status": "OK"}`,
      `${at} EVENT_LOG_v1 {"job": 4, "event": "table_file_deletion", "file_number": 10, "status": "IO error"}`,
    ];
    const { flushed, deleted } = read(lines);
    expect([...flushed]).toEqual([
      [9n, undefined],
      [10n, 11n],
    ]);
    expect([...deleted]).toEqual([9n]);
  });

  it('tells nothing where two sessions wrote into one file', () => {
    const other = `${at} DB Session ID:  K69U9ESHBIXQWMXSLRWZ`;
    expect(read([...log, other]).compactions).toEqual([]);
  });

  test('with one character changed tells the same of compactions, or nothing', () => {
    const text = log.join('\n');
    const known = new Set(read(log).compactions.map(textOf));
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.integer({ min: 32, max: 126 }), (offset, code) => {
        const changed = `${text.slice(0, offset)}${String.fromCharCode(code)}${text.slice(offset + 1)}`;
        for (const compaction of read(changed.split('\n')).compactions)
          expect(known).toContain(textOf(compaction));
      }),
      { numRuns: 2000 },
    );
  });
});

const textOf = ({ inputs, outputs }: LoggedSession['compactions'][number]) =>
  `${inputs.join()} to ${outputs.map(({ number }) => number).join()}`;

/** The last of four moments of one database, with its LOG, and the tables of the others beside its own; no MANIFEST. */
function withTablesBack<T>(body: (dir: string, truth: Map<string, string>) => Promise<T>): Promise<T> {
  return withTemporaryDirectory(async (parent) => {
    execFileSync('tar', ['-xzf', inRepository('fixtures', 'moments', '14.tar.gz'), '-C', parent]);
    const truth = await visible(path.join(parent, 'g3'));
    const dir = path.join(parent, 'db');
    for (const moment of ['g3', 'g2', 'g1', 'g0'])
      for (const name of fs.readdirSync(path.join(parent, moment)))
        if (moment === 'g3' ? !/^(?:MANIFEST|CURRENT)/.test(name) : name.endsWith('.sst'))
          fs.cpSync(path.join(parent, moment, name), path.join(dir, name), { force: false });
    return body(dir, truth);
  });
}

const planOf = async (dir: string) => {
  const plan = await planAuto(await readDatabase(dir), { onLostTombstones: 'keep-hidden' });
  await carryOut(plan, dir);
  return plan;
};

describe('tables of older moments, and no MANIFEST', () => {
  it('are left out where LOG says what they went into', () =>
    withTablesBack(async (dir, truth) => {
      const { unproven, remarks } = await planOf(dir);
      expect(unproven?.map(({ facts }) => facts)).toEqual([{ basis: 'tables' }]);
      expect(remarks).toContain('000019.sst is left out: LOG says that it went into 000042.sst');
      expect(await visible(dir)).toEqual(truth);
    }));

  it('are named where LOG is gone, or that of another database', async () => {
    const without = await withTablesBack(async (dir) => {
      for (const name of fs.readdirSync(dir)) if (name.startsWith('LOG')) fs.rmSync(path.join(dir, name));
      return planOf(dir);
    });
    expect(without.unproven?.length).toBeGreaterThan(1);
    const other = await withTablesBack(async (dir) => {
      for (const name of fs.readdirSync(dir)) {
        if (!name.startsWith('LOG')) continue;
        const text = fs.readFileSync(path.join(dir, name), 'latin1');
        fs.writeFileSync(
          path.join(dir, name),
          text.replaceAll(/"file_size": \d/g, '"file_size": 9'),
          'latin1',
        );
      }
      return planOf(dir);
    });
    expect([other.loss, other.unproven]).toEqual([without.loss, without.unproven]);
  });
});

describe('a table that is gone', () => {
  it('is named where LOG says that the database had it', () =>
    withTablesBack(async (dir) => {
      fs.rmSync(path.join(dir, '000039.sst'));
      const { loss } = await planOf(dir);
      expect(loss.map(({ file, facts }) => [file, facts.columnFamily])).toContainEqual(['000039.sst', 'cf2']);
    }));
});
