import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, readDatabase } from '../../src/engine/database.js';
import { exportEntries } from '../../src/export/entries.js';
import { Fnv1a64 } from '../../src/lsm/fnv1a64.js';
import { scanTarget } from '../../src/scan/scan.js';
import { simulateDatabase } from '../../src/scan/simulate-database.js';
import { type Collected, kindOf, tree } from '../inspect/collect.js';
import { inRepository } from '../support/repository.js';

/*
 * Healthy databases of every major release of RocksDB since 3.13, each left by a killed process, beside what the engine itself saw
 * in it (fixtures/engines, make.mjs). Whatever fails here is a healthy database that would be called damaged, or one that would be
 * shown otherwise than its engine does.
 */

interface Seen {
  entries: number;
  fnv1a64: string;
}

const folder = inRepository('fixtures/engines');
const engines: Record<string, Record<string, Seen>> = JSON.parse(
  fs.readFileSync(path.join(folder, 'engines.json'), 'utf8'),
);

/** Where no file names the merge operator, operands stay operands, and only the count can be right. */
function withoutMerged(seen: Record<string, Seen>, unmerged: ReadonlySet<string>) {
  return Object.fromEntries(
    Object.entries(seen).map(([family, { entries, fnv1a64 }]) => [
      family,
      unmerged.has(family) ? { entries } : { entries, fnv1a64 },
    ]),
  );
}

async function exported(database: Database) {
  const families = new Map<string, { entries: number; hash: Fnv1a64 }>();
  const unmerged = new Set<string>();
  let name = '';
  const summary = await exportEntries(database, {
    async family(family) {
      name = family.name;
      families.set(name, { entries: 0, hash: new Fnv1a64() });
    },
    entry(entry) {
      const family = families.get(name)!;
      family.entries++;
      family.hash.update(entry.key);
      family.hash.updateByte(0);
      family.hash.update(entry.value);
      family.hash.updateByte(1);
      if (entry.unmerged !== undefined) unmerged.add(name);
    },
    async flush() {},
  });
  const seen = Object.fromEntries(
    [...families].map(([family, { entries, hash }]) => [family, { entries, fnv1a64: hash.hex() }]),
  );
  return { seen, unmerged, summary };
}

function everyNode(node: Collected): Collected[] {
  return [node, ...node.children.flatMap(everyNode)];
}

describe.each(Object.entries(engines))('%s', (name, seen) => {
  let parent = '';
  let dir = '';

  // nothing here writes into a database
  beforeAll(() => {
    parent = fs.mkdtempSync(path.join(os.tmpdir(), 'kvdoctor-test-'));
    dir = path.join(parent, name);
    execFileSync('tar', ['-xzf', path.join(folder, `${name}.tar.gz`), '-C', parent]);
  });
  afterAll(() => fs.rmSync(parent, { recursive: true, force: true }));

  it('is clean', async () => {
    const { findings, unchecked, engine } = await scanTarget(dir, { jobs: 1 });
    expect(findings.filter(({ severity }) => severity !== 'note')).toEqual([]);
    expect(unchecked).toEqual([]);
    expect(engine.version).toBe(name.split('-')[0]);
  });

  it('opens, loses nothing, and shows what the engine saw', async () => {
    const database = await readDatabase(dir);
    const modes = await simulateDatabase(database, { digest: true });
    const own = modes.find((mode) => mode.own)!;
    expect(own).toMatchObject({ opens: true, harmless: true });
    const digests = Object.fromEntries(own.columnFamilies!.map((family) => [family.name, family]));
    const unmerged = new Set(
      Object.values(digests).flatMap((each) => (each.unmerged === undefined ? [] : [each.name])),
    );
    if (database.optionsFile !== undefined) expect([...unmerged]).toEqual([]);
    expect(Object.keys(digests).sort()).toEqual(Object.keys(seen).sort());
    expect(digests).toMatchObject(withoutMerged(seen, unmerged));
  });

  it('is exported as the engine saw it', async () => {
    const found = await exported(await readDatabase(dir));
    expect(found.summary.withoutWals).toBeUndefined();
    expect(found.summary.problems).toEqual([]);
    expect(withoutMerged(found.seen, found.unmerged)).toEqual(withoutMerged(seen, found.unmerged));
  });

  it('is inspected without a complaint', async () => {
    for (const file of fs.readdirSync(dir)) {
      if (kindOf(file) === undefined) continue;
      const bytes = fs.readFileSync(path.join(dir, file));
      const root = await tree(file, bytes, { records: true, entries: true, limit: 30 });
      const nodes = everyNode(root);
      // what an older log left behind in a recycled file is none of its records
      const told = name.includes('recycled') && file.endsWith('.log') ? [] : nodes;
      expect(told.flatMap(({ problems }) => problems)).toEqual([]);
      expect(nodes.filter(({ unsupported }) => unsupported !== undefined)).toEqual([]);
    }
  });
});
