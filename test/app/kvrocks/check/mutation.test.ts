import fc from 'fast-check';
import { expect, it } from 'vitest';
import { factsOfView } from '../../../../src/app/facts.js';
import { checkKvrocks } from '../../../../src/app/kvrocks/check/check.js';
import { kvrocksLayout } from '../../../../src/app/kvrocks/layout.js';
import type { BatchOpInput } from '../../../../src/encode/batch/encode.js';
import { type Database, readDatabase } from '../../../../src/engine/database.js';
import type { Finding } from '../../../../src/finding/finding.js';
import { openView } from '../../../../src/lsm/recovered-view.js';
import { databaseAfter } from '../../../../src/repair/preview.js';
import { rebuildingCommands } from '../../../../src/repair/rebuilding-commands.js';
import { Refusal } from '../../../../src/repair/refusal.js';
import { planApplicationRepair } from '../../../../src/repair/strategies/application.js';
import {
  bloom,
  FAMILY,
  hash,
  hyperLogLog,
  list,
  set,
  sortedIntegers,
  sortedSet,
  stream,
  streamConsumer,
  streamGroup,
  streamPending,
  withKvrocks,
} from '../../../support/kvrocks.js';

const sound: BatchOpInput[] = [
  ...hash('h', { a: '1', b: '2' }),
  ...set('s', ['x', 'y']),
  ...sortedSet('z', { one: 1, two: 2 }),
  ...sortedIntegers('i', [1n, 2n]),
  ...list('l', ['a', 'b', 'c']),
  ...hyperLogLog('p', { 0: 768 }),
  ...bloom('b', [32, 64]),
  ...stream('x', [5n, 6n], { groups: 1 }),
  streamGroup('x', 'g', 1, 1),
  streamConsumer('x', 'g', 'c', 1),
  streamPending('x', 'g', 5n, 'c'),
].filter(({ kind }) => kind === 'put');

/** One entry with bytes changed, cut, or in another column family; or without it. */
const mutation = fc.record({
  at: fc.nat(sound.length - 1),
  how: fc.constantFrom('key', 'value', 'family', 'delete', 'cut key', 'cut value'),
  byte: fc.nat(200),
  to: fc.nat(255),
});

function mutated({
  at,
  how,
  byte,
  to,
}: typeof mutation extends fc.Arbitrary<infer T> ? T : never): BatchOpInput[] {
  const op = sound[at];
  const value = op.value ?? new Uint8Array(0);
  const changed = (bytes: Uint8Array) => {
    const copy = Uint8Array.from(bytes);
    if (copy.length > 0) copy[byte % copy.length] = to;
    return copy;
  };
  const cut = (bytes: Uint8Array) => bytes.subarray(0, byte % (bytes.length + 1));
  switch (how) {
    case 'key':
      return [{ ...op, key: changed(op.key) }];
    case 'value':
      return [{ ...op, value: changed(value) }];
    case 'cut key':
      return [{ ...op, key: cut(op.key) }];
    case 'cut value':
      return [{ ...op, value: cut(value) }];
    case 'family':
      return [{ ...op, columnFamily: to % Object.keys(FAMILY).length }];
    default:
      return [{ kind: 'delete', columnFamily: op.columnFamily, key: op.key }];
  }
}

/** What is planned; nothing where keys are broken and none of them can be rebuilt. Any other refusal is a failure. */
async function planned(database: Database, options: { dropOrphans: boolean; bringBack: boolean }) {
  try {
    return await planApplicationRepair(database, options);
  } catch (error) {
    if (error instanceof Refusal && /^of the keys that break rules/.test(error.message)) return undefined;
    throw error;
  }
}

it('no entry makes the checks throw, and what is rebuilt keeps all rules', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(mutation, { maxLength: 4 }), fc.boolean(), async (mutations, dropOrphans) => {
      await withKvrocks([sound, ...mutations.map(mutated)], async (dir) => {
        const database = await readDatabase(dir);
        const { view } = await openView(database);
        const layout = (await kvrocksLayout(factsOfView(view!)))!;
        const findings: Finding[] = [];
        await checkKvrocks(view!, layout, (finding) => findings.push(finding));
        view!.close();
        const options = { dropOrphans, bringBack: dropOrphans };
        const plan = await planned(database, options);
        const { lines } = await rebuildingCommands(dir, { jobs: 1 });
        for await (const line of lines) expect(line).toMatch(/^[A-Z]+ .*\n$/);
        if (plan === undefined || plan.steps.length === 0) return;
        // once rebuilt there is nothing more to rebuild
        const again = await planned(await databaseAfter(database, plan), options);
        expect(again?.steps ?? []).toEqual([]);
      });
    }),
    { numRuns: 40 },
  );
});
