import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compressBlock } from '../../../src/codec/block.js';
import { decompressSnappy, snappyLength } from '../../../src/codec/snappy.js';
import { encodeBatch } from '../../../src/encode/batch/encode.js';
import { encodeLogRecords } from '../../../src/encode/log/writer.js';
import { encodeVersionEdit } from '../../../src/encode/manifest/edit.js';
import { snapshotEdits } from '../../../src/encode/manifest/snapshot.js';
import { PropertyList } from '../../../src/encode/sst/properties.js';
import { TableWriter } from '../../../src/encode/sst/table-writer.js';
import type { KeyBytes } from '../../../src/finding/evidence.js';
import { emptyVersion } from '../../../src/format/manifest/apply.js';
import { BlockReader } from '../../../src/format/sst/block.js';
import { comparatorNamed } from '../../../src/format/sst/comparator.js';
import { internalKey, MAX_SEQUENCE, VALUE_TYPE } from '../../../src/format/sst/internal-key.js';
import { openTable } from '../../../src/format/sst/table.js';
import { openSource } from '../../../src/io/source.js';
import type { RepairMethod } from '../../../src/repair/method.js';
import type { RepairPlan } from '../../../src/repair/plan.js';
import { repairTarget } from '../../../src/repair/run.js';
import { fixBlock } from '../../support/checksum.js';
import { engineAvailable, runEngine } from '../../support/engine.js';
import { withTemporaryDirectory } from '../../support/files.js';
import { visible } from '../../support/visible.js';

const keyOf = (i: number) => Buffer.from(`key${String(i).padStart(5, '0')}`);
const KEYS = 200;
const TABLE = '000007.ldb';
const OLDER = '000005.ldb';

/** Two tables: 200 keys in one, of which the older one has every second, and a deletion in the newer one for each tenth. */
function writeDatabase(dir: string, snappy = false): void {
  const version = emptyVersion();
  const family = version.columnFamilies.get(0)!;
  family.comparator = 'leveldb.BytewiseComparator';
  family.logNumber = 6n;
  mkdirSync(dir);
  for (const [level, number, first, step] of [
    [1, 7n, 500, 1],
    [2, 5n, 0, 2],
  ] as const) {
    const writer = new TableWriter({
      ...{ formatVersion: 0, checksumType: 1 as const, baseContext: 0, isLevelDb: true, filter: false },
      comparator: comparatorNamed(),
      compression: snappy ? 1 : 0,
    });
    for (let i = 0; i < KEYS; i += step) {
      const type = level === 1 && i % 10 === 0 ? VALUE_TYPE.delete : VALUE_TYPE.put;
      const value =
        type === VALUE_TYPE.delete ? '' : `${level === 1 ? 'new' : 'old'} ${i} ${'x'.repeat(100)}`;
      writer.add(internalKey(keyOf(i), BigInt(first + i + 1), type), Buffer.from(value));
    }
    const { size, smallest, largest } = writer.finish(new PropertyList());
    writeFileSync(
      join(dir, level === 1 ? TABLE : OLDER),
      Buffer.concat(writer.take().map((piece) => (piece.from === 'bytes' ? piece.bytes : new Uint8Array(0)))),
    );
    family.tables.set(number, {
      ...{ columnFamily: 0, level, number, pathId: 0, size: BigInt(size), addedAt: 0 },
      ...{ smallest: smallest!, largest: largest!, smallestSequence: 0n, largestSequence: MAX_SEQUENCE },
      entry: { offset: 0, length: 0 },
    });
  }
  version.lastSequence = 800n;
  const edits = snapshotEdits(version, { dialect: 'leveldb', nextFileNumber: 9n, trackWals: false });
  writeFileSync(join(dir, 'MANIFEST-000002'), encodeLogRecords(edits.map(encodeVersionEdit)));
  writeFileSync(join(dir, 'CURRENT'), 'MANIFEST-000002\n');
  writeFileSync(join(dir, '000006.log'), '');
}

interface Block {
  file: Buffer;
  offset: number;
  size: number;
  /** Offsets in the file of the entries. */
  entries: { offset: number; key: string }[];
}

/** Changes the third data block of the newer table; its checksum is put right afterwards unless `broken`. */
async function damage(dir: string, change: (block: Block) => void, { broken = false } = {}): Promise<void> {
  const name = join(dir, TABLE);
  const source = await openSource({ kind: 'file', path: name });
  const { index } = await openTable(source, { dialect: 'leveldb' });
  const [offset, size] = [index!.offset(2), index!.size(2)];
  await source.close();
  const file = readFileSync(name);
  const entries: Block['entries'] = [];
  if (file[offset + size] === 0) {
    const reader = new BlockReader(file.subarray(offset, offset + size));
    for (let entry = reader.next(); entry !== undefined; entry = reader.next())
      entries.push({ offset: offset + entry.offset, key: Buffer.from(entry.key.subarray(0, -8)).toString() });
  }
  change({ file, offset, size, entries });
  if (!broken) await fixBlock(file, offset, size);
  writeFileSync(name, file);
}

const repaired = (dir: string, way: RepairMethod = { strategy: 'auto' }) =>
  repairTarget(
    dir,
    { way, destination: { kind: 'in-place' }, stopped: true, jobs: 1, tool: 'test' },
    { confirm: async () => true },
  );

async function withTables<T>(body: (dir: string, whole: Map<string, string>) => Promise<T>, snappy = false) {
  return withTemporaryDirectory(async (parent) => {
    const dir = join(parent, 'db');
    writeDatabase(dir, snappy);
    return body(dir, await visible(dir));
  });
}

/** How many entries are as they were, show an older value, are back although they were deleted; others there must not be. */
function held(after: Map<string, string>, whole: Map<string, string>) {
  const found = { kept: 0, older: 0, back: 0 };
  for (const [key, value] of after) {
    const i = Number(key.slice(-5));
    expect([`new ${i} ${'x'.repeat(100)}`, `old ${i} ${'x'.repeat(100)}`]).toContain(value);
    if (whole.get(key) === value) found.kept++;
    else if (whole.has(key)) found.older++;
    else found.back++;
  }
  return found;
}

async function expectClean(dir: string, entries: number): Promise<void> {
  if (!engineAvailable('leveldb')) return;
  const { results } = await runEngine('leveldb', dir, {
    options: { createIfMissing: false },
    steps: [{ op: 'iterate' }],
  });
  expect(results[0]).toHaveLength(entries);
}

describe('a damaged block of a LevelDB table', () => {
  it.each<[string, (block: Block) => void, number]>([
    [
      'a restart point that is wrong',
      ({ file, offset, size }) => file.writeUInt32LE(3, offset + size - 8),
      0,
    ],
    [
      'a number of restart points that is wrong',
      ({ file, offset, size }) => file.writeUInt32LE(0xffffff, offset + size - 4),
      0,
    ],
    ['a key out of order', ({ file, entries }) => void (file[entries[0].offset + 3] = 0), 16],
    ['an entry of no type', ({ file, entries }) => void (file[entries[1].offset + 3 + 1] = 5), 1],
    ['a key that shares too much', ({ file, entries }) => void (file[entries[20].offset] = 0x7f), 12],
    [
      'a value that is too long',
      ({ file, entries }) => void file.writeUInt16LE(0x81ff, entries[20].offset + 2),
      12,
    ],
  ])('gives what is left of it: %s', async (_, change, lost) => {
    await withTables(async (dir, whole) => {
      await damage(dir, change);
      const { repair, findings, plan } = await repaired(dir);
      expect(repair?.state).toBe('repaired');
      expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
      const after = await visible(dir);
      const { kept } = held(after, whole);
      expect(whole.size - kept).toBeLessThanOrEqual(lost);
      expect(lost === 0 || plan!.loss.length > 0).toBe(true);
      expect(plan!.unproven).toBeUndefined();
      await expectClean(dir, after.size);
    });
  });

  it.each<[string, (block: Block) => void]>([
    ['a type that is another', ({ file, offset, size }) => void (file[offset + size] = 0)],
    ['a type that there is not', ({ file, offset, size }) => void (file[offset + size] = 7)],
    ['a length of Snappy that is wrong', ({ file, offset }) => void (file[offset] ^= 0x21)],
  ])('is read as it was written: %s', async (_, change) => {
    await withTables(async (dir, whole) => {
      await damage(dir, change);
      expect((await repaired(dir)).repair?.state).toBe('repaired');
      expect(await visible(dir)).toEqual(whole);
    }, true);
  });

  it('keeps what stands clear of a zeroed sector, and says that nothing proves it', async () => {
    await withTables(async (dir, whole) => {
      await damage(
        dir,
        ({ file, offset }) => file.fill(0, (offset + 2047) & ~511, ((offset + 2047) & ~511) + 512),
        {
          broken: true,
        },
      );
      const { plan } = await repaired(dir);
      const { kept, older, back } = held(await visible(dir), whole);
      expect(kept).toBeGreaterThan(whole.size - 16);
      expect(kept).toBeLessThan(whole.size);
      expect(plan!.unproven).toHaveLength(1);
      expect(older + back).toBeGreaterThan(0);
    });
  });

  it('keeps nothing of a block whose damage shows no place', async () => {
    await withTables(async (dir, whole) => {
      await damage(dir, ({ file, entries }) => file.write('other bytes', entries[9].offset + 40), {
        broken: true,
      });
      const { plan } = await repaired(dir);
      expect(plan!.unproven).toBeUndefined();
      expect(held(await visible(dir), whole).kept).toBeLessThan(whole.size - 20);
    });
  });

  const zeros = ({ file, offset, size }: Block) => file.fill(0, offset, offset + size);

  it('shows older values in the place of what is lost, and says of how many keys at most', async () => {
    await withTables(async (dir, whole) => {
      await damage(dir, zeros, { broken: true });
      const { plan } = await repaired(dir);
      const { older, back } = held(await visible(dir), whole);
      expect(older).toBeGreaterThan(10);
      const [said] = plan!.loss.filter(({ facts }) => facts.keysThatMayComeBack !== undefined);
      expect(said.facts.keysThatMayComeBack).toBeGreaterThanOrEqual(older + back);
    });
  });

  it('hides them where that is asked for', async () => {
    await withTables(async (dir, whole) => {
      await damage(dir, zeros, { broken: true });
      await repaired(dir, { strategy: 'auto', onLostTombstones: 'keep-hidden' });
      expect(held(await visible(dir), whole)).toMatchObject({ older: 0, back: 0 });
    });
  });

  it('takes what it lost from the WAL that it was flushed from', async () => {
    await withTables(async (dir, whole) => {
      const batches = Array.from({ length: KEYS }, (_, i) =>
        encodeBatch(
          {
            sequence: BigInt(501 + i),
            ops: [
              i % 10 === 0
                ? { kind: 'delete', columnFamily: 0, key: keyOf(i) }
                : {
                    kind: 'put',
                    columnFamily: 0,
                    key: keyOf(i),
                    value: Buffer.from(`new ${i} ${'x'.repeat(100)}`),
                  },
            ],
          },
          'leveldb',
        ),
      );
      writeFileSync(join(dir, '000004.log'), encodeLogRecords(batches));
      await damage(dir, zeros, { broken: true });
      const { plan } = await repaired(dir);
      expect(await visible(dir)).toEqual(whole);
      expect(plan!.loss).toEqual([]);
      expect(plan!.remarks.join()).toContain('taken from 000004.log');
    });
  });
});

describe('the length of a Snappy block', () => {
  it('is that of its elements', () => {
    for (const text of [
      '',
      'a',
      'abcd'.repeat(5000),
      Buffer.alloc(70_000, 'q').toString(),
      String(Math.PI).repeat(40),
    ]) {
      const bytes = Buffer.from(text);
      const packed = compressBlock(1, bytes)!;
      expect(Buffer.from(snappyLength(packed, 1 << 20)!)).toEqual(Buffer.from(packed));
      expect(Buffer.from(decompressSnappy(packed, 1 << 20).bytes!)).toEqual(bytes);
    }
  });

  it('is not known where they do not end with the block', () => {
    const packed = compressBlock(1, Buffer.from('abcd'.repeat(100)))!;
    expect(snappyLength(packed.subarray(0, -1), 1 << 20)).toBeUndefined();
    expect(snappyLength(new Uint8Array(0), 1 << 20)).toBeUndefined();
  });
});

/** Keys of which a plan says that they are lost, or may show an older value. */
function isAnnounced({ loss }: Pick<RepairPlan, 'loss'>, key: string): boolean {
  return loss.some(({ facts }) =>
    ((facts.keyRanges ?? []) as Record<'from' | 'to', KeyBytes>[]).some(
      ({ from, to }) =>
        Buffer.from(from.base64, 'base64').toString() <= key &&
        key <= Buffer.from(to.base64, 'base64').toString(),
    ),
  );
}

describe('a table that no edit names any more', () => {
  const MANIFESTS: [string, (dir: string) => void][] = [
    ['an empty MANIFEST', (dir) => truncateSync(join(dir, 'MANIFEST-000002'), 0)],
    ['a MANIFEST of zeros', (dir) => writeFileSync(join(dir, 'MANIFEST-000002'), Buffer.alloc(200))],
    ['no MANIFEST', (dir) => rmSync(join(dir, 'MANIFEST-000002'))],
  ];
  const TABLES: [string, (dir: string) => Promise<void>][] = [
    [
      'a block of zeros',
      (dir) => damage(dir, (at) => at.file.fill(0, at.offset, at.offset + at.size), { broken: true }),
    ],
    ['no footer', async (dir) => truncateSync(join(dir, TABLE), readFileSync(join(dir, TABLE)).length - 60)],
    ['one half', async (dir) => truncateSync(join(dir, TABLE), 12_000)],
    [
      'no first block',
      async (dir) => writeFileSync(join(dir, TABLE), readFileSync(join(dir, TABLE)).fill(0, 0, 900)),
    ],
  ];

  it.each(MANIFESTS.flatMap(([what, lose]) => TABLES.map(([and, hurt]) => ({ what, lose, and, hurt }))))(
    'is taken over with what is left of it: $what and $and',
    async ({ lose, hurt }) => {
      await withTables(async (dir, whole) => {
        await hurt(dir);
        lose(dir);
        const { repair, findings, plan } = await repaired(dir);
        expect(repair?.state).toBe('repaired');
        expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
        const after = await visible(dir);
        expect(held(after, whole).kept).toBeGreaterThan(60);
        const changed = [...whole, ...after].filter(([key]) => whole.get(key) !== after.get(key));
        for (const [key] of changed) expect(isAnnounced(plan!, key.replace('default/', '')), key).toBe(true);
        await expectClean(dir, after.size);
      });
    },
  );

  it('is left alone where its order is not known', async () => {
    await withTables(async (dir) => {
      await damage(dir, ({ file, entries }) => void (file[entries[0].offset + 3] = 0));
      truncateSync(join(dir, 'MANIFEST-000002'), 0);
      const { repair } = await repaired(dir);
      expect(repair?.reason).toMatch(/not in bytewise order/);
    });
  });
});
