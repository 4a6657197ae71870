import { expect, test } from 'vitest';
import { leaseWindow, returnWindow, runTotals } from '../../../src/bytes/kernel.js';
import { checkTable } from '../../../src/check/sst/table.js';
import type { Depth } from '../../../src/check/unit.js';
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

const tables = fixtureNames().flatMap((name) =>
  [...fixture(name)]
    .filter(([file, bytes]) => file.endsWith('.sst') && bytes.length > 200)
    .map(([file, bytes]) => ({ name: `${name}/${file}`, bytes: new Uint8Array(bytes) })),
);

async function checkBothWays(bytes: Uint8Array, name: string, depth: Depth): Promise<{ ran: boolean }> {
  const context = { dialect: 'rocksdb' as const, file: name, number: 1n, depth, orphan: true };
  const results = [];
  let ran = false;
  for (const isAlone of [true, false]) {
    if (!isAlone) expect(leaseWindow()).toBeDefined();
    runTotals[9] = -1;
    results.push(await checkTable(await open(bytes), context));
    if (isAlone) ran = runTotals[9] >= 0;
    else {
      expect(runTotals[9]).toBe(-1);
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
async function blocksOf(bytes: Uint8Array): Promise<Place[]> {
  const { index, blocks, meta } = await openTable(await open(bytes));
  const data = Array.from({ length: index?.count ?? 0 }, (_, i) => ({
    offset: index!.offset(i),
    size: index!.size(i),
  }));
  return [...data, ...data, ...blocks.map(({ handle }) => handle), ...meta.map(({ handle }) => handle)];
}

/** Those of which the kernel takes a run at full depth. */
const taken: typeof tables = [];

test('whole tables, at both depths', async () => {
  for (const table of tables) {
    await checkBothWays(table.bytes, table.name, 'checksums');
    if ((await checkBothWays(table.bytes, table.name, 'full')).ran) taken.push(table);
  }
  expect(taken.length).toBeGreaterThan(8);
});

const ROUNDS = Number(process.env.KVDOCTOR_RUNS ?? 1500);

test('damaged tables', { timeout: 60_000 + 20 * ROUNDS }, async () => {
  const random = new Random(Number(process.env.KVDOCTOR_SEED ?? 1));
  const places = new Map<string, Place[]>();
  for (let round = 0; round < ROUNDS; round++) {
    const { name, bytes } = random.pick(taken);
    if (!places.has(name)) places.set(name, await blocksOf(bytes));
    const damaged = bytes.slice();
    for (let count = 1 + random.below(2); count > 0; count--) {
      const { offset, size } = random.pick(places.get(name)!);
      if (size === 0) continue;
      const at = offset + random.below(size + (random.chance(0.1) ? 5 : 1));
      damaged[at] = random.chance(0.5) ? damaged[at] ^ (1 << random.below(8)) : random.below(256);
      if (random.chance(0.85)) await fixBlock(damaged, offset, size);
    }
    await checkBothWays(damaged, name, random.chance(0.8) ? 'full' : 'checksums');
  }
});
