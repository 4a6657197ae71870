import { Worker } from 'node:worker_threads';

/** The file that a worker thread runs. In the sources it is TypeScript, which a plain worker cannot load. */
const workerFile = new URL('./worker.js', import.meta.url);

/** True when this module runs as JavaScript beside a built worker. */
export const canUseThreads = import.meta.url.endsWith('.js');

/** Started and not yet taken. They keep no process alive. */
const waiting: Worker[] = [];

/**
 * Starts threads ahead of the work, so that they load their code while the plan is made. `takeThread` hands them out; those
 * that are not taken end with the process.
 */
export function startThreads(count: number): void {
  if (!canUseThreads) return;
  for (let i = waiting.length; i < count; i++) {
    const worker = new Worker(workerFile);
    // one that cannot start is not handed out: the thread that is started in its place says why
    const forget = () => {
      const at = waiting.indexOf(worker);
      if (at >= 0) waiting.splice(at, 1);
    };
    worker.once('error', forget).once('exit', forget).unref();
    waiting.push(worker);
  }
}

/** A thread that runs scan/worker.ts. It is the caller's to end. */
export function takeThread(): Worker {
  const worker = waiting.pop() ?? new Worker(workerFile);
  worker.ref();
  return worker;
}
