import { parentPort } from 'node:worker_threads';
import { trafficSoFar } from '../io/objects/traffic.js';
import { runUnit } from './run-unit.js';
import type { WorkerReply, WorkerRequest, WorkUnit } from './unit.js';

/** Bytes read between two progress messages. */
const PROGRESS_STEP = 8 << 20;

const port = parentPort;
if (port === null) throw new Error('scan/worker.js runs only as a worker thread');
const reply = (message: WorkerReply) => port.postMessage(message);

async function run(unit: WorkUnit): Promise<void> {
  let unreported = 0;
  const before = trafficSoFar();
  const outcome = await runUnit(unit, (bytes) => {
    unreported += bytes;
    if (unreported >= PROGRESS_STEP) {
      reply({ progress: unreported });
      unreported = 0;
    }
  });
  reply({ progress: unreported });
  const { requests, bytes } = trafficSoFar();
  reply({ outcome, traffic: { requests: requests - before.requests, bytes: bytes - before.bytes } });
}

// one after the other, whenever they come: a failure ends the thread
let running = Promise.resolve();
port.on('message', ({ unit }: WorkerRequest) => {
  running = running.then(() => run(unit));
});
