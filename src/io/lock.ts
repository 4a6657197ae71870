/**
 * Who has a database open. RocksDB, LevelDB and Pebble take a POSIX write lock (fcntl F_SETLK) on all of LOCK; the file's
 * existence means nothing, and flock(1) asks for another kind of lock and succeeds on a live database.
 *
 * LOCK is never opened in this process: closing any descriptor of a file drops every POSIX lock that the process holds on
 * it, and this process may be a server that has the database open and uses the library. Hence stat, /proc, and children.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';

interface LockState {
  /** `unknown`: nothing at hand could tell. `free` is only said by a test that would have failed on a held lock. */
  state: 'held' | 'free' | 'no-lock-file' | 'unknown';
  /** Owners that are visible from here; none where they are on another host or in another pid namespace. */
  pids: number[];
  /** What told, or why nothing did, for a person. */
  how: string;
}

interface FileIdentity {
  dev: bigint;
  ino: bigint;
}

export interface ProbeOptions {
  /** Start no other program where /proc/locks is there to be read: for readers, to whom an owner is worth knowing only. */
  quick?: boolean;
  /** Ask for flock(2) as well, which goleveldb takes. Only /proc/locks tells of it. */
  flock?: boolean;
}

/** Finds out who holds the database's lock, without taking it. */
export async function probeLock(
  directory: string,
  { quick = false, flock = false }: ProbeOptions = {},
): Promise<LockState> {
  const file = path.join(directory, 'LOCK');
  let identity: FileIdentity;
  try {
    identity = await stat(file, { bigint: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT'
      ? { state: 'no-lock-file', pids: [], how: 'there is no LOCK file' }
      : { state: 'unknown', pids: [], how: `LOCK cannot be examined (${code})` };
  }
  const seen = await holdersInProc(identity, flock);
  if (seen.length > 0) return { state: 'held', pids: seen, how: '/proc/locks names the owner' };
  if (quick && (await hasProcLocks())) return unknown;
  return (await probeWithPython(file)) ?? (await probeWithLsof(file)) ?? unknown;
}

async function hasProcLocks(): Promise<boolean> {
  return stat('/proc/locks').then(
    () => true,
    () => false,
  );
}

const unknown: LockState = {
  state: 'unknown',
  pids: [],
  how: 'neither /proc/locks, python3 nor lsof could tell',
};

/** A line of /proc/locks: `1: POSIX  ADVISORY  WRITE 12166 fe:00:2187547 0 EOF`. Waiters carry `->`. */
const procLock = /^\d+: (POSIX|FLOCK)\s+\S+\s+WRITE\s+(-?\d+)\s+([0-9a-f]+):([0-9a-f]+):(\d+)\s/;

interface ProcLock {
  pid: number;
  major: number;
  minor: number;
}

/** Write locks on an inode, whatever its device. */
function locksOnInode(procLocks: string, ino: bigint, flock: boolean): ProcLock[] {
  const locks: ProcLock[] = [];
  for (const line of procLocks.split('\n')) {
    const found = procLock.exec(line);
    if (found === null || BigInt(found[5]) !== ino || Number(found[2]) <= 0) continue;
    if (found[1] === 'FLOCK' && !flock) continue;
    locks.push({
      pid: Number(found[2]),
      major: Number.parseInt(found[3], 16),
      minor: Number.parseInt(found[4], 16),
    });
  }
  return locks;
}

/** Linux's dev_t (gnu_dev_major, gnu_dev_minor). */
function deviceMajor(dev: bigint): number {
  return Number(((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n));
}

function deviceMinor(dev: bigint): number {
  return Number((dev & 0xffn) | ((dev >> 12n) & 0xffffff00n));
}

async function holdersInProc(identity: FileIdentity, flock: boolean): Promise<number[]> {
  let locks: string;
  try {
    locks = await readFile('/proc/locks', 'latin1');
  } catch {
    return [];
  }
  const { dev, ino } = identity;
  const pids: number[] = [];
  for (const { pid, major, minor } of locksOnInode(locks, ino, flock)) {
    // on btrfs and overlay st_dev is not the device in /proc/locks: there only an owner that has the very file open counts
    const certain = major === deviceMajor(dev) && minor === deviceMinor(dev);
    if (certain || (await hasOpen(pid, identity))) pids.push(pid);
  }
  return pids;
}

async function hasOpen(pid: number, identity: FileIdentity): Promise<boolean> {
  try {
    for (const fd of await readdir(`/proc/${pid}/fd`)) {
      const open = await stat(`/proc/${pid}/fd/${fd}`, { bigint: true }).catch(() => undefined);
      if (open?.dev === identity.dev && open.ino === identity.ino) return true;
    }
  } catch {
    // another user's process: its descriptors are not ours to see
  }
  return false;
}

/**
 * F_GETLK asks who would be in the way of a write lock and takes none: a test lock, held however briefly, could make a
 * server that starts at this moment fail. struct flock differs between Linux and the BSDs.
 */
const pythonProbe = `
import errno, fcntl, struct, sys
try:
    f = open(sys.argv[1], 'rb')
except OSError as e:
    sys.exit(print('error', errno.errorcode.get(e.errno, e.errno)))
bsd = sys.platform != 'linux'
ask = struct.pack('qqihh', 0, 0, 0, fcntl.F_WRLCK, 0) if bsd else struct.pack('hhqqi', fcntl.F_WRLCK, 0, 0, 0, 0)
try:
    got = fcntl.fcntl(f, fcntl.F_GETLK, ask)
except OSError as e:
    sys.exit(print('error', errno.errorcode.get(e.errno, e.errno)))
kind, pid = struct.unpack('qqihh', got)[3:1:-1] if bsd else struct.unpack('hhqqi', got)[0::4]
print('free' if kind == fcntl.F_UNLCK else 'held', pid)
`;

async function probeWithPython(file: string): Promise<LockState | undefined> {
  const output = await run('python3', ['-c', pythonProbe, file]);
  const [word, pid] = (output ?? '').trim().split(' ');
  if (word === 'free') return { state: 'free', pids: [], how: 'fcntl F_GETLK: nobody is in the way' };
  if (word !== 'held') return undefined;
  // 0 and −1: the owner is out of sight, on another host or in another pid namespace
  return { state: 'held', pids: Number(pid) > 0 ? [Number(pid)] : [], how: 'fcntl F_GETLK names a lock' };
}

/** `lsof -F pl`: `p<pid>` starts a process, `lW` says that it has a write lock on the file. */
async function probeWithLsof(file: string): Promise<LockState | undefined> {
  const output = await run('lsof', ['-F', 'pl', '--', file]);
  if (output === undefined) return undefined;
  let pid = 0;
  const pids = new Set<number>();
  for (const line of output.split('\n')) {
    if (line.startsWith('p')) pid = Number(line.slice(1));
    if (/^l[Ww]/.test(line)) pids.add(pid);
  }
  return pids.size > 0 ? { state: 'held', pids: [...pids], how: 'lsof shows a write lock' } : undefined;
}

/** Output of a command, whatever its exit status; `undefined` when it cannot be run. */
async function run(command: string, args: string[]): Promise<string | undefined> {
  const { execFile } = await import('node:child_process');
  return new Promise((resolve) => {
    execFile(command, args, { timeout: 10_000, maxBuffer: 1 << 20 }, (error, stdout) => {
      const missing = error !== null && typeof error.code === 'string';
      resolve(missing ? undefined : stdout);
    });
  });
}
