import { expect, test } from 'vitest';
import { type Failure, Mutator } from './harness.js';
import { allSubjects } from './subjects.js';

/** A taste of `npm run mutate`: always the same damage, so that a failure is the change under test. */
const COUNT = Number(process.env.MUTATIONS ?? 1500);
const seed = Number(process.env.MUTATION_SEED ?? 1);

test(`${COUNT} random mutations with seed ${seed}: no exception, no hang, no finding outside its file`, async () => {
  const mutator = new Mutator(await allSubjects(), seed);
  const failures: Failure[] = [];
  for (let index = 0; index < COUNT; index++) {
    const failure = await mutator.run(index);
    if (failure) failures.push(failure);
  }
  expect(failures).toEqual([]);
  expect(mutator.noticed).toBeGreaterThan(COUNT * 0.7);
}, 300_000);
