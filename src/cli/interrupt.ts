import { ExitStatus } from './exit-status.js';
import type { Host } from './host.js';
import { say } from './say.js';

/** Ctrl-C while a command works. */
interface Interrupt {
  /** Aborted by the first Ctrl-C: the command ends with what is known by then. */
  readonly signal: AbortSignal;
  /** Ctrl-C ends the process again. */
  release(): void;
}

/** What is said at the first Ctrl-C. */
const ENDING = 'ending with what is known so far; Ctrl-C again to stop at once';

/**
 * Watches for Ctrl-C (or SIGTERM): the first asks the command to end cleanly, the second ends the process. `ending`: what the first is
 * answered with.
 */
export function watchInterrupt(host: Host, ending = () => ENDING): Interrupt {
  const controller = new AbortController();
  const release = host.onInterrupt(() => {
    if (controller.signal.aborted) return host.kill(ExitStatus.interrupted);
    // what a command draws is taken away first
    controller.abort();
    say(host, '', `kvdoctor: ${ending()}`);
  });
  return { signal: controller.signal, release };
}

/** How long what is under way may take to end by itself after Ctrl-C, in milliseconds. */
const GRACE = 700;

/**
 * Ends the process soon after the first Ctrl-C, wherever it is by then, and says in which state it leaves things. `state` returns
 * `undefined` while the command ends itself.
 */
export function endSoon(host: Host, signal: AbortSignal, state: () => string | undefined): void {
  signal.addEventListener('abort', () => {
    setTimeout(() => {
      const left = state();
      if (left === undefined) return;
      if (left !== '') say(host, `kvdoctor: ${left}`);
      host.kill(ExitStatus.interrupted);
    }, GRACE).unref();
  });
}
