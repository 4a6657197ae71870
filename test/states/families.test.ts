import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { type Database, readDatabase } from '../../src/engine/database.js';
import { familiesInInfoLog } from '../../src/format/info-log.js';
import { emptyVersion, newColumnFamily } from '../../src/format/manifest/apply.js';
import type { ManifestReplay } from '../../src/format/manifest/replay.js';
import { planAuto } from '../../src/repair/strategies/auto.js';
import { addFamilies, movePlaceless, placeNameless } from '../../src/states/families.js';
import type { FoundTable } from '../../src/states/tables.js';
import type { WalContents } from '../../src/states/wals.js';
import { carryOut } from '../support/carry-out.js';
import { withFieldCase } from '../support/field.js';
import { visible } from '../support/visible.js';

/*
 * healthy-families-7.8: column families default, alpha, beta, gamma and delta were made, with ids 0 to 4, then beta was dropped. Only default
 * has a table; gamma and delta were written to a log.
 */

const gone = ['remove MANIFEST-000005', 'remove CURRENT'];

const repaired = async (dir: string) => {
  const plan = await planAuto(await readDatabase(dir), { onLostTombstones: 'keep-hidden' });
  await carryOut(plan, dir);
  return plan;
};

describe('a MANIFEST that is gone, of column families that have no table', () => {
  it('gets their names from LOG', async () => {
    const truth = await withFieldCase('healthy-families-7.8', [], visible);
    expect([...truth.keys()].filter((key) => key.startsWith('gamma/'))).toHaveLength(30);
    await withFieldCase('healthy-families-7.8', gone, async (dir) => {
      const plan = await repaired(dir);
      expect(plan.loss).toEqual([]);
      expect(plan.unproven?.map(({ facts }) => facts)).toEqual([{ basis: 'tables' }]);
      expect(await visible(dir)).toEqual(truth);
    });
  });

  it('says that nothing proves their names where LOG is gone, or that of another database', async () => {
    const other = 'replace LOG "[default] (ID 0)" "[other] (ID 0)"';
    for (const patch of ['remove LOG', other]) {
      await withFieldCase('healthy-families-7.8', [...gone, patch], async (dir) => {
        const { unproven = [] } = await repaired(dir);
        expect(unproven.map(({ facts }) => facts)).toEqual([
          { columnFamily: 'recovered-3', operations: 30 },
          { columnFamily: 'recovered-4', operations: 10 },
          { basis: 'tables' },
        ]);
      });
    }
  });
});

it('says what is lost with a table whose flush is taken back, and whose log is gone', async () => {
  await withFieldCase('healthy-flushed-families-7.8', ['remove 000012.sst'], async (dir) => {
    const { loss } = await repaired(dir);
    expect(loss.map(({ file, facts }) => [file, facts.columnFamily])).toEqual([['000012.sst', 'late']]);
  });
});

describe('a table that does not say of which column family it is', () => {
  const families = (...comparators: string[]) => {
    const version = emptyVersion();
    for (const [id, comparator] of comparators.entries())
      version.columnFamilies.set(id, { ...newColumnFamily(id, nameOf(id)), comparator });
    return version;
  };
  const nameless = () =>
    ({ live: { number: 9n, columnFamily: 0 }, comparator: 'bytewise' }) as unknown as FoundTable;

  it('may be of any of its order', () => {
    const [table, version] = [nameless(), families('bytewise', 'reverse', 'bytewise')];
    expect(placeNameless(version, [table])).toEqual([table]);
    expect(table.live.columnFamily).toBe(0);
  });

  it('is of the only one of its order', () => {
    const [table, version] = [nameless(), families('reverse', 'bytewise')];
    expect(placeNameless(version, [table])).toEqual([]);
    expect(table.live.columnFamily).toBe(1);
  });

  it('goes where its versions have a level, or nowhere', () => {
    const version = families('bytewise', 'reverse', 'bytewise');
    const tables = [nameless(), nameless(), nameless()];
    const [first, second, third] = tables;
    const fits = (id: number, table: FoundTable) => table !== third && (table === first || id === 2);
    expect(movePlaceless(version, tables, fits)).toEqual([third]);
    expect([first, second].map(({ live }) => live.columnFamily)).toEqual([0, 2]);
  });

  it('is of the one that the MANIFEST names it in', () => {
    const [table, version] = [nameless(), families('bytewise', 'bytewise')];
    version.columnFamilies.get(1)!.tables.set(9n, table.live);
    expect(placeNameless(version, [table])).toEqual([]);
    expect(table.live.columnFamily).toBe(1);
  });
});

describe('tables of a column family that was dropped', () => {
  const tableOf = (number: bigint, id: number, name: string) =>
    ({
      ...{ entry: { file: `${number}.sst` }, live: { number, columnFamily: id } },
      ...{ columnFamilyName: name, comparator: 'leveldb.BytewiseComparator' },
    }) as unknown as FoundTable;

  async function asked(found: FoundTable[], more: object = {}, replay?: ManifestReplay, isBefore = false) {
    const database = {
      options: { columnFamilies: new Map(['default', 'users'].map((name) => [name, {}])) },
      inventory: { entries: [] },
      optionsFile: { entry: { file: 'OPTIONS-000050', number: 50n }, parsed: { anomalies: [] } },
      ...more,
    } as unknown as Database;
    const version = replay?.version ?? emptyVersion();
    const { left } = await addFamilies(database, version, { found, wals: [], replay, isBefore }, []);
    return { names: [...version.columnFamilies.values()].map(({ name }) => name), left };
  }

  it('are left out where a younger OPTIONS does not name it, and said', async () => {
    const { names, left } = await asked([tableOf(20n, 1, 'users'), tableOf(21n, 2, 'gone')]);
    expect(names).toEqual(['default', 'users']);
    expect(left.map(({ tables, what }) => [tables[0].live.number, what])).toEqual([
      [
        21n,
        'column family gone, which is taken for dropped: OPTIONS-000050, which was written after them, does not name it',
      ],
    ]);
  });

  it('are kept where OPTIONS is older, or damaged', async () => {
    expect((await asked([tableOf(60n, 2, 'new')])).names).toContain('new');
    const optionsFile = { entry: { number: 50n }, parsed: { anomalies: [{}] } };
    expect((await asked([tableOf(20n, 2, 'other')], { optionsFile })).names).toContain('other');
  });

  it('are left out where another one has its name, so that no name is there twice', async () => {
    const { names, left } = await asked([tableOf(20n, 1, 'users'), tableOf(30n, 3, 'users')]);
    expect(names).toEqual(['default', 'users']);
    expect(left.map(({ tables }) => tables[0].live.number)).toEqual([20n]);
  });

  it('are those of the one that a MANIFEST has, which ends before the name was given again', async () => {
    const version = emptyVersion();
    version.columnFamilies.set(1, newColumnFamily(1, 'users'));
    const replay = { complete: false, tail: { state: 'torn' }, version } as unknown as ManifestReplay;
    const { names, left } = await asked([tableOf(20n, 1, 'users'), tableOf(60n, 3, 'users')], {}, replay);
    expect(names).toEqual(['default', 'users']);
    expect(version.columnFamilies.get(3)?.name).toBe('users');
    expect(left.map(({ tables }) => tables[0].live.number)).toEqual([20n]);
  });

  it('are no news where a MANIFEST without a hole has given the id out', async () => {
    const replay = { complete: true, tail: { state: 'clean' } } as unknown as ManifestReplay;
    const version = { ...emptyVersion(), maxColumnFamily: 3 };
    const { names, left } = await asked([tableOf(60n, 3, 'gone')], {}, { ...replay, version });
    expect([names, left]).toEqual([['default', 'users'], []]);
    const before = await asked([tableOf(60n, 3, 'gone')], {}, { ...replay, version }, true);
    expect(before.names).toContain('gone');
  });
});

interface Made {
  isDropped: boolean;
  hasTable: boolean;
  operations: number;
}

/** Column families in the order in which an engine made them, and what is left of each. */
const made = fc.array(
  fc.record({ isDropped: fc.boolean(), hasTable: fc.boolean(), operations: fc.integer({ min: 0, max: 3 }) }),
  { maxLength: 8 },
);

const nameOf = (id: number) => (id === 0 ? 'default' : `family ${id}`);

test('LOG tells the order of a column family that nothing else describes', () => {
  const text = `${logOf([{ isDropped: false, hasTable: false, operations: 0 }])}
--------------- Options for column family [family 1]:
               Options.comparator: rocksdb.ReverseBytewiseComparator
         Options.merge_operator: None
`;
  expect(familiesInInfoLog(text)?.comparators).toEqual(
    new Map([['family 1', 'rocksdb.ReverseBytewiseComparator']]),
  );
});

/** What an engine writes to LOG as it makes and drops them. */
function logOf(all: readonly Made[]): Buffer {
  const made = all.map((_, i) => `Created column family [${nameOf(i + 1)}] (ID ${i + 1})`);
  const dropped = all.flatMap(({ isDropped }, i) =>
    isDropped ? [`Dropped column family with id ${i + 1}`] : [],
  );
  return Buffer.from([...made, ...dropped, ''].join('\n'));
}

/** Names by id as they are put together from what is left, and which of them are guesses. */
async function placed(all: readonly Made[], log?: Buffer) {
  const families = all.map((each, i) => ({ ...each, id: i + 1, name: nameOf(i + 1) }));
  const left = families.filter(({ isDropped }) => !isDropped);
  const logs = log && [
    { name: 'LOG', kind: 'info-log', place: 'database', source: { kind: 'memory', bytes: log } },
  ];
  const database = {
    options: {
      columnFamilies: new Map(['default', ...left.map(({ name }) => name)].map((name) => [name, {}])),
    },
    inventory: { entries: logs ?? [] },
  } as unknown as Database;
  const found = families
    .filter(({ hasTable, isDropped }) => hasTable && (log !== undefined || !isDropped))
    .map(({ id, name }) => ({
      ...{ live: { columnFamily: id }, columnFamilyName: name, comparator: 'leveldb.BytewiseComparator' },
    })) as unknown as FoundTable[];
  const written = families.filter(({ operations }) => operations > 0);
  const wals = [
    { families: new Map(written.map(({ id, operations }) => [id, { operations }])) },
  ] as unknown as WalContents[];
  const version = emptyVersion();
  const { guessed, left: leftOut } = await addFamilies(database, version, { found, wals }, []);
  expect(leftOut).toEqual([]);
  const names = new Map([...version.columnFamilies.values()].map(({ id, name }) => [id, name]));
  const highest = Math.max(...version.columnFamilies.keys(), version.maxColumnFamily ?? 0);
  return { names, guessed: new Set(guessed.map(({ id }) => id)), left, written, highest };
}

const isDense = (all: readonly Made[]) => all.every(({ isDropped }) => !isDropped);

test('with LOG every column family that is left gets its id, and nothing is kept of dropped ones', async () => {
  await fc.assert(
    fc.asyncProperty(made, async (all) => {
      const { names, guessed, left, written, highest } = await placed(all, logOf(all));
      expect(guessed.size).toBe(0);
      const needed = left.filter(({ operations, hasTable }) => operations > 0 || hasTable);
      for (const { id, name } of needed) expect(names.get(id)).toBe(name);
      expect(new Set(names.values())).toEqual(new Set(['default', ...left.map(({ name }) => name)]));
      for (const { id, isDropped } of written) expect(names.has(id)).toBe(!isDropped);
      // nor is one missing for them
      for (const { id } of written) expect(highest).toBeGreaterThanOrEqual(id);
    }),
  );
});

test('without LOG no write goes to another column family in silence', async () => {
  await fc.assert(
    fc.asyncProperty(made, async (all) => {
      const { names, guessed, left, written } = await placed(all);
      // each name once, and all that OPTIONS has
      expect(new Set(names.values()).size).toBe(names.size);
      for (const { name } of left) expect([...names.values()]).toContain(name);
      for (const { id, name, isDropped } of written) {
        if (guessed.has(id)) continue;
        expect([names.get(id), isDropped]).toEqual([name, false]);
      }
      if (isDense(all)) for (const { id, name } of written) expect(names.get(id)).toBe(name);
    }),
  );
});
