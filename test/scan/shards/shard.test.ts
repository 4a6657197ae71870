import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PlannedUnit } from '../../../src/scan/plan.js';
import {
  parseShard,
  shardFromEnvironment,
  takesWhole,
  unitsOfShard,
} from '../../../src/scan/shards/shard.js';

const unitsOf = (weights: readonly number[]) =>
  weights.map((weight, id) => ({ id, weight })) as PlannedUnit[];
const shards = (count: number) => Array.from({ length: count }, (_, i) => ({ index: i + 1, count }));
const load = (units: readonly PlannedUnit[]) => units.reduce((sum, { weight }) => sum + weight, 0);

describe('shards', () => {
  it('every unit is in exactly one', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1e9)), fc.integer({ min: 1, max: 12 }), (weights, count) => {
        const units = unitsOf(weights);
        const ids = shards(count).flatMap((shard) => unitsOfShard(units, shard).map(({ id }) => id));
        expect(ids.sort((a, b) => a - b)).toEqual(units.map(({ id }) => id));
      }),
    );
  });

  it('differ by no more than the largest unit', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 1e6 }), { minLength: 1 }),
        fc.integer({ min: 1, max: 9 }),
        (weights, count) => {
          const loads = shards(count).map((shard) => load(unitsOfShard(unitsOf(weights), shard)));
          expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(Math.max(...weights));
        },
      ),
    );
  });

  it('a target that is not cut goes to exactly one', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 20 }), (path, count) => {
        expect(shards(count).filter((shard) => takesWhole(shard, path))).toHaveLength(1);
      }),
    );
  });

  it.each([
    ['1/4', { index: 1, count: 4 }],
    ['4/4', { index: 4, count: 4 }],
    ['0/4', undefined],
    ['5/4', undefined],
    ['1/0', undefined],
    ['a/b', undefined],
  ])('%s is %o', (text, shard) => expect(parseShard(text)).toEqual(shard));

  it.each([
    [
      { JOB_COMPLETION_INDEX: '0', JOB_COMPLETIONS: '3' },
      { index: 1, count: 3 },
    ],
    [
      { CI_NODE_INDEX: '3', CI_NODE_TOTAL: '3' },
      { index: 3, count: 3 },
    ],
    [
      { CIRCLE_NODE_INDEX: '0', CIRCLE_NODE_TOTAL: '2' },
      { index: 1, count: 2 },
    ],
    [
      { BUILDKITE_PARALLEL_JOB: '1', BUILDKITE_PARALLEL_JOB_COUNT: '2' },
      { index: 2, count: 2 },
    ],
    [
      { KVDOCTOR_SHARD_INDEX: '2', KVDOCTOR_SHARD_COUNT: '2', CI_NODE_INDEX: '1', CI_NODE_TOTAL: '9' },
      { index: 2, count: 2 },
    ],
    [
      { AWS_BATCH_JOB_ARRAY_INDEX: '9', AWS_BATCH_JOB_ARRAY_SIZE: '10' },
      { index: 10, count: 10 },
    ],
    [
      { SLURM_ARRAY_TASK_ID: '2', SLURM_ARRAY_TASK_COUNT: '4', SLURM_ARRAY_TASK_MIN: '2' },
      { index: 1, count: 4 },
    ],
    [
      {
        SLURM_ARRAY_TASK_ID: '9',
        SLURM_ARRAY_TASK_COUNT: '4',
        SLURM_ARRAY_TASK_MIN: '0',
        SLURM_ARRAY_TASK_STEP: '3',
      },
      { index: 4, count: 4 },
    ],
    [
      // of an array of numbers that do not follow each other nothing tells the place
      { SLURM_ARRAY_TASK_ID: '22', SLURM_ARRAY_TASK_COUNT: '3', SLURM_ARRAY_TASK_MIN: '1' },
      expect.stringContaining('do not make a shard'),
    ],
    [
      { NOMAD_ALLOC_INDEX: '0', KVDOCTOR_SHARD_COUNT: '2' },
      { index: 1, count: 2 },
    ],
    [{ NOMAD_ALLOC_INDEX: '0' }, 'NOMAD_ALLOC_INDEX (a Nomad job) is set and KVDOCTOR_SHARD_COUNT is not'],
    [
      { AWS_BATCH_JOB_ARRAY_INDEX: 'x', AWS_BATCH_JOB_ARRAY_SIZE: '10' },
      expect.stringContaining('do not make'),
    ],
    [{}, expect.stringContaining('none of')],
    [
      { JOB_COMPLETION_INDEX: '0' },
      'JOB_COMPLETION_INDEX (a Kubernetes indexed job) is set and JOB_COMPLETIONS is not',
    ],
    [{ CI_NODE_INDEX: '4', CI_NODE_TOTAL: '3' }, expect.stringContaining('do not make a shard')],
  ])('the environment %o says %o', (env, shard) => expect(shardFromEnvironment(env)).toEqual(shard));
});

describe('targets that go to one shard whole', () => {
  it('go to exactly one, and to all shards about as many, whatever their names have in common', () => {
    for (const count of [2, 8, 31, 64]) {
      const loads = new Array<number>(count).fill(0);
      for (let i = 0; i < 100 * count; i++)
        for (let index = 1; index <= count; index++)
          if (takesWhole({ index, count }, `s3://backups/db-${i}/latest`)) loads[index - 1]++;
      expect(loads.reduce((a, b) => a + b)).toBe(100 * count);
      expect(Math.min(...loads)).toBeGreaterThan(50);
      expect(Math.max(...loads)).toBeLessThan(160);
    }
  });
});
