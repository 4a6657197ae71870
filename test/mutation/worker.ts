import { parentPort, workerData } from 'node:worker_threads';
import { Mutator } from './harness.js';
import { allSubjects } from './subjects.js';

/** Runs mutations from, from + step, … below `to` and writes into `current` which one is under way. */
const { from, to, step, seed, only, current } = workerData as {
  from: number;
  to: number;
  step: number;
  seed: number;
  only: string;
  current: Int32Array;
};
const mutator = new Mutator(await allSubjects(new RegExp(only)), seed);
for (let index = from; index < to; index += step) {
  Atomics.store(current, 0, index);
  const failure = await mutator.run(index);
  if (failure) parentPort!.postMessage(failure);
}
parentPort!.postMessage({ noticed: mutator.noticed });
Atomics.store(current, 0, -1);
