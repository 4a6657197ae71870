import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { performance } from 'node:perf_hooks';

export interface Run {
  /** Wall clock: it says little on a machine that others use. */
  seconds: number;
  /** Processor time of all its threads, user and system, in seconds; 0 where there is no /proc. */
  processor: number;
  /** Peak resident memory in bytes, as the kernel keeps it (VmHWM), 0 where there is no /proc. */
  peak: number;
  status: number | null;
  /** The end of what it wrote to standard output and standard error. */
  said: string;
}

/** Where a run is ended: seconds of processor time, and bytes of resident memory. */
export interface Bounds {
  seconds: number;
  bytes: number;
}

/** Ticks of the processor times in /proc: the kernel gives them to programs at this rate on every architecture. */
const TICKS = 100;
/** Times the processor bound after which a command that does not work but waits is ended. */
const WAITING = 10;
/** What is kept of the output. */
const TAIL = 1 << 16;

/** What the kernel keeps of a process, or nothing where it has just ended or there is no /proc. */
function taken(pid: number | undefined): { peak: number; processor: number } | undefined {
  try {
    const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    // fields after the name, which may hold spaces: utime is the 14th of all, stime the 15th
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return {
      peak: Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024,
      processor: (Number(fields[11]) + Number(fields[12])) / TICKS,
    };
  } catch {
    return undefined;
  }
}

/** Runs a command and watches its memory and its processor time. One that passes its bounds is killed: its status is null. */
export function run(command: readonly string[], bounds?: Bounds): Promise<Run> {
  return new Promise((done, failed) => {
    const start = performance.now();
    const child = spawn(command[0], command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    const listen = (text: Buffer) => {
      said = (said + text.toString('latin1')).slice(-TAIL);
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    const most = { peak: 0, processor: 0 };
    const elapsed = () => (performance.now() - start) / 1000;
    const watch = setInterval(() => {
      const now = taken(child.pid);
      if (now !== undefined) {
        most.peak = Math.max(most.peak, now.peak);
        most.processor = Math.max(most.processor, now.processor);
      }
      if (bounds === undefined) return;
      const late = most.processor > bounds.seconds || elapsed() > bounds.seconds * WAITING;
      if (late || most.peak > bounds.bytes) child.kill('SIGKILL');
    }, 10);
    child.on('error', failed);
    child.on('close', (status) => {
      clearInterval(watch);
      done({ seconds: elapsed(), ...most, status, said });
    });
  });
}

/** Processor time of a command and all its threads, user and system, in seconds, whatever its exit status. */
function processorTime(command: readonly string[]): number {
  // bash's own clock counts milliseconds, /proc hundredths of a second
  const timed = ['-c', 'TIMEFORMAT="%U %S"; time "$@" >/dev/null 2>&1', 'bash', ...command];
  const { stderr, error } = spawnSync('bash', timed, { encoding: 'utf8' });
  if (error) throw error;
  const [user, system] = stderr.trim().split(' ').map(Number);
  return user + system;
}

/**
 * Medians of the processor time of commands that are run one after the other, round by round, in seconds. A first round that is
 * not counted warms everything up.
 */
export function processorTimes(commands: readonly (readonly string[])[], rounds: number): number[] {
  const times: number[][] = commands.map(() => []);
  for (let round = 0; round <= rounds; round++) {
    for (const [i, command] of commands.entries()) {
      const taken = processorTime(command);
      if (round > 0) times[i].push(taken);
    }
  }
  return times.map(median);
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
