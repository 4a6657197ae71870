import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { type Failure, HANG_SECONDS, Mutator } from './harness.js';
import { allSubjects } from './subjects.js';

/*
 * Damages all fixtures at random and watches how kvdoctor takes it: no exception, no hang, bounded memory, no finding
 * outside its file.
 *   npm run mutate -- [--count 100000] [--seed 1] [--from 0] [--jobs 1] [--only REGEX]
 * `--only` picks bases by their name: leveldb, pebble, titan
 */

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
    jobs: { type: 'string', default: '1' },
    only: { type: 'string', default: '.' },
  },
});

const MEMORY_LIMIT = 512 * 2 ** 20;
const from = Number(values.from);
const to = from + Number(values.count);
const jobs = Number(values.jobs);
const seed = Number(values.seed);

let failures = 0;
let noticed = 0;
let peak = 0;
let slowest = 0;

function report({ index, base, patches, problem }: Failure): void {
  failures++;
  console.log(
    `\n# mutation ${index} (npm run mutate -- --seed ${seed} --from ${index} --count 1)\nbase ${base}`,
  );
  for (const patch of patches) console.log(patch.length > 300 ? `${patch.slice(0, 300)}…` : patch);
  console.log(`# ${problem}`);
}

/** One worker's share; begins again after a mutation that had to be stopped. */
async function share(start: number): Promise<void> {
  for (let next: number | undefined = start; next !== undefined; ) next = await runFrom(next);
}

function runFrom(start: number): Promise<number | undefined> {
  const current = new Int32Array(new SharedArrayBuffer(4)).fill(start);
  const worker = new Worker(new URL('./worker.js', import.meta.url), {
    workerData: { from: start, to, step: jobs, seed, only: values.only, current },
  });
  return new Promise((done) => {
    let since = process.cpuUsage();
    let seen = start;
    // what other processes take of the machine is no hang of this one
    const spent = () => {
      const { user, system } = process.cpuUsage(since);
      return (user + system) / 1000 / jobs;
    };
    const stop = (problem: string) => {
      clearInterval(watch);
      const index = Atomics.load(current, 0);
      report({ index, base: '(repeat it to see)', patches: [], problem });
      void worker.terminate().then(() => done(index < 0 ? undefined : index + jobs));
    };
    const watch = setInterval(() => {
      const index = Atomics.load(current, 0);
      if (index !== seen) [seen, since] = [index, process.cpuUsage()];
      else if (index >= 0) slowest = Math.max(slowest, spent());
      const memory = process.memoryUsage.rss();
      peak = Math.max(peak, memory);
      if (index >= 0 && spent() > HANG_SECONDS * 1000) stop(`no end after ${HANG_SECONDS} s of a processor`);
      else if (memory > MEMORY_LIMIT) stop(`${Math.round(memory / 2 ** 20)} MiB of memory`);
    }, 20);
    worker.on('message', (message: Failure | { noticed: number }) => {
      if ('noticed' in message) noticed += message.noticed;
      else report(message);
    });
    worker.on('error', (error) => stop(`the worker died: ${error.stack}`));
    worker.on('exit', () => {
      clearInterval(watch);
      if (Atomics.load(current, 0) < 0) done(undefined);
    });
  });
}

const start = Date.now();
if (to - from === 1) {
  const mutator = new Mutator(await allSubjects(new RegExp(values.only)), seed);
  const failure = await mutator.run(from);
  noticed = mutator.noticed;
  if (failure) report(failure);
} else await Promise.all(Array.from({ length: jobs }, (_, job) => share(from + job)));
const seconds = (Date.now() - start) / 1000;
console.log(
  `${to - from} mutations in ${seconds.toFixed(0)} s: ${failures} failed, ${noticed} noticed; ` +
    `peak ${Math.round(peak / 2 ** 20)} MiB, slowest under ${Math.round(Math.max(slowest, 20) + 20)} ms of a processor`,
);
process.exitCode = failures > 0 ? 1 : 0;
