import { unlessInterrupted } from '../io/interruption.js';
import { addTraffic } from '../io/objects/traffic.js';
import { runUnit } from './run-unit.js';
import { canUseThreads, takeThread } from './threads.js';
import type { UnitOutcome, WorkerReply, WorkUnit } from './unit.js';

/** Below this many bytes a worker's start (some 40 ms each) costs more than it gives: units run in this thread. */
const WORTH_A_WORKER = 24 << 20;

interface PoolOptions {
  /** Worker threads at most. 1 runs everything in this thread. */
  jobs: number;
  /** Bytes read since the last call. */
  onRead(bytes: number): void;
  /** Called for each unit as it ends, in no particular order. */
  onOutcome(outcome: UnitOutcome): void;
  /** No unit is handed out after this moment of `performance.now()`, and they go out in the order given. */
  until?: number;
  /** Stops handing out units; those under way are abandoned. */
  signal?: AbortSignal;
}

/** Heaviest first, so that the last unit to start is a small one and no worker waits long at the end. */
function heaviestFirst(units: readonly WorkUnit[]): WorkUnit[] {
  return [...units].sort((a, b) => b.weight - a.weight || a.id - b.id);
}

function isOver({ signal, until }: PoolOptions): boolean {
  return signal?.aborted === true || (until !== undefined && performance.now() > until);
}

/** Runs units in this thread until none is left. */
async function runInline(queue: WorkUnit[], options: PoolOptions): Promise<void> {
  while (!isOver(options)) {
    const unit = queue.shift();
    if (unit === undefined) return;
    const outcome = await unlessInterrupted(() => runUnit(unit, options.onRead), undefined);
    if (outcome === undefined) return;
    options.onOutcome(outcome);
  }
}

/** Runs units in a thread of its own. `ahead`: of how many units that are left one is handed out before the thread asks for it. */
function runInWorker(queue: WorkUnit[], options: PoolOptions, ahead: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = takeThread();
    let ended = false;
    let handedOut = 0;
    const end = (settle: () => void) => {
      if (ended) return;
      ended = true;
      options.signal?.removeEventListener('abort', stop);
      void worker.terminate().then(settle);
    };
    const stop = () => end(resolve);
    const handOut = () => {
      const unit = isOver(options) ? undefined : queue.shift();
      if (unit !== undefined) {
        handedOut++;
        worker.postMessage({ unit });
      } else if (handedOut === 0) end(resolve);
    };
    options.signal?.addEventListener('abort', stop, { once: true });
    worker.on('message', (message: WorkerReply) => {
      if ('progress' in message) return options.onRead(message.progress);
      addTraffic(message.traffic);
      options.onOutcome(message.outcome);
      handedOut--;
      if (handedOut === 0) handOut();
      if (handedOut === 1 && queue.length > ahead) handOut();
    });
    worker.on('error', (error) => end(() => reject(error)));
    worker.on('exit', (code) =>
      end(() => reject(new Error(`a worker thread ended early (exit code ${code})`))),
    );
    handOut();
  });
}

/**
 * Runs units, in this thread and in worker threads where that pays. Rejects only on a bug in a check or when a thread dies; damaged
 * and unreadable files are outcomes.
 */
export async function runUnits(units: readonly WorkUnit[], options: PoolOptions): Promise<void> {
  const queue = options.until === undefined ? heaviestFirst(units) : [...units];
  const total = units.reduce((sum, unit) => sum + unit.weight, 0);
  const threads = Math.min(options.jobs, units.length, Math.floor(total / WORTH_A_WORKER) + 1);
  const workers = canUseThreads ? threads - 1 : 0;
  // this thread answers between two pieces of its own work: a worker has its next unit before it asks, while many are left
  const ahead = options.until === undefined ? 2 * threads : Number.POSITIVE_INFINITY;
  const others = Array.from({ length: workers }, () => runInWorker(queue, options, ahead));
  try {
    await Promise.all([runInline(queue, options), ...others]);
  } finally {
    queue.length = 0;
  }
}
