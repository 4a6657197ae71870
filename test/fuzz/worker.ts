import { parentPort, workerData } from 'node:worker_threads';
import { Fuzzer } from './fuzzer.js';
import type { FromWorker, ToWorker } from './messages.js';

const { seed, only, from, current, stop } = workerData as ToWorker;
const tell = (message: FromWorker) => parentPort!.postMessage(message);
const fuzzer = await Fuzzer.make({
  seed,
  ...(only !== undefined && { only: new RegExp(only) }),
  about: (running) => {
    Atomics.add(current, 0, 1);
    tell({ running });
  },
});
let index = from;
for (; Atomics.load(stop, 0) === 0; index++) {
  for (const failure of await fuzzer.step(index)) tell({ failure });
  tell({ step: index, runs: fuzzer.runs, blocks: fuzzer.coverage.blocks });
}
fuzzer.coverage.stop();
