import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
import path from 'node:path';

/** Access mode in the flags of /proc/PID/fdinfo/FD, octal: any but read only. */
const WRITES = 0o3;

/**
 * Processes that have a file of a directory open for writing. Linux only, and of other users' processes only
 * what this user may see: an answer that names nobody proves nothing.
 */
export async function processesWriting(directory: string): Promise<number[]> {
  const real = await realpath(directory).catch(() => path.resolve(directory));
  const names = await readdir('/proc').catch(() => []);
  const pids = names.filter((name) => /^\d+$/.test(name)).map(Number);
  const found: number[] = [];
  for (const pid of pids) if (await writes(pid, real)) found.push(pid);
  return found;
}

async function writes(pid: number, directory: string): Promise<boolean> {
  const fds = await readdir(`/proc/${pid}/fd`).catch(() => []);
  for (const fd of fds) {
    const file = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
    if (path.dirname(file) !== directory) continue;
    const info = await readFile(`/proc/${pid}/fdinfo/${fd}`, 'latin1').catch(() => '');
    const flags = /^flags:\s*([0-7]+)/m.exec(info)?.[1];
    if (flags !== undefined && (Number.parseInt(flags, 8) & WRITES) !== 0) return true;
  }
  return false;
}
