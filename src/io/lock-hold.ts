import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';

/** The database's lock, held by a child process on our behalf. */
export interface LockHold {
  /** Process that holds it. */
  pid: number;
  /** Rejects when the child dies and the lock with it, before `release` was called. Never resolves otherwise. */
  lost: Promise<never>;
  release(): Promise<void>;
}

export type LockAttempt =
  | { state: 'held'; hold: LockHold }
  /** Somebody else has it. */
  | { state: 'refused' }
  /** There is no program here that can take it. */
  | { state: 'unavailable'; why: string };

/*
 * Node cannot take POSIX locks, so a child does: it takes the lock, says so, and keeps it until its standard input ends,
 * which happens also when this process is killed. LOCK is created as the engine would.
 */
const python = `
import errno, fcntl, os, sys
f = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o644)
try:
    fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError as e:
    sys.exit(print('refused' if e.errno in (errno.EAGAIN, errno.EACCES) else 'error %s' % e, flush=True))
print('held', flush=True)
sys.stdin.read()
`;

const perl = `
use Fcntl; use strict; $| = 1;
sysopen(my $f, $ARGV[0], O_RDWR | O_CREAT, 0644) or do { print "error $!\\n"; exit };
my $lock = $^O eq 'linux' ? pack('s s x4 q q i', F_WRLCK, 0, 0, 0, 0) : pack('q q i s s', 0, 0, 0, F_WRLCK, 0);
fcntl($f, F_SETLK, $lock) or do { print $!{EAGAIN} || $!{EACCES} ? "refused\\n" : "error $!\\n"; exit };
print "held\\n"; 1 while <STDIN>;
`;

const helpers: readonly { command: string; args: string[] }[] = [
  { command: 'python3', args: ['-c', python] },
  { command: 'perl', args: ['-MErrno', '-e', perl] },
];

/** Takes the lock on a database's LOCK, so that no engine opens it while its files are written. */
export async function holdLock(directory: string): Promise<LockAttempt> {
  const file = path.join(directory, 'LOCK');
  const failures: string[] = [];
  for (const { command, args } of helpers) {
    const child = spawn(command, [...args, file], { stdio: ['pipe', 'pipe', 'ignore'] });
    const said = await firstLine(child);
    if (said === 'held') return { state: 'held', hold: holdOf(child) };
    child.kill();
    if (said === 'refused') return { state: 'refused' };
    failures.push(`${command}: ${said ?? 'cannot be run'}`);
  }
  return { state: 'unavailable', why: failures.join('; ') };
}

/** What a helper says first; `undefined` when it cannot be started or dies without a word. */
function firstLine(child: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = '';
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const end = text.indexOf('\n');
      if (end >= 0) resolve(text.slice(0, end));
    });
    child.on('error', () => resolve(undefined));
    child.on('close', () => resolve(undefined));
  });
}

function holdOf(child: ChildProcess): LockHold {
  let released = false;
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const lost = ended.then((): Promise<never> => {
    if (released) return new Promise(() => {});
    throw new Error('the process that held the lock on LOCK died');
  });
  // whoever does not watch is not to be killed by an unhandled rejection
  lost.catch(() => {});
  return {
    pid: child.pid ?? 0,
    lost,
    async release() {
      released = true;
      child.stdin?.end();
      await ended;
    },
  };
}
