import { getHeapStatistics, setFlagsFromString } from 'node:v8';

/** Heap in use from which memory comes before speed. Bytes. */
const LARGE = 64 << 20;
/** How often is looked. Milliseconds. */
const INTERVAL = 50;

/**
 * Lets garbage grow to a fifth of what lives, and not to as much and more, once the heap is large. In a small one the collector would
 * then run so often that a fifth of all processor time goes there.
 */
export function boundGarbage(): void {
  if (process.versions.bun !== undefined) return;
  const timer = setInterval(() => {
    if (getHeapStatistics().used_heap_size < LARGE) return;
    setFlagsFromString('--heap-growing-percent=20');
    clearInterval(timer);
  }, INTERVAL);
  timer.unref();
}
