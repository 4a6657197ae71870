import { describe, expect, it, test } from 'vitest';
import { readDatabase } from '../../src/engine/database.js';
import { emptyVersion, newColumnFamily } from '../../src/format/manifest/apply.js';
import { internalKey, sequenceOf, VALUE_TYPE } from '../../src/format/sst/internal-key.js';
import type { InventoryEntry } from '../../src/io/inventory.js';
import { planAuto } from '../../src/repair/strategies/auto.js';
import { scanTarget } from '../../src/scan/scan.js';
import { placeIngested } from '../../src/states/ingested.js';
import type { Contents, FoundTable } from '../../src/states/tables.js';
import { carryOut } from '../support/carry-out.js';
import { withDatabase } from '../support/database.js';
import { askOracle, oracleMissing } from '../support/oracle.js';
import { visible } from '../support/visible.js';

/* Ingested tables whose edit is lost: table 9 is a flush of sequences 1 to 30, 10 and 11 were ingested as 31 and 32, the log begins at 33. */

const CUTS = [35, 46, 59, 122, 161, 176, 189, 198, 289, 302, 330];

const repaired = async (dir: string) =>
  carryOut(await planAuto(await readDatabase(dir), { onLostTombstones: 'keep-hidden' }), dir);

const errorsOf = ({ findings }: Awaited<ReturnType<typeof scanTarget>>) =>
  findings.filter(({ severity }) => severity === 'error').map(({ rule }) => rule);

describe('a MANIFEST that ends before ingested tables', () => {
  it.each(CUTS)('cut at %i is damaged, and repaired to what was there', async (cut) => {
    const truth = await withDatabase('ingested-7.8', [], visible);
    await withDatabase('ingested-7.8', [`truncate MANIFEST-000005 ${cut}`], async (dir) => {
      expect(errorsOf(await scanTarget(dir))).toContain('directory/manifest-older');
      await repaired(dir);
      expect(await visible(dir)).toEqual(truth);
      expect(errorsOf(await scanTarget(dir))).toEqual([]);
    });
  });

  it.skipIf(oracleMissing() !== undefined)('opens and shows the same in RocksDB', async () => {
    const patches = ['truncate MANIFEST-000005 35'];
    const asked = await withDatabase('ingested-7.8', patches, async (dir) => {
      await repaired(dir);
      return askOracle(dir, 'pit');
    });
    expect(asked).toEqual(await withDatabase('ingested-7.8', [], async (dir) => askOracle(dir, 'pit')));
  });

  it('is not damaged where an ingestion was not finished', async () => {
    await withDatabase('ingested-7.8', ['copy 000010.sst 000012.sst'], async (dir) => {
      const result = await scanTarget(dir);
      expect(errorsOf(result)).toEqual([]);
      expect(result.findings.map(({ rule }) => rule)).toContain('directory/orphan-table');
    });
  });
});

/** A table of the keys k0 to k9. */
function table(number: bigint, [from, to]: [from: number, to: number], facts: Partial<FoundTable> = {}) {
  const bound = (key: string) => internalKey(Buffer.from(key), BigInt(from), VALUE_TYPE.put);
  return {
    entry: { file: `${number}.sst` } as InventoryEntry,
    live: {
      ...{ columnFamily: 0, level: 0, number, pathId: 0, size: 1n, addedAt: 0 },
      entry: { offset: 0, length: 0 },
      smallest: bound('k0'),
      largest: bound('k9'),
      smallestSequence: BigInt(from),
      largestSequence: BigInt(to),
    },
    comparator: 'leveldb.BytewiseComparator',
    entries: 10,
    ingested: false,
    sequenceLost: false,
    isDense: true,
    blobFiles: new Map(),
    ...facts,
  } satisfies FoundTable;
}

const ingested = (number: bigint) => table(number, [0, 0], { ingested: true, sequenceLost: true });

function placed(found: readonly FoundTable[], contents = new Map<bigint, Contents>()) {
  const version = { ...emptyVersion(), columnFamilies: new Map([[0, newColumnFamily(0, 'default')]]) };
  return placeIngested(version, found, contents, []).map(({ file, against }) => [file, against]);
}

describe('the place of an ingested table', () => {
  test('is proven where one sequence is free and everything after it is held', () => {
    const found = [table(5n, [1, 10]), ingested(6n), table(7n, [12, 20])];
    expect(placed(found)).toEqual([]);
    expect(found[1].live.largestSequence).toBe(11n);
    expect(sequenceOf(found[1].live.smallest)).toBe(11n);
  });

  test('is not proven where a later flush may have come before it', () => {
    const found = [table(5n, [1, 10]), ingested(6n), table(7n, [12, 20]), table(8n, [22, 30])];
    expect(placed(found)).toEqual([['6.sst', ['7.sst']]]);
  });

  test('is not proven where no sequence is free, as the ingestion may not have been finished', () => {
    const found = [table(5n, [1, 10]), ingested(6n)];
    expect(placed(found)).toEqual([['6.sst', ['5.sst']]]);
  });

  test('is not proven beside a compaction, whose sequences are gone', () => {
    const found = [table(5n, [1, 10]), ingested(6n), table(7n, [0, 9], { isDense: false })];
    expect(placed(found)).toEqual([['6.sst', ['7.sst']]]);
  });

  test('is below everything where it was the first', () => {
    const found = [ingested(6n), table(7n, [1, 20])];
    expect(placed(found)).toEqual([]);
    expect(found[0].live.largestSequence).toBe(0n);
  });
});
