import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { encodeLogRecords } from '../../../src/encode/log/writer.js';
import { encodeVersionEdit } from '../../../src/encode/manifest/edit.js';
import { snapshotEdits } from '../../../src/encode/manifest/snapshot.js';
import { PropertyList } from '../../../src/encode/sst/properties.js';
import { TableWriter } from '../../../src/encode/sst/table-writer.js';
import { readDatabase } from '../../../src/engine/database.js';
import { emptyVersion } from '../../../src/format/manifest/apply.js';
import { comparatorNamed } from '../../../src/format/sst/comparator.js';
import { internalKey, VALUE_TYPE } from '../../../src/format/sst/internal-key.js';
import { Interrupted } from '../../../src/io/interruption.js';
import { View } from '../../../src/lsm/view.js';
import { Pace } from '../../../src/repair/pace.js';
import { planTableRepair } from '../../../src/repair/strategies/tables.js';
import { withTemporaryDirectory } from '../../support/files.js';

const KEYS = 6000;
/** Blocks of the newer table that are damaged: every one that begins at such a multiple. */
const APART = 8192;

beforeAll(async () => {});

/** Two tables of the same keys, without filters: every other key of the newer one is a deletion. */
function writeTables(dir: string): void {
  const version = emptyVersion();
  const family = version.columnFamilies.get(0)!;
  family.comparator = 'leveldb.BytewiseComparator';
  mkdirSync(dir);
  for (const [level, number, first] of [
    [1, 11n, KEYS],
    [2, 10n, 0],
  ] as const) {
    const writer = new TableWriter({
      formatVersion: 4,
      checksumType: 1,
      baseContext: 0,
      comparator: comparatorNamed(),
      filter: false,
    });
    for (let i = 0; i < KEYS; i++) {
      const type = level === 1 && i % 2 === 1 ? VALUE_TYPE.delete : VALUE_TYPE.put;
      const key = Buffer.from(`key${String(i).padStart(6, '0')}`);
      writer.add(
        internalKey(key, BigInt(first + i + 1), type),
        Buffer.alloc(type === VALUE_TYPE.put ? 60 : 0, 'x'),
      );
    }
    const written = writer.finish(
      new PropertyList()
        .text('comparator', family.comparator)
        .text('compression', 'NoCompression')
        .number('column.family.id', 0)
        .text('column.family.name', 'default'),
    );
    const pieces = writer.take().map((piece) => (piece.from === 'bytes' ? piece.bytes : new Uint8Array(0)));
    writeFileSync(join(dir, `${String(number).padStart(6, '0')}.sst`), Buffer.concat(pieces));
    const { size, smallest, largest, smallestSequence, largestSequence } = written;
    family.tables.set(number, {
      ...{ columnFamily: 0, level, number, pathId: 0, size: BigInt(size), addedAt: 0 },
      ...{ smallest: smallest!, largest: largest!, smallestSequence, largestSequence },
      entry: { offset: 0, length: 0 },
    });
  }
  version.lastSequence = BigInt(2 * KEYS);
  const edits = snapshotEdits(version, { nextFileNumber: 20n });
  writeFileSync(join(dir, 'MANIFEST-000005'), encodeLogRecords(edits.map(encodeVersionEdit)));
  writeFileSync(join(dir, 'CURRENT'), 'MANIFEST-000005\n');
}

async function withManyGaps(body: (dir: string, gaps: number) => Promise<void>): Promise<void> {
  await withTemporaryDirectory(async (parent) => {
    const dir = join(parent, 'db');
    writeTables(dir);
    const file = join(dir, '000011.sst');
    const bytes = readFileSync(file);
    let gaps = 0;
    for (let at = 2000; at < bytes.length / 2; at += APART) {
      bytes.fill(0x5a, at, at + 16);
      gaps++;
    }
    writeFileSync(file, bytes);
    await body(dir, gaps);
  });
}

describe('a table with many damaged blocks over an older one', () => {
  it('is repaired with one walk over what lies below, and without moving what hides it', async () => {
    await withManyGaps(async (dir, gaps) => {
      expect(gaps).toBeGreaterThan(15);
      const database = await readDatabase(dir);
      const walks = vi.spyOn(View, 'open');
      let moved = 0;
      const { shift } = Array.prototype;
      Array.prototype.shift = function (this: unknown[]) {
        moved += this.length;
        return shift.call(this);
      };
      const plan = planTableRepair(database, { onLostTombstones: 'keep-hidden' });
      const { steps, remarks } = await plan.finally(() => {
        Array.prototype.shift = shift;
      });
      expect(steps.some(({ action }) => action === 'write')).toBe(true);
      const hidden = Number(/by (\d+) deletions and 0 range/.exec(remarks.join())?.[1]);
      expect(hidden).toBeGreaterThan(gaps * 40);
      // a walk for each gap, and an array that moves with each deletion, made this the square of both
      expect(walks.mock.calls.length).toBeLessThan(3);
      expect(moved).toBeLessThan(KEYS);
      walks.mockRestore();
    });
  });

  it('is given up at the signal, at once', async () => {
    await withManyGaps(async (dir) => {
      const controller = new AbortController();
      const seen: number[] = [];
      const pace = new Pace({
        signal: controller.signal,
        onProgress: ({ done, total }) => {
          seen.push(done / total);
          controller.abort();
        },
      });
      const database = await readDatabase(dir);
      const plan = planTableRepair(database, { onLostTombstones: 'keep-hidden', pace });
      await expect(plan).rejects.toBeInstanceOf(Interrupted);
      expect(seen).toHaveLength(1);
      expect(seen[0]).toBeGreaterThan(0);
      expect(seen[0]).toBeLessThan(0.5);
    });
  });
});
