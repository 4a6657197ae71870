import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { performance } from 'node:perf_hooks';

export interface Run {
  seconds: number;
  /** Peak resident memory in bytes, as the kernel keeps it (VmHWM), 0 where there is no /proc. */
  peak: number;
  status: number | null;
}

/** Where a run is ended: seconds, and bytes of resident memory. */
export interface Bounds {
  seconds: number;
  bytes: number;
}

/** Runs a command with its output thrown away and watches its memory. One that passes its bounds is killed: its status is null. */
export function run(command: readonly string[], bounds?: Bounds): Promise<Run> {
  return new Promise((done, failed) => {
    const start = performance.now();
    const child = spawn(command[0], command.slice(1), { stdio: 'ignore' });
    let peak = 0;
    const watch = setInterval(() => {
      const seconds = (performance.now() - start) / 1000;
      if (bounds !== undefined && (seconds > bounds.seconds || peak > bounds.bytes)) child.kill('SIGKILL');
      try {
        const status = fs.readFileSync(`/proc/${child.pid}/status`, 'utf8');
        peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024);
      } catch {
        // It has just ended, or there is no /proc here.
      }
    }, 10);
    child.on('error', failed);
    child.on('exit', (status) => {
      clearInterval(watch);
      done({ seconds: (performance.now() - start) / 1000, peak, status });
    });
  });
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export interface Measured {
  /** Median of the rounds. */
  seconds: number;
  /** Highest of the rounds. */
  peak: number;
}

/**
 * Runs the commands one after the other, round by round, so that whatever else the machine does hits all of them alike.
 * A first round that is not counted warms everything up.
 */
export async function alternate(
  commands: Record<string, string[]>,
  rounds: number,
): Promise<Record<string, Measured>> {
  const runs = new Map<string, Run[]>(Object.keys(commands).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, command] of Object.entries(commands)) {
      const result = await run(command);
      if (result.status !== 0) throw new Error(`${command.join(' ')} ended with ${result.status}`);
      if (round > 0) runs.get(name)!.push(result);
    }
  }
  return Object.fromEntries(
    [...runs].map(([name, all]) => [
      name,
      { seconds: median(all.map((r) => r.seconds)), peak: Math.max(...all.map((r) => r.peak)) },
    ]),
  );
}
