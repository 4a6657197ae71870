import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { expectValid } from '../report/schema.js';
import { withTemporaryDirectory } from '../support/files.js';
import { hash, list, listFields, metadata, string, TYPE, withKvrocks } from '../support/kvrocks.js';
import { inRepository } from '../support/repository.js';
import { kvdoctor } from './host.js';

const race = (number: number) => `fixtures/kvrocks-race-${number}/db`;

async function reportOf(line: string) {
  const { out, status } = await kvdoctor(`${line} --format json`);
  const report = JSON.parse(out);
  expectValid(report);
  return { status, target: report.targets[0] };
}

describe('a database of Kvrocks', () => {
  it('is recognised', async () => {
    const { target } = await reportOf(`scan ${race(12)}`);
    expect(target.application).toEqual({ name: 'Kvrocks', profile: 'kvrocks' });
  });

  it('is taken for none when that is said', async () => {
    const { target } = await reportOf(`scan --profile none ${race(12)}`);
    expect(target.application).toBeUndefined();
    expect(target.findings[0].impact.commands).toBeUndefined();
  });

  it.each(['scan', 'simulate', 'repair --mode point-in-time --dry-run', 'find --key k'])(
    '%s refuses another profile, and says what is there',
    async (command) => {
      const { status, err } = await kvdoctor(`${command} --profile tikv ${race(12)}`);
      expect(status).toBe(2);
      expect(err).toContain('race-12/db is no database of tikv');
      expect(err).toContain('Its column families: default, metadata, zset_score');
    },
  );

  it('inspect refuses another profile too', async () => {
    const { status, err } = await kvdoctor(`inspect --profile restate ${race(12)}/000010.log`);
    expect(status).toBe(2);
    expect(err).toContain('is no database of restate');
  });

  it('an unknown profile is answered with the nearest', async () => {
    const { status, err } = await kvdoctor(`scan --profile kvrock ${race(12)}`);
    expect(status).toBe(2);
    expect(err).toContain('Did you mean kvrocks?');
  });
});

describe('a damaged batch', () => {
  it('is told as commands, those after the place where the parser lost step too', async () => {
    const { target } = await reportOf(`scan ${race(10)}`);
    const { commands } = target.findings[0].impact;
    expect(commands.map(({ text }: { text: string }) => text.slice(0, 24))).toEqual([
      'HSET rq:job:3:0 timeout ',
      'LPUSH q0 job:3:0:0 job:3',
      'LPOP q0',
      'LPUSH q1 job:3:0:1 job:3',
      'LPUSH q2 job:3:0:2 job:3',
      'LPOP q3 (namespace "__\\u',
      'LPOP q3 …',
      'kvrocks:change q0 …',
      'LPOP q2',
      'LPUSH q3 job:3:0:3 job:3',
      'HSET rq:job:3:0 worker w',
      'ZADD rq:wip 179529832719',
      'PUBLISH ch x1',
    ]);
    expect(commands.filter((line: { behindDamage?: true }) => line.behindDamage).length).toBeGreaterThan(3);
    expect(commands[1]).toMatchObject({ command: 'LPUSH', key: { utf8: 'q0' }, exact: true });
  });

  it('shows what stands on either side of the damage, and all of it with --verbose', async () => {
    const { out } = await kvdoctor(`scan ${race(10)}`);
    expect(out).toMatch(/holds {2}3 before\n +LPUSH q1 /);
    expect(out).toContain('after the damage: LPOP q2');
    expect(out).toMatch(/and \d+ more\n/);
    const { out: all } = await kvdoctor(`scan --verbose ${race(10)}`);
    expect(all).toMatch(/holds {2}HSET rq:job:3:0 timeout/);
  });

  it('is told in the scan of one file of a database, too', async () => {
    const { out } = await kvdoctor(`scan ${race(10)}/000010.log`);
    expect(out).toContain('single file, Kvrocks');
    expect(out).toContain('after the damage: LPOP q2');
  });

  it('is told at once where findings stream', async () => {
    const { out } = await kvdoctor(`scan ${race(10)} --redact none --format ndjson`);
    const findings = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ type }) => type === 'finding');
    expect(findings).toHaveLength(1);
    expect(findings[0].impact.commands[2].text).toBe('LPOP q0');
  });

  it('whose count another thread raised is told with the bits put back', async () => {
    const { target } = await reportOf(`scan ${race(8)}`);
    for (const { impact } of target.findings) expect(impact.commands[0].command).toBe('HSET');
  });
});

describe('what a recovery mode loses', () => {
  it('is counted by command, batches under a wrong checksum too', async () => {
    const { out } = await kvdoctor(`simulate ${race(12)}`);
    expect(out).toContain('that is 12 commands: 4 LPUSH, 3 LPOP, 2 HSET, 1 SADD, 1 ZADD, 1 PUBLISH');
    expect(out).toContain('(key q0, list position -2 to key q2,');
    expect(out).toMatch(/- HSET rq:job:4:1 timeout 180/);
  });

  it('is in the report', async () => {
    const { target } = await reportOf(`simulate ${race(12)}`);
    const own = target.recovery.find((mode: { own?: true }) => mode.own);
    expect(own.lost.commands).toMatchObject({ count: 12, damagedBatches: 1 });
    expect(own.lost.commands.kinds[0]).toEqual({ kind: 'LPUSH', count: 4 });
    expect(own.lost.columnFamilies[0].firstKey).toMatchObject({ text: 'key q0, list position -2' });
  });

  it('is said of the way out where no mode opens', async () => {
    const { out } = await kvdoctor(`simulate ${race(10)}`);
    expect(out).toContain('what it gives up is 7 commands: 3 LPUSH, 3 LPOP, 1 HSET');
  });

  it('is in the plan of a repair', async () => {
    const { out } = await kvdoctor(`repair --mode point-in-time --dry-run ${race(12)}`);
    expect(out).toContain('3 operations of metadata (key q0 to key q2)');
    expect(out).toContain('that is 12 commands');
  });
});

describe('a damaged block of a table', () => {
  it('is told as keys of the application, in plans as well', async () => {
    await withTemporaryDirectory(async (dir) => {
      cpSync(inRepository('fixtures', 'kvrocks-backup'), dir, { recursive: true });
      const table = path.join(dir, '000015.sst');
      const bytes = readFileSync(table);
      // more than two bits in a data block: no cause, no cure
      for (const at of [30_000, 30_001, 30_050]) bytes[at] ^= 0x77;
      writeFileSync(table, bytes);
      const { out } = await kvdoctor(`scan ${dir}`);
      expect(out).toMatch(/hits {3}key \S+, element .* to key /);
      const { out: plan } = await kvdoctor(`repair --strategy tables --dry-run ${dir}`);
      expect(plan.slice(plan.indexOf('What is lost'))).toMatch(/\n {4}key \S+, element .* to key /);
    });
  });
});

describe('redaction', () => {
  it('of values leaves the command and its key', async () => {
    const { out } = await kvdoctor(`scan ${race(12)} --redact values --format json`);
    const [{ impact }] = JSON.parse(out).targets[0].findings;
    expect(impact.commands[1]).toMatchObject({
      text: { redacted: expect.any(Number) },
      command: 'LPUSH',
      key: { utf8: 'q0' },
      arguments: [{ value: { redacted: 9 } }, { value: { redacted: 10 } }],
    });
    expect(out).not.toContain('job:4:1:0');
  });

  it.each([
    'scan',
    'simulate --application',
    'repair --mode point-in-time --dry-run',
    'repair --strategy salvage --dry-run',
  ])('of keys leaves no word of %s', async (command) => {
    for (const number of [8, 10, 12])
      for (const format of ['text', 'json']) {
        const { out } = await kvdoctor(`${command} ${race(number)} --redact keys --format ${format}`);
        expect(out).not.toMatch(/rq:job|rq:wip|job:4|\bq[0-3]\b/);
        if (format === 'json') expectValid(JSON.parse(out));
      }
  });

  it('shows what is left of a command', async () => {
    const { out } = await kvdoctor(`scan ${race(12)} --redact keys --format text`);
    expect(out).toContain('LPUSH (2 bytes, redacted) (9 bytes, redacted)');
  });
});

describe('--application', () => {
  const broken = [
    ...list('jobs', ['a', 'b', 'c']),
    // the ends of the list go past its elements
    metadata('jobs', TYPE.list, { size: 5, fields: listFields(0, 5) }),
    ...hash('h', { a: '1' }),
  ];

  it('finds what no file check does', async () => {
    await withKvrocks([broken], async (dir) => {
      expect(await kvdoctor(`scan ${dir}`)).toMatchObject({ status: 0 });
      const { status, target } = await reportOf(`scan --application ${dir}`);
      expect(status).toBe(1);
      expect(target.findings.map(({ rule }: { rule: string }) => rule)).toContain('kvrocks/list-hole');
      expect(target.application.checked).toBe(true);
      const simulated = await kvdoctor(`simulate --application ${dir}`);
      expect(simulated.out).toContain('Not coherent: in its own mode, point-in-time, it opens');
      expect(simulated.status).toBe(1);
    });
  });

  it('finds nothing in what is whole', async () => {
    await withKvrocks([[string('a', 'b'), ...list('jobs', ['a', 'b'])]], async (dir) => {
      expect(await kvdoctor(`simulate --application ${dir}`)).toMatchObject({ status: 0 });
      const { status, out } = await kvdoctor(`scan --application ${dir}`);
      expect(out).toContain('Clean');
      expect(out).not.toContain('also  ');
      expect(status).toBe(0);
    });
  });

  it('is named where it was not asked for', async () => {
    const { out } = await kvdoctor('scan fixtures/kvrocks-master/db');
    expect(out).toMatch(/^What Kvrocks keeps in it:\nalso {2}kvdoctor scan --application \S+$/m);
    const { out: damaged } = await kvdoctor(`scan ${race(10)}`);
    expect(damaged).toContain(`kvdoctor simulate --application ${race(10)}`);
  });

  it('says of every mode whether what remains is coherent', async () => {
    const { out } = await kvdoctor(`simulate --application ${race(12)}`);
    expect(out).toContain('point-in-time, skip-any-corrupted: what remains is coherent to Kvrocks');
    const { target } = await reportOf(`simulate --application ${race(9)}`);
    const contents = target.recovery.map(({ mode, contents }: never) => [mode, contents]);
    expect(Object.fromEntries(contents)).toMatchObject({
      'point-in-time': undefined,
      salvage: { coherent: false, errors: 1, findings: [{ rule: 'kvrocks/list-stray' }] },
    });
  });

  it('says so where the database does not open, or is of no application', async () => {
    const { status, out } = await kvdoctor(`scan --application ${race(10)}`);
    expect(out).toContain('its contents: it does not open in its recovery mode');
    expect(status).toBe(1);
    const none = await kvdoctor('scan --application fixtures/basic-9.7');
    expect(none.out).toContain('its contents: no application is recognised');
    expect(none.status).toBe(3);
    expect((await kvdoctor('simulate --application fixtures/basic-9.7')).status).toBe(3);
    const backup = await kvdoctor('scan --application fixtures/backup-7.8');
    expect(backup.out).toContain('its contents: they are checked in a database directory only');
    expect(backup.status).toBe(3);
  });

  it('commands of damaged batches come through a merge of shards', async () => {
    await withTemporaryDirectory(async (dir) => {
      const parts = [1, 2].map((part) => path.join(dir, `${part}.json`));
      for (const [i, part] of parts.entries())
        await kvdoctor(`scan --shard ${i + 1}/2 --format json=${part} ${race(12)}`);
      const { out } = await kvdoctor(`merge ${parts.join(' ')}`);
      expect(out).toContain('holds  HSET rq:job:4:1 timeout 180');
      expect(out).toContain('database, Kvrocks, 7 column families');
    });
  });

  it('is not for one of several shards', async () => {
    const { status, err } = await kvdoctor(`scan --application --shard 1/2 ${race(12)}`);
    expect(status).toBe(2);
    expect(err).toContain('--application reads the whole database');
  });
});

describe('words beside bytes', () => {
  it('in inspect: commands of a batch, keys and values of its operations', async () => {
    const { out } = await kvdoctor(`inspect --records --brief --full ${race(12)}/000010.log`);
    expect(out).toMatch(/record 0x0\+\d+: HSET rq:job:/);
    expect(out).toMatch(/put 0x\w+\+\d+: key q0, list position -1 · /);
    const { out: json } = await kvdoctor(`inspect --records --format json ${race(12)}/000010.log`);
    expect(json).toContain('"application":"key q0, list position -1"');
  });

  it('in inspect of a table and at an offset', async () => {
    const table = 'fixtures/kvrocks-backup/000016.sst';
    const { out } = await kvdoctor(`inspect --entries --brief ${table}`);
    expect(out).toMatch(/key \S+ = (?:string|hash|list|set|zset) /);
    const { out: at } = await kvdoctor(`inspect --at 40 ${race(12)}/000010.log`);
    expect(at).toContain('key rq:job:');
  });

  it('in find', async () => {
    const hex = Buffer.from('\x0b__namespaceq0').toString('hex');
    const { out } = await kvdoctor(`find --key-hex ${hex} ${race(12)}`);
    expect(out).toContain('\n  key q0\n');
    expect(out).toMatch(/list of \d+ elements?, from position/);
    const { out: json } = await kvdoctor(`find --key-hex ${hex} --format json ${race(12)}`);
    expect(JSON.parse(json)).toMatchObject({
      application: { profile: 'kvrocks' },
      keys: [{ key: { text: 'key q0' } }],
    });
  });
});
