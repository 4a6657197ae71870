import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDatabase } from '../../src/engine/database.js';
import { readDataBlocks } from '../../src/format/sst/data-blocks.js';
import { openTable } from '../../src/format/sst/table.js';
import { END, ENTRY } from '../../src/lsm/cursor.js';
import { digestFamily } from '../../src/lsm/digest.js';
import { inventoryFiles } from '../../src/lsm/inventory-files.js';
import { View } from '../../src/lsm/view.js';
import { withDatabase } from '../support/database.js';
import { fixture, withTemporaryDirectory } from '../support/files.js';
import { inRepository } from '../support/repository.js';
import { corpusBases, unpackCorpusBase } from '../support/tools.js';
import { pairs, viewOf } from './views.js';

type Digests = Record<string, [entries: number, fnv1a64: string]>;

async function digests(view: View): Promise<Digests> {
  const found: Digests = {};
  for (const { id } of view.columnFamilies) {
    const { name, entries, fnv1a64, complete, problems } = await digestFamily(view, id);
    expect({ complete, problems }).toEqual({ complete: true, problems: [] });
    found[name] = [entries, fnv1a64];
  }
  return found;
}

const EMPTY: [number, string] = [0, 'cbf29ce484222325'];

/** What RocksDB 7.8.3 itself sees of copies of the fixtures (11.9 where only that can read them). */
const ENGINE: Record<string, Digests> = {
  'basic-6.17': { default: [259, '7e664d242d4ad136'] },
  'basic-7.8': {
    default: [90, 'e6cb9596575be7fc'],
    users: [40, 'cede577c9500f265'],
    orders: [74, '2faba7648644076f'],
  },
  'blob-7.8': { default: [24, 'a13f2fad336fa578'] },
  'blob-zstd-7.8': { default: [24, 'a13f2fad336fa578'] },
  'checksummed-7.8': { default: [70, 'c90e7777ba3fa4fb'], other: [1, '63155da691ecff24'] },
  'formats-7.8': { default: [30, 'ede780032a65b1e4'] },
  'ingested-7.8': { default: [30, '7bedccddc0d048c6'] },
  'kvrocks-backup': {
    default: [1923, '221b8565ef80626d'],
    metadata: [623, '972544fcbbe2e5b4'],
    zset_score: [183, '1141c5e8848ec1b1'],
    pubsub: [1, '343b1cec18908594'],
    propagate: [2, '934fd15474e9ca12'],
    stream: [407, 'a425f6851a4bd855'],
    search: EMPTY,
  },
  // through an iterator with the largest timestamp
  'timestamps-7.8': { default: EMPTY, timed: [20, '45cc8c33f8b59b13'] },
  'transactions-7.8': { default: [19, 'a6010dd61acd5a43'] },
  'transactions-prepared-7.8': { default: [19, 'a6010dd61acd5a43'] },
  'transactions-unprepared-11.9': { default: [167, '6fc87d758356bf0d'] },
  'wal-compressed-7.8': { default: [102, 'ed7bcd5dfff3dde6'], other: [1, '63155da691ecff24'] },
  'wal-large-7.8': { default: [102, 'b0e99b1e9edda19b'], other: [1, '63155da691ecff24'] },
  'wal-recycled-11.9': { default: [162, 'af1a8b006f96755e'], cf1: [282, '1d8d13d104d855cc'] },
  'wide-7.8': { default: [40, 'aff35794b74121dc'] },
};

describe.each(Object.entries(ENGINE))('the view of %s', (name, want) => {
  const dir = inRepository('fixtures', name);

  it('is what the engine sees', async () => {
    expect(await digests(await viewOf(dir))).toEqual(want);
  });

  it('does not depend on the memory for the WALs', async () => {
    expect(await digests(await viewOf(dir, { memtables: { budget: 20_000 } }))).toEqual(want);
  });

  it('can be walked from any key on', async () => {
    const view = await viewOf(dir);
    for (const { id } of view.columnFamilies) {
      const { found } = await pairs(view, id);
      const step = Math.max(1, Math.floor(found.length / 4));
      for (let i = 0; i < found.length; i += step) {
        const from = Buffer.from(found[i][0], 'base64');
        expect((await pairs(view, id, { from })).found).toEqual(found.slice(i));
        // between this key and the one before it
        const before = view.order(id).direction === 1 ? Buffer.concat([from, Buffer.of(0)]) : from;
        const rest = found.slice(view.order(id).direction === 1 ? i + 1 : i);
        expect((await pairs(view, id, { from: before })).found).toEqual(rest);
      }
    }
  });
});

describe('a walk over versions', () => {
  it('yields every entry of every table', async () => {
    const database = await readDatabase(inRepository('fixtures', 'basic-7.8'));
    const view = await View.open({ version: database.version!, files: inventoryFiles(database.inventory) });
    for (const { id, tables } of view.columnFamilies) {
      let want = 0;
      for (const live of tables.values()) {
        const source = await inventoryFiles(database.inventory).table(live).open();
        for await (const block of readDataBlocks(await openTable(source)))
          for (const _ of block.entries()) want++;
        await source.close();
      }
      const { entries } = view.versions(id);
      let count = 0;
      for (let step = entries.step(); step !== END; step = entries.step()) {
        if (step === ENTRY) count++;
        else await entries.load();
      }
      await entries.close();
      expect(count).toBe(want);
    }
  });
});

describe('a damaged table', () => {
  const [table] = [...fixture('basic-6.17').keys()].filter((name) => name.endsWith('.sst'));

  it('ends a strict walk, and costs a lenient one a block', async () => {
    await withDatabase('basic-6.17', [`flip ${table} 40.3`], async (dir) => {
      const view = await viewOf(dir);
      const strict = await digestFamily(view, 0);
      expect(strict.complete).toBe(false);
      expect(strict.problems).toMatchObject([{ file: table, offset: 0 }]);
      expect(strict.problems[0].message).toContain('checksum mismatch');

      const { found, problems } = await pairs(view, 0, { lenient: true });
      expect(problems.kept).toEqual(strict.problems);
      expect(found.length).toBeGreaterThan(strict.entries);
      expect(found.length).toBeLessThan(259);
    });
  });

  it('that is gone is named', async () => {
    await withDatabase('basic-6.17', [`remove ${table}`], async (dir) => {
      const { complete, problems } = await digestFamily(await viewOf(dir), 0);
      expect(complete).toBe(false);
      expect(problems).toMatchObject([{ file: table }]);
    });
  });
});

describe('a damaged blob file', () => {
  const blob = [...fixture('blob-7.8').keys()].findLast((name) => name.endsWith('.blob'));

  it('costs a lenient walk the values that are damaged', async () => {
    const whole = (await pairs(await viewOf(inRepository('fixtures', 'blob-7.8')), 0)).found;
    await withDatabase('blob-7.8', [`flip ${blob} end-40.0`], async (dir) => {
      const { found, problems } = await pairs(await viewOf(dir), 0, { lenient: true });
      expect(problems.count).toBe(1);
      expect(problems.kept).toMatchObject([{ file: blob }]);
      expect(found).toHaveLength(whole.length - 1);
      for (const pair of found) expect(whole).toContainEqual(pair);
    });
  });
});

describe('any damage to a table or blob file', () => {
  it('is reported, and never more than what was there comes out', async () => {
    const bases = ['basic-7.8', 'blob-zstd-7.8', 'ingested-7.8', 'wide-7.8', 'timestamps-7.8'];
    const change = fc.record({ file: fc.nat(), at: fc.nat(), byte: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...bases),
        fc.array(change, { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        async (base, changes, cuts) => {
          await withDatabase(base, [], async (dir) => {
            const names = fs.readdirSync(dir).filter((name) => /\.(sst|blob)$/.test(name));
            for (const { file, at, byte } of changes) {
              const name = path.join(dir, names[file % names.length]);
              const bytes = fs.readFileSync(name);
              if (bytes.length === 0) continue;
              bytes[at % bytes.length] = byte;
              fs.writeFileSync(name, cuts ? bytes.subarray(0, at % bytes.length) : bytes);
            }
            const view = await viewOf(dir);
            for (const { id } of view.columnFamilies) {
              const strict = await digestFamily(view, id);
              const { found, problems } = await pairs(view, id, { lenient: true });
              expect(found.length).toBeGreaterThanOrEqual(strict.entries);
              if (strict.complete) expect(found).toHaveLength(strict.entries);
              else expect(problems.count).toBeGreaterThan(0);
            }
          });
        },
      ),
      { numRuns: 25 },
    );
  });
});

interface Clean {
  case: string;
  engine?: { pit: { open: string; cfs?: Record<string, { n: number; fnv: string }> } };
}

const bases = corpusBases(/^r(78|119)-(rand|blob|txn3|wide|fv7|dict-zstd)$/);

describe.skipIf(bases.length === 0)('databases of the corpus', () => {
  const corpus = inRepository('..', 'shared', 'corpus', 'clean.jsonl');
  const clean: Clean[] = fs.existsSync(corpus)
    ? fs
        .readFileSync(corpus, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
    : [];

  it.each(bases)('%s is what RocksDB 11.9 sees', async (name) => {
    const pit = clean.find((each) => each.case === name)?.engine?.pit;
    const want = Object.entries(pit?.cfs ?? {}).map(([family, { n, fnv }]) => [family, [n, fnv]]);
    await withTemporaryDirectory(async (dir) => {
      unpackCorpusBase(name, dir);
      expect(await digests(await viewOf(dir))).toEqual(Object.fromEntries(want));
    });
  });
});
