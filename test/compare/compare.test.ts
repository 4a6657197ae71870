import { cpSync, mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redisCommand } from '../../src/app/redis/word.js';
import { areDifferent, compareDatabases } from '../../src/compare/compare.js';
import { inRepository } from '../support/repository.js';

const fixture = (...path: string[]) => inRepository('fixtures', ...path);

describe('a master and a replica whose histories parted', () => {
  const compared = compareDatabases(fixture('kvrocks-master/db'), fixture('kvrocks-replica/db'));

  it('part at one sequence', async () => {
    const { history } = await compared;
    expect(history).toMatchObject({
      same: 52,
      divergences: 1,
      a: { first: 1n, last: 55n },
      b: { last: 55n },
    });
    expect(history.first).toMatchObject([
      { sequence: 51n, a: { file: '000010.log', count: 1 }, b: { count: 1 } },
    ]);
  });

  it('differ in one key, which one command repairs', async () => {
    const { contents, application } = await compared;
    expect(contents?.differences).toBe(1);
    expect(application?.compare.facts.slots).toBe(false);
    expect(application?.differences).toMatchObject([{ type: 'string', entries: 1, complete: true }]);
    expect(
      application?.differences.flatMap(({ commands }) => commands.map((words) => redisCommand(words))),
    ).toEqual(['SET test 111']);
  });

  it('differ the other way round as well', async () => {
    const { application } = await compareDatabases(
      fixture('kvrocks-replica/db'),
      fixture('kvrocks-master/db'),
    );
    expect(application?.differences[0].commands.map((words) => redisCommand(words))).toEqual([
      'SET test 222',
    ]);
  });
});

describe('any two databases', () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'compare-'));
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  it.each(['basic-7.8', 'blob-7.8', 'wal-compressed-7.8', 'wide-7.8', 'timestamps-7.8'])(
    '%s is what it is',
    async (name) => {
      const comparison = await compareDatabases(fixture(name), fixture(name));
      expect(areDifferent(comparison)).toBe(false);
      expect(comparison.unread).toEqual([]);
      expect(comparison.contents?.families.some(({ entries }) => (entries.a ?? 0) > 0)).toBe(true);
    },
  );

  it('a copy that is behind has no other history, only less', async () => {
    const behind = join(dir, 'behind');
    cpSync(fixture('kvrocks-master/db'), behind, { recursive: true });
    truncateSync(join(behind, '000010.log'), 0xb10);
    const { history, contents, application } = await compareDatabases(fixture('kvrocks-master/db'), behind);
    expect(history.divergences).toBe(0);
    expect(history.b?.last).toBe(50n);
    expect(contents?.differences).toBeGreaterThan(0);
    const commands = application?.differences.flatMap((each) =>
      each.commands.map((words) => redisCommand(words)),
    );
    expect(commands).toContain('SET test 111');
    expect(commands?.filter((command) => command.startsWith('DEL'))).toEqual([]);
  });

  it('name what cannot be read', async () => {
    const { unread, contents } = await compareDatabases(fixture('kvrocks-race-10/db'), fixture('basic-7.8'));
    expect(contents).toBeUndefined();
    expect(unread).toEqual([expect.stringContaining('does not open in its recovery mode, point-in-time')]);
  });

  it('of different kinds differ in their column families', async () => {
    const { contents, application } = await compareDatabases(
      fixture('basic-7.8'),
      fixture('kvrocks-master/db'),
    );
    expect(application).toBeUndefined();
    expect(contents?.families.find(({ name }) => name === 'users')?.entries).toEqual({ a: 40 });
    expect(contents?.families.find(({ name }) => name === 'metadata')?.entries).toEqual({ b: 53 });
  });
});
