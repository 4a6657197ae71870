import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { detectProfile } from '../../../src/app/applications.js';
import { databaseFacts } from '../../../src/app/facts.js';
import { readDatabase } from '../../../src/engine/database.js';
import { scanTarget } from '../../../src/scan/scan.js';
import { readFileSet, withTemporaryDirectory, writeFileSet } from '../../support/files.js';
import { inRepository } from '../../support/repository.js';
import * as tikv from '../../support/tikv.js';

const store = inRepository('fixtures', 'tikv', 'db');
const facts = databaseFacts(await readDatabase(store));
const profile = (await detectProfile(facts))!;
facts.close();

const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const bytes = fc.uint8Array({ maxLength: 60 });
const key = fc.oneof(
  bytes,
  fc
    .tuple(fc.constantFrom('z', 'zt', '\x01', '\x01\x02', '\x01\x03'), bytes)
    .map(([prefix, rest]) => Buffer.concat([Buffer.from(prefix), rest])),
  fc.tuple(u64, u64, u64).map(([table, row, at]) => tikv.dataKey(tikv.rowKey(table, row), at)),
  u64.map(tikv.applyStateKey),
  u64.map(tikv.regionStateKey),
);
const kind = fc.constantFrom('put', 'delete', 'range-delete', 'merge', 'log-data', 'noop');

describe('whatever keys, values and batches are', () => {
  it('the profile has words or none', () => {
    fc.assert(
      fc.property(fc.nat(9), key, key, bytes, (family, a, b, value) => {
        profile.keyText(family, a);
        profile.valueText(family, a, value);
        const lines = profile.rangeText!(family, a, b);
        expect(lines.length).toBeLessThan(20);
        expect(lines.every((line) => line.length < 10_000)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('and so has it for batches', () => {
    const op = fc.tuple(kind, fc.nat(5), key, bytes).map(([each, columnFamily, at, value]) => ({
      tag: 0,
      kind: each as 'put',
      columnFamily,
      key: at,
      value,
      counted: each !== ('log-data' as string) && each !== ('noop' as string),
      offset: 0,
      length: 0,
    }));
    fc.assert(
      fc.property(fc.array(op, { maxLength: 20 }), (ops) => {
        const words = profile.batchWords(ops);
        expect(words?.lines.length).toBe(words?.data.length);
      }),
    );
  });
});

describe('a store that is damaged anywhere', () => {
  const files = readFileSet(store);
  const names = [...files.keys()].filter((name) => /sst|log|MANIFEST/.test(name));

  it('is scanned to the end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom(...names), fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        async (changes) => {
          const damaged = new Map([...files].map(([name, content]) => [name, Uint8Array.from(content)]));
          for (const [name, at, value] of changes) {
            const content = damaged.get(name)!;
            if (content.length > 0) content[at % content.length] = value;
          }
          await withTemporaryDirectory(async (dir) => {
            writeFileSet(damaged, dir);
            await scanTarget(dir, { application: true });
          });
        },
      ),
      { numRuns: 40 },
    );
  });
});
