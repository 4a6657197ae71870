import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { encodeLogRecords } from '../../src/encode/log/writer.js';
import { encodeVersionEdit } from '../../src/encode/manifest/edit.js';
import { snapshotEdits } from '../../src/encode/manifest/snapshot.js';
import { PropertyList } from '../../src/encode/sst/properties.js';
import { TableWriter } from '../../src/encode/sst/table-writer.js';
import { readDatabase } from '../../src/engine/database.js';
import { exportEntries } from '../../src/export/entries.js';
import { emptyVersion } from '../../src/format/manifest/apply.js';
import { comparatorNamed } from '../../src/format/sst/comparator.js';
import { internalKey, VALUE_TYPE } from '../../src/format/sst/internal-key.js';
import { planTableRepair } from '../../src/repair/strategies/tables.js';
import { carryOut } from '../support/carry-out.js';
import { withTemporaryDirectory } from '../support/files.js';

const KEYS = 60;
const keyOf = (n: number) => Buffer.from(`key${String(n).padStart(4, '0')}`);
const valueFor = (n: number, sequence: number) => Buffer.from(`${n}@${sequence}:`.padEnd(300, 'x'));

type Operation = { kind: 'put' | 'delete'; key: number } | { kind: 'range-delete'; key: number; to: number };

const someOperation = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('put' as const), key: fc.nat(KEYS - 1) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), key: fc.nat(KEYS - 1) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('range-delete' as const),
      key: fc.nat(KEYS - 1),
      to: fc.nat(KEYS),
    }),
  },
);

/** Flushes of a history, each a table on level 0, and what a reader sees in the end. */
function writeHistory(flushes: readonly Operation[][], dir: string): Map<number, number> {
  const visible = new Map<number, number>();
  const version = emptyVersion();
  const family = version.columnFamilies.get(0)!;
  family.comparator = 'leveldb.BytewiseComparator';
  let sequence = 0;
  let number = 10n;
  mkdirSync(dir);
  for (const operations of flushes) {
    const newest = new Map<number, { sequence: number; type: number }>();
    const writer = new TableWriter({
      formatVersion: 5,
      checksumType: 1,
      baseContext: 0,
      comparator: comparatorNamed(),
      filter: true,
    });
    for (const operation of operations) {
      sequence++;
      if (operation.kind === 'range-delete') {
        if (operation.to <= operation.key) continue;
        writer.addRangeTombstone(keyOf(operation.key), keyOf(operation.to), BigInt(sequence));
        for (let n = operation.key; n < operation.to; n++) {
          visible.delete(n);
          // a flush drops what its own tombstones cover
          newest.delete(n);
        }
        continue;
      }
      const type = operation.kind === 'put' ? VALUE_TYPE.put : VALUE_TYPE.delete;
      newest.set(operation.key, { sequence, type });
      if (operation.kind === 'put') visible.set(operation.key, sequence);
      else visible.delete(operation.key);
    }
    for (const [n, entry] of [...newest].sort(([a], [b]) => a - b)) {
      const value = entry.type === VALUE_TYPE.put ? valueFor(n, entry.sequence) : new Uint8Array(0);
      writer.add(internalKey(keyOf(n), BigInt(entry.sequence), entry.type), value);
    }
    const table = writer.finish(
      new PropertyList()
        .text('comparator', family.comparator)
        .text('compression', 'NoCompression')
        .number('column.family.id', 0)
        .text('column.family.name', 'default'),
    );
    if (table.smallest === undefined) continue;
    const bytes = Buffer.concat(
      writer.take().map((piece) => (piece.from === 'bytes' ? piece.bytes : [])) as Uint8Array[],
    );
    writeFileSync(join(dir, `${String(number).padStart(6, '0')}.sst`), bytes);
    const none = { offset: 0, length: 0 };
    const { size, smallest, largest, smallestSequence, largestSequence } = table;
    family.tables.set(number, {
      columnFamily: 0,
      level: 0,
      number,
      pathId: 0,
      size: BigInt(size),
      smallest,
      largest: largest!,
      smallestSequence,
      largestSequence,
      addedAt: 0,
      entry: none,
    });
    number++;
  }
  version.lastSequence = BigInt(sequence);
  const edits = snapshotEdits(version, { nextFileNumber: number + 10n });
  writeFileSync(join(dir, 'MANIFEST-000005'), encodeLogRecords(edits.map(encodeVersionEdit)));
  writeFileSync(join(dir, 'CURRENT'), 'MANIFEST-000005\n');
  return visible;
}

async function visibleIn(dir: string): Promise<number[]> {
  const seen: number[] = [];
  const summary = await exportEntries(await readDatabase(dir), {
    async family() {},
    entry: ({ key }) => seen.push(Number(Buffer.from(key).toString().slice(3))),
    async flush() {},
  });
  expect(summary.problems).toEqual([]);
  return seen;
}

beforeAll(async () => {});

const someDamage = fc.record({
  table: fc.nat(),
  kind: fc.constantFrom('zero', 'cut', 'remove'),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.integer({ min: 2, max: 3000 }),
});

it('no repair of a table brings a deleted key back', async () => {
  const histories = fc.array(fc.array(someOperation, { minLength: 5, maxLength: 60 }), {
    minLength: 2,
    maxLength: 5,
  });
  await fc.assert(
    fc.asyncProperty(histories, someDamage, async (flushes, damage) => {
      await withTemporaryDirectory(async (parent) => {
        const dir = join(parent, 'db');
        const truth = writeHistory(flushes, dir);
        expect((await visibleIn(dir)).sort()).toEqual([...truth.keys()].sort());
        const { inventory } = await readDatabase(dir);
        const tables = inventory.entries.filter(({ kind }) => kind === 'table');
        if (tables.length === 0) return;
        const { name, size } = tables[damage.table % tables.length];
        await hurt(join(dir, name), size, damage);
        const plan = await planTableRepair(await readDatabase(dir), { onLostTombstones: 'keep-hidden' });
        if (plan.steps.length > 0) {
          await carryOut(plan, dir);
        }
        const back = (await visibleIn(dir)).filter((n) => !truth.has(n));
        expect(back).toEqual([]);
      });
    }),
    { numRuns: 25 },
  );
}, 60_000);

async function hurt(
  file: string,
  size: number,
  { kind, at, length }: { kind: string; at: number; length: number },
): Promise<void> {
  const { readFile, rm, truncate } = await import('node:fs/promises');
  const from = Math.floor(at * (size - 1));
  if (kind === 'remove') await rm(file);
  else if (kind === 'cut') await truncate(file, from);
  else {
    const bytes = await readFile(file);
    bytes.fill(0, from, Math.min(size, from + length));
    writeFileSync(file, bytes);
  }
}
