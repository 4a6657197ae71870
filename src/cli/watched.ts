import { interruptible } from '../io/interruption.js';
import type { Host } from './host.js';
import { watchInterrupt } from './interrupt.js';
import { type ProgressBar, progressBar } from './progress-bar.js';

/** What work can show and hear of while it goes on. */
interface Watch {
  bar: ProgressBar;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
}

/** Runs `work` under a progress bar; Ctrl-C asks it to end with what is known. `shown`: whether there is a bar. */
export async function whileWatched<T>(
  host: Host,
  shown: boolean,
  work: (watch: Watch) => Promise<T>,
): Promise<T> {
  const interrupt = watchInterrupt(host);
  const release = interruptible(interrupt.signal);
  const bar = shown ? progressBar(host.stderr, host.env) : { update() {}, end() {} };
  interrupt.signal.addEventListener('abort', () => bar.end());
  try {
    return await work({ bar, signal: interrupt.signal });
  } finally {
    release();
    bar.end();
    interrupt.release();
  }
}
