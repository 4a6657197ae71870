import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { caseText, type FuzzCase, keepCase } from './case.js';
import { PROCESSOR_SECONDS } from './exercise.js';
import type { FromWorker, ToWorker } from './messages.js';

/*
 * Runs every command over damaged fixtures until so many minutes of a processor are used, and writes down what fails:
 *   npm run fuzz -- [--minutes 10] [--steps N] [--seed 1] [--from 0] [--only REGEX]
 * --only names bases (`basic-7.8`), their kinds (`journal`) or commands (`repair`).
 */

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    steps: { type: 'string' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
    only: { type: 'string' },
  },
});

const MEMORY_LIMIT = 512 * 2 ** 20;
const seed = Number(values.seed);
/** By processor time: the same on a machine that does other things as well. */
const isOver = () => processorSeconds() > Number(values.minutes) * 60;
const last =
  values.steps === undefined ? Number.POSITIVE_INFINITY : Number(values.from) + Number(values.steps);

function processorSeconds(since?: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
}

let failures = 0;
let runs = 0;
let steps = 0;
let blocks = 0;
let peak = 0;

function report(failure: FuzzCase): void {
  failures++;
  const text = caseText(failure);
  console.log(`\n${text.length > 3000 ? `${text.slice(0, 3000)}…` : text}kept as ${keepCase(failure)}`);
}

/** Runs a worker until the end, or until a command had to be stopped: then the number of the step after it. */
function runFrom(from: number): Promise<number | undefined> {
  const [current, stop] = [
    new Int32Array(new SharedArrayBuffer(4)),
    new Int32Array(new SharedArrayBuffer(4)),
  ];
  const data: ToWorker = {
    seed,
    from,
    current,
    stop,
    ...(values.only !== undefined && { only: values.only }),
  };
  const worker = new Worker(new URL('./worker.js', import.meta.url), {
    workerData: data,
    resourceLimits: { maxOldGenerationSizeMb: 256 },
  });
  return new Promise((done) => {
    let step = from - 1;
    let before = 0;
    let running: FuzzCase | undefined;
    let seen = 0;
    let since = process.cpuUsage();
    const abandon = (about: string) => {
      clearInterval(watch);
      if (running === undefined) throw new Error(about);
      report({ ...running, about });
      void worker.terminate().then(() => done(step + 2));
    };
    const watch = setInterval(() => {
      if (isOver() || step + 1 >= last) Atomics.store(stop, 0, 1);
      const now = Atomics.load(current, 0);
      if (now !== seen) [seen, since] = [now, process.cpuUsage()];
      const memory = process.memoryUsage.rss();
      peak = Math.max(peak, memory);
      if (seen > 0 && processorSeconds(since) > 4 * PROCESSOR_SECONDS)
        abandon(`no end after ${4 * PROCESSOR_SECONDS} s of a processor`);
      else if (memory > MEMORY_LIMIT) abandon(`${Math.round(memory / 2 ** 20)} MiB of memory`);
    }, 20);
    worker.on('message', (message: FromWorker) => {
      if ('running' in message) running = message.running;
      else if ('failure' in message) report(message.failure);
      else {
        step = message.step;
        steps++;
        runs += message.runs - before;
        before = message.runs;
        blocks = Math.max(blocks, message.blocks);
      }
    });
    worker.on('error', (error) => abandon(`the thread died: ${error.stack}`));
    worker.on('exit', () => {
      clearInterval(watch);
      done(undefined);
    });
  });
}

for (let next: number | undefined = Number(values.from); next !== undefined && !isOver() && next < last; )
  next = await runFrom(next);
console.log(
  `seed ${seed}: ${runs} commands over ${steps} damaged directories in ${Math.round(processorSeconds())} s of a processor, ` +
    `${blocks} blocks of code seen: ${failures} failed; peak ${Math.round(peak / 2 ** 20)} MiB`,
);
process.exitCode = failures > 0 ? 1 : 0;
