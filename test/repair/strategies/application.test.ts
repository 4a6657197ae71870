import { appendFileSync, cpSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { factsOfView } from '../../../src/app/facts.js';
import { checkKvrocks } from '../../../src/app/kvrocks/check/check.js';
import { kvrocksLayout } from '../../../src/app/kvrocks/layout.js';
import type { BatchOpInput } from '../../../src/encode/batch/encode.js';
import { type Database, readDatabase } from '../../../src/engine/database.js';
import { openView } from '../../../src/lsm/recovered-view.js';
import { realDisk } from '../../../src/repair/disk.js';
import type { RepairMethod } from '../../../src/repair/method.js';
import { databaseAfter } from '../../../src/repair/preview.js';
import { rebuildingCommands } from '../../../src/repair/rebuilding-commands.js';
import { Refusal } from '../../../src/repair/refusal.js';
import { repairTarget } from '../../../src/repair/run.js';
import { planApplicationRepair } from '../../../src/repair/strategies/application.js';
import { undo } from '../../../src/repair/undo.js';
import { withDatabase } from '../../support/database.js';
import { engineAvailable, runEngine } from '../../support/engine.js';
import { readFileSet, writeFileSet } from '../../support/files.js';
import {
  bitmap,
  del,
  element,
  elementKey,
  FAMILY,
  hash,
  hyperLogLog,
  indexed,
  list,
  listElement,
  listFields,
  metadata,
  ownSlot,
  score,
  set,
  sortedIntegers,
  sortedSet,
  stream,
  streamGroup,
  string,
  TYPE,
  u64,
  withKvrocks,
} from '../../support/kvrocks.js';
import { askOracle, oracleMissing } from '../../support/oracle.js';

const columns = Object.fromEntries(Object.keys(FAMILY).map((name) => [name, {}]));

async function rulesOf(database: Database): Promise<string[]> {
  const { view } = await openView(database);
  const layout = await kvrocksLayout(factsOfView(view!));
  const rules: string[] = [];
  await checkKvrocks(view!, layout!, ({ rule }) => rules.push(rule));
  view!.close();
  return rules;
}

const rulesIn = async (dir: string) => rulesOf(await readDatabase(dir));

const noOracle = oracleMissing() !== undefined;
/** Repairs whose result RocksDB 7.8 can open, and how many of them it was asked to. */
const repairs = { made: 0, asked: 0 };

/** Repairs in place, and has RocksDB 7.8 open the result in its strictest mode, unless a newer one wrote tables. */
async function repaired(dir: string, way: RepairMethod = { strategy: 'application' }, newer = false) {
  const report = await repairTarget(
    dir,
    { way, destination: { kind: 'in-place' }, tool: 'test', stopped: true, jobs: 1 },
    { confirm: async () => true },
  );
  if (!newer) repairs.made++;
  if (!newer && !noOracle) {
    repairs.asked++;
    cpSync(dir, `${dir}.oracle`, { recursive: true });
    expect(askOracle(`${dir}.oracle`, 'absolute').open).toBe('OK');
  }
  return report;
}

const at = (index: number) => u64(0x7fff_ffff_ffff_ffffn + BigInt(index));

/** Keys that contradict themselves, with what is rebuilt of them. */
const broken: Record<string, { ops: BatchOpInput[]; says: RegExp }> = {
  'a hash that counts too many': {
    ops: hash('h', { a: '1', b: '2' }, { size: 7 }),
    says: /its size becomes 2, from 7/,
  },
  'a hash of size 0': { ops: hash('h', { a: '1' }, { size: 0 }), says: /can be seen again/ },
  'a hash without fields': {
    ops: [metadata('h', TYPE.hash, { size: 2 })],
    says: /its metadata, of size 2, goes/,
  },
  'an old hash': { ops: hash('h', { a: '1' }, { size: 9, narrow: true }), says: /becomes 1, from 9/ },
  'a set': {
    ops: set('s', ['a', 'b', 'c'], { size: 1, expire: 4_000_000_000_000n }),
    says: /becomes 3, from 1/,
  },
  'sorted integers': { ops: sortedIntegers('i', [1n, 2n], { size: 3 }), says: /becomes 2, from 3/ },
  'a sorted set with an index of its own': {
    ops: [
      ...sortedSet('z', { a: 1, b: 2, c: 3 }, { size: 9 }),
      del('zset_score', elementKey('z', Buffer.concat([score(1), Buffer.from('a')]))),
      indexed('z', 'b', 5),
      indexed('z', 'gone', 6),
    ],
    says: /score index: 1 added, 2 removed, .* its size becomes 3, from 9/,
  },
  'a list whose head is gone': {
    ops: [...list('l', ['a', 'b', 'c'], -1), del('default', elementKey('l', at(-1)))],
    says: /its head becomes 0 and its tail \+2; its size becomes 2, from 3/,
  },
  'a list with elements before its head': {
    ops: [...list('l', ['b', 'c']), listElement('l', -1, 'a')],
    says: /its head becomes -1 .* what stood outside, 1, can be reached again/,
  },
  'a list of the wrong size': {
    ops: list('l', ['a', 'b'], 0, { size: 5, fields: listFields(0, 2) }),
    says: /becomes 2, from 5/,
  },
  'a list without elements': {
    ops: list('l', [], 0, { size: 2, fields: listFields(0, 2) }),
    says: /it has no elements/,
  },
  'a stream': {
    ops: stream('x', [3n, 4n, 9n], { size: 1, first: 1n, last: 4n, lastGenerated: 4n }),
    says: /those of its 3 entries/,
  },
};

async function commandsFor(dir: string, bringBack = false) {
  const { lines, left } = await rebuildingCommands(dir, { jobs: 1, bringBack });
  const all: string[] = [];
  for await (const line of lines) all.push(line.trimEnd());
  return { all, left };
}

describe('repair --strategy application', () => {
  it.each(Object.entries(broken))('rebuilds %s', async (_, { ops, says }) => {
    await withKvrocks([hash('whole', { a: '1' }), ops], async (dir) => {
      expect(await rulesIn(dir)).not.toEqual([]);
      const database = await readDatabase(dir);
      const plan = await planApplicationRepair(database, { bringBack: true });
      expect(plan.objects).toMatchObject([{ action: 'rebuild', detail: expect.stringMatching(says) }]);
      const after = await databaseAfter(database, plan);
      expect(await rulesOf(after)).toEqual([]);
      expect((await planApplicationRepair(after, { bringBack: true })).steps).toEqual([]);
    });
  });

  it.skipIf(!engineAvailable('rocksdb-9.7'))('leaves what an engine opens, flushes and reads', async () => {
    await withKvrocks(
      Object.values(broken).map(({ ops }, i) => ops.map((op) => renamed(op, i))),
      async (dir) => {
        const before = readFileSet(dir);
        const { repair, plan, findings } = await repaired(dir, { strategy: 'application', bringBack: true });
        expect(plan?.objects).toHaveLength(Object.keys(broken).length);
        expect(repair?.state).toBe('repaired');
        expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
        const result = readFileSet(dir);
        await undo(realDisk, repair!.journal!, async () => {});
        expect(readFileSet(dir)).toEqual(before);
        writeFileSet(result, dir);
        const { opened, error, results } = await runEngine('rocksdb-9.7', dir, {
          options: { columns, createIfMissing: false },
          steps: [{ op: 'iterate', column: 'metadata' }, { op: 'close' }],
        });
        expect({ opened, error }).toEqual({ opened: true, error: undefined });
        expect(results[0]).toHaveLength(Object.keys(broken).length - 2);
        expect(await rulesIn(dir)).toEqual([]);
      },
    );
  });

  it('changes nothing where nothing is wrong', async () => {
    await withDatabase('kvrocks-master/db', [], async (dir) => {
      expect((await planApplicationRepair(await readDatabase(dir))).steps).toEqual([]);
    });
  });

  it('leaves alone what the elements do not decide, and says why', async () => {
    const undecided = [
      ...list('holes', ['a', 'b', 'c', 'd']),
      del('default', elementKey('holes', at(1))),
      ...bitmap('bits', { 100: Uint8Array.of(1) }, 2000),
      ...hyperLogLog('hll', { 0: 5 }),
    ];
    await withKvrocks([undecided], async (dir) => {
      const report = await repairTarget(
        dir,
        { way: { strategy: 'application' }, destination: { kind: 'dry-run' }, tool: 'test', jobs: 1 },
        { confirm: async () => true },
      );
      expect(report.repair).toMatchObject({
        state: 'refused',
        reason: expect.stringMatching(/\(3\) none can be rebuilt: .* 2 stretches \(0 to 0, \+2 to \+3\)/),
      });
    });
    await withKvrocks([undecided, hash('h', { a: '1' }, { size: 2 })], async (dir) => {
      const { repair, plan } = await repaired(dir);
      // what is left alone is still wrong
      expect(repair?.state).toBe('not-clean');
      expect(plan?.objects?.map(({ action }) => action).sort()).toEqual([
        'leave',
        'leave',
        'leave',
        'rebuild',
      ]);
      expect((await rulesIn(dir)).sort()).toEqual([
        'kvrocks/bitmap-fragment',
        'kvrocks/hyperloglog-registers',
        'kvrocks/list-hole',
      ]);
    });
  });

  it('asks before it brings back what may have been taken away', async () => {
    const hidden = [
      ...list('l', ['b', 'c']),
      listElement('l', -1, 'a'),
      ...hash('absent', { a: '1' }, { size: 0 }),
    ];
    await withKvrocks([hidden], async (dir) => {
      const database = await readDatabase(dir);
      await expect(planApplicationRepair(database)).rejects.toThrow(
        /outside of its ends \(1\), .* --bring-back/,
      );
      await expect(planApplicationRepair(database)).rejects.toThrow(
        /counts as absent and has elements \(1\)/,
      );
      const silent = await commandsFor(dir);
      expect([silent.all, silent.left.length]).toEqual([[], 2]);
      const plan = await planApplicationRepair(database, { bringBack: true });
      expect(plan.objects?.map(({ action }) => action)).toEqual(['rebuild', 'rebuild']);
      expect((await commandsFor(dir, true)).all).toContain('RPUSH l:kvdoctor-rebuilt a b c');
    });
  });

  it('says which members of a sorted set only the index had', async () => {
    const ops = [...sortedSet('z', { a: 1, b: 2 }), indexed('z', 'b', 3), indexed('z', 'gone', 4)];
    await withKvrocks([ops], async (dir) => {
      const plan = await planApplicationRepair(await readDatabase(dir));
      expect(plan.loss).toMatchObject([
        {
          detail: expect.stringContaining('1 entries'),
          facts: { key: { utf8: 'z' }, first: [{ utf8: 'gone' }] },
        },
      ]);
    });
  });

  it('deletes elements of values that are no more where that is asked for', async () => {
    const orphans = [element('gone', 'a', '1'), element('gone', 'b', '2'), indexed('gone', 'b', 1)];
    await withKvrocks([hash('h', { a: '1' }), orphans], async (dir) => {
      expect((await planApplicationRepair(await readDatabase(dir))).steps).toEqual([]);
      expect(await rulesIn(dir)).toEqual(['kvrocks/orphans']);
      const { plan } = await repaired(dir, { strategy: 'application', dropOrphans: true });
      expect(plan?.objects).toMatchObject([{ action: 'drop', facts: { elements: 3 } }]);
      expect(await rulesIn(dir)).toEqual([]);
    });
  });

  const own = 'writes a log of its own where the column families do not read the newest any more';
  it.skipIf(!engineAvailable('rocksdb-9.7'))(own, async () => {
    const wrong = hash('h', { a: '1' }, { size: 2 });
    await withKvrocks([wrong], async (dir) => {
      // the engine moves all of the log to tables
      await runEngine('rocksdb-9.7', dir, { options: { columns }, steps: [{ op: 'close' }] });
      await repaired(dir, { strategy: 'application' }, true);
      expect(await rulesIn(dir)).toEqual([]);
      const { opened } = await runEngine('rocksdb-9.7', dir, {
        options: { columns },
        steps: [{ op: 'close' }],
      });
      expect(opened).toBe(true);
      expect(await rulesIn(dir)).toEqual([]);
    });
  });

  it.each([0, 20, 32_700, 32_768 - 600])(
    'goes on where the log ends, %i bytes before its zeros',
    async (size) => {
      const filler = string('filler', 'x'.repeat(size));
      await withKvrocks([[filler], hash('h', { a: '1' }, { size: 2 })], async (dir) => {
        appendFileSync(`${dir}/000010.log`, new Uint8Array(8192));
        const { plan } = await repaired(dir);
        expect(plan?.steps[0].changes.map(({ kind }) => kind)).toEqual(['cut', 'insert']);
        expect(await rulesIn(dir)).toEqual([]);
      });
    },
  );

  it('refuses where the files need a repair first, and names it', async () => {
    const refusal = async (dir: string) => {
      const report = await repairTarget(
        dir,
        { way: { strategy: 'application' }, destination: { kind: 'dry-run' }, tool: 'test', jobs: 1 },
        { confirm: async () => true },
      );
      return report.repair;
    };
    await withDatabase('kvrocks-race-10/db', [], async (dir) =>
      expect(await refusal(dir)).toMatchObject({
        state: 'refused',
        reason: expect.stringContaining('batch/unknown-tag'),
        command: expect.stringContaining('repair --mode point-in-time --dry-run'),
      }),
    );
    await withDatabase('kvrocks-race-12/db', [], async (dir) =>
      expect((await refusal(dir))?.command).toContain('--strategy heal'),
    );
    await withDatabase('basic-9.7', [], async (dir) =>
      expect((await refusal(dir))?.reason).toContain('no application is recognised'),
    );
  });
});

/** The same operation on a key of another name. */
function renamed(op: BatchOpInput, i: number): BatchOpInput {
  const text = Buffer.from(op.key).toString('latin1');
  const name = Buffer.from(String.fromCharCode(65 + i), 'latin1');
  // all names are one letter
  const isMetadata = op.columnFamily === FAMILY.metadata;
  const where = 12 + (isMetadata ? 0 : 4);
  const key = Buffer.from(text, 'latin1');
  name.copy(key, where);
  return { ...op, key };
}

describe('repair --strategy application --emit redis', () => {
  it('prints what makes keys anew, one after the other', async () => {
    const ops = [
      ...hash('h', { a: '1', 'b c': '"2"' }, { size: 7, expire: 4_000_000_000_000n }),
      ...set('s', ['x', 'y'], { size: 1 }),
      ...sortedSet('z', { one: 1.5, all: Number.POSITIVE_INFINITY }, { size: 3 }),
      ...sortedIntegers('i', [3n, 4n], { size: 1 }),
      ...list('l', ['a', 'b', 'c'], -1),
      del('default', elementKey('l', at(0))),
      metadata('none', TYPE.set, { size: 2 }),
      ...stream('x', [3n, 4n], { size: 1 }),
    ];
    await withKvrocks([ops], async (dir) => {
      const before = readFileSet(dir);
      const { all, left } = await commandsFor(dir);
      expect(left).toEqual([]);
      expect(all).toEqual([
        'DEL h:kvdoctor-rebuilt',
        String.raw`HSET h:kvdoctor-rebuilt a 1 "b c" "\"2\""`,
        'PEXPIREAT h:kvdoctor-rebuilt 4000000000000',
        'RENAME h:kvdoctor-rebuilt h',
        'DEL i:kvdoctor-rebuilt',
        'SIADD i:kvdoctor-rebuilt 3 4',
        'RENAME i:kvdoctor-rebuilt i',
        'DEL l:kvdoctor-rebuilt',
        'RPUSH l:kvdoctor-rebuilt a c',
        'RENAME l:kvdoctor-rebuilt l',
        'DEL s:kvdoctor-rebuilt',
        'SADD s:kvdoctor-rebuilt x y',
        'RENAME s:kvdoctor-rebuilt s',
        'DEL x:kvdoctor-rebuilt',
        'XADD x:kvdoctor-rebuilt 3-0 f v',
        'XADD x:kvdoctor-rebuilt 4-0 f v',
        'RENAME x:kvdoctor-rebuilt x',
        'DEL z:kvdoctor-rebuilt',
        'ZADD z:kvdoctor-rebuilt inf all 1.5 one',
        'RENAME z:kvdoctor-rebuilt z',
        'DEL none',
      ]);
      expect(readFileSet(dir)).toEqual(before);
    });
  });

  it('keeps the slot of a key, and leaves to the files what a connection cannot do', async () => {
    const slot = (key: string) => ({ slot: ownSlot(key) });
    const ops = [
      ...['a', 'b', 'c'].map((key) => string(key, 'v', slot(key))),
      ...hash('{tag}h', { a: '1' }, { size: 2, ...slot('{tag}h') }),
      ...hash('plain', { a: '1' }, { size: 2, ...slot('plain') }),
      ...hash('b}ce', { a: '1' }, { size: 2, ...slot('b}ce') }),
      ...hash('h', { a: '1' }, { size: 2, namespace: 'ns', ...slot('h') }),
    ];
    await withKvrocks([ops], async (dir) => {
      const { all, left } = await commandsFor(dir);
      expect(all.filter((line) => line.startsWith('RENAME'))).toEqual([
        'RENAME "{plain}:kvdoctor-rebuilt" plain',
        'RENAME "{tag}h:kvdoctor-rebuilt" "{tag}h"',
      ]);
      expect(left.map(({ detail }) => detail)).toEqual([
        expect.stringContaining('namespace'),
        expect.stringContaining('slot'),
      ]);
      const database = await readDatabase(dir);
      const plan = await planApplicationRepair(database);
      expect(plan.objects?.map(({ action }) => action)).toEqual(Array(4).fill('rebuild'));
      expect(await rulesOf(await databaseAfter(database, plan))).toEqual([]);
    });
  });

  it('leaves streams with groups alone, and refuses files that are damaged', async () => {
    await withKvrocks(
      [[...stream('x', [3n], { size: 2, groups: 1 }), streamGroup('x', 'g', 0, 0)]],
      async (dir) => {
        const { all, left } = await commandsFor(dir);
        expect({ all, left }).toMatchObject({
          all: [],
          left: [{ detail: expect.stringContaining('groups') }],
        });
      },
    );
    await withDatabase('kvrocks-race-10/db', [], (dir) =>
      expect(rebuildingCommands(dir)).rejects.toThrow(Refusal),
    );
  });
});

describe('every result of a repair above', () => {
  it.skipIf(noOracle)('was opened by RocksDB 7.8', () => {
    expect(repairs.asked).toBe(repairs.made);
  });
});
