import { expect, test } from 'vitest';
import { leaseWindow, returnWindow, runTotals } from '../../../src/bytes/kernel.js';
import { checkTable } from '../../../src/check/sst/table.js';
import type { Depth } from '../../../src/check/unit.js';
import { PropertyList } from '../../../src/encode/sst/properties.js';
import { TableWriter } from '../../../src/encode/sst/table-writer.js';
import type { DialectName } from '../../../src/format/dialect.js';
import { CHECKSUM } from '../../../src/format/sst/checksum.js';
import { comparatorNamed } from '../../../src/format/sst/comparator.js';
import { internalKey, VALUE_TYPE } from '../../../src/format/sst/internal-key.js';
import { openTable } from '../../../src/format/sst/table.js';
import { openSource } from '../../../src/io/source.js';
import { Random } from '../../mutation/random.js';
import { fixBlock } from '../../support/checksum.js';
import { fixture, fixtureNames } from '../../support/files.js';

/*
 * Runs of blocks in WebAssembly find what block by block is found: the same findings, facts and sums, in tables as their engine wrote them and
 * in damaged ones, most of them with the right checksum around nonsense. Where another reader has the kernel's window there are no runs.
 */

const open = (bytes: Uint8Array) => openSource({ kind: 'memory', bytes });

interface Subject {
  name: string;
  bytes: Uint8Array;
  dialect: DialectName;
}

/** A table of LevelDB with a filter for each 2 KiB of it. */
function levelDbTable(compression: number): Subject {
  const writer = new TableWriter({
    ...{ formatVersion: 0, checksumType: CHECKSUM.crc32c, baseContext: 0, isLevelDb: true, filter: true },
    comparator: comparatorNamed(),
    compression,
  });
  for (let i = 0; i < 600; i++) {
    const key = Buffer.from(`key${String(i >> 1).padStart(5, '0')}`);
    const type = i % 10 === 1 ? VALUE_TYPE.delete : VALUE_TYPE.put;
    const value = type === VALUE_TYPE.delete ? '' : `value ${i} ${'x'.repeat(i % 90)}`;
    writer.add(internalKey(key, BigInt(2000 - i), type), Buffer.from(value));
  }
  writer.finish(new PropertyList());
  const pieces = writer.take().map((piece) => (piece.from === 'bytes' ? piece.bytes : new Uint8Array(0)));
  return { name: `LevelDB, type ${compression}`, bytes: Buffer.concat(pieces), dialect: 'leveldb' };
}

const shipped = fixtureNames().flatMap((name) =>
  [...fixture(name)]
    .filter(([file, bytes]) => /\.(sst|ldb)$/.test(file) && bytes.length > 200)
    .map(([file, bytes]) => {
      const dialect: DialectName = file.endsWith('.ldb') ? 'leveldb' : 'rocksdb';
      return { name: `${name}/${file}`, bytes: new Uint8Array(bytes), dialect };
    }),
);
const tables: Subject[] = [...shipped, levelDbTable(0), levelDbTable(1)];

async function checkBothWays(
  { name, dialect }: Subject,
  bytes: Uint8Array,
  depth: Depth,
): Promise<{ ran: boolean }> {
  const context = { dialect, file: name, number: 1n, depth, orphan: true };
  const results = [];
  let ran = false;
  for (const isAlone of [true, false]) {
    if (!isAlone) expect(leaseWindow()).toBeDefined();
    runTotals.fill(-1);
    results.push(await checkTable(await open(bytes), context));
    if (isAlone) ran = runTotals[0] > 0;
    else {
      expect(runTotals[0]).toBe(-1);
      returnWindow();
    }
  }
  expect([name, results[0]]).toEqual([name, results[1]]);
  return { ran };
}

interface Place {
  offset: number;
  size: number;
}

/** Blocks with a checksum of a table: data blocks, and what opening it reads. */
async function blocksOf({ bytes, dialect }: Subject): Promise<Place[]> {
  const { index, blocks, meta } = await openTable(await open(bytes), { dialect });
  const data = Array.from({ length: index?.count ?? 0 }, (_, i) => ({
    offset: index!.offset(i),
    size: index!.size(i),
  }));
  return [...data, ...data, ...blocks.map(({ handle }) => handle), ...meta.map(({ handle }) => handle)];
}

/** Those of which the kernel takes a run at full depth. */
const taken: Subject[] = [];

test('whole tables, at both depths', async () => {
  for (const table of tables) {
    await checkBothWays(table, table.bytes, 'checksums');
    if ((await checkBothWays(table, table.bytes, 'full')).ran) taken.push(table);
  }
  const names = taken.map(({ name }) => name);
  // the first block of a table is always looked at: a table of one block is not among them
  expect(names).toEqual(expect.arrayContaining(['LevelDB, type 0', 'LevelDB, type 1']));
  expect(names.length).toBeGreaterThan(20);
});

const ROUNDS = Number(process.env.KVDOCTOR_RUNS ?? 1500);

test('damaged tables', { timeout: 60_000 + 20 * ROUNDS }, async () => {
  const random = new Random(Number(process.env.KVDOCTOR_SEED ?? 1));
  const places = new Map<string, Place[]>();
  for (let round = 0; round < ROUNDS; round++) {
    const table = random.pick(taken);
    const { name, bytes } = table;
    if (!places.has(name)) places.set(name, await blocksOf(table));
    const damaged = bytes.slice();
    for (let count = 1 + random.below(2); count > 0; count--) {
      const { offset, size } = random.pick(places.get(name)!);
      if (size === 0) continue;
      const at = offset + random.below(size + (random.chance(0.1) ? 5 : 1));
      damaged[at] = random.chance(0.5) ? damaged[at] ^ (1 << random.below(8)) : random.below(256);
      if (random.chance(0.85)) await fixBlock(damaged, offset, size);
    }
    await checkBothWays(table, damaged, random.chance(0.8) ? 'full' : 'checksums');
  }
});
