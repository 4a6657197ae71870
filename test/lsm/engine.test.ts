import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EngineName, type EngineStep, engineAvailable, runEngine } from '../support/engine.js';
import { withTemporaryDirectory } from '../support/files.js';
import { pairs, viewOf } from './views.js';

/* Random histories written by real engines that are killed, and what the same engine then reads of them. */

const ROUNDS = 3;

function lives(engine: EngineName, seed: number): EngineStep[][] {
  const key = fc.integer({ min: 0, max: 60 }).map((n) => `key-${String(n).padStart(3, '0')}`);
  const operation = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({ type: fc.constant('put' as const), key, value: fc.string({ maxLength: 30 }) }),
    },
    fc.record({ type: fc.constant('del' as const), key }),
  );
  const step: fc.Arbitrary<EngineStep> = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        op: fc.constant('batch' as const),
        ops: fc.array(operation, { minLength: 1, maxLength: 40 }),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ op: 'fill' as const, from: 0, to: 400, size: 200, batch: 50 }) },
    // the binding of the newer engine cannot compact
    ...(engine === 'rocksdb-6.17' ? [{ weight: 2, arbitrary: fc.constant({ op: 'compact' as const }) }] : []),
  );
  // every life but the last ends in a kill: the next one recovers, and flushes what it finds
  return fc.sample(fc.array(step, { minLength: 2, maxLength: 8 }), { seed, numRuns: 3 });
}

describe.each(['rocksdb-6.17', 'rocksdb-9.7'] satisfies EngineName[])(
  'a database written by %s',
  (engine) => {
    it.skipIf(!engineAvailable(engine))('reads as the engine reads it', async () => {
      for (let seed = 1; seed <= ROUNDS; seed++) {
        await withTemporaryDirectory(async (dir) => {
          const options = { createIfMissing: true, writeBufferSize: 32 << 10 };
          let expected: unknown;
          for (const steps of lives(engine, seed)) {
            const script: EngineStep[] = [...steps, { op: 'iterate' }, { op: 'kill' }];
            const report = await runEngine(engine, dir, { options, steps: script });
            expect(report.error).toBeUndefined();
            expected = report.results.at(-1);
            expect((await pairs(await viewOf(dir), 0)).found).toEqual(expected);
          }
        });
      }
    });
  },
);
