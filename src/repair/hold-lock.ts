import { spawn } from 'node:child_process';
import path from 'node:path';
import type { Disk } from './disk.js';
import { Refusal } from './refusal.js';

/**
 * Node has no fcntl locks, and RocksDB takes one on LOCK (rocksdb env/fs_posix.cc). So another program takes the same lock
 * for us and keeps it until its standard input closes; if we are killed it closes, too.
 */
const HOLDERS: readonly { command: string; args: (lock: string) => string[] }[] = [
  {
    command: 'python3',
    args: (lock) => [
      '-c',
      'import fcntl,sys\nf=open(sys.argv[1],"r+")\ntry:\n fcntl.lockf(f,fcntl.LOCK_EX|fcntl.LOCK_NB)\nexcept OSError:\n print("busy",flush=True);sys.exit(1)\nprint("held",flush=True)\nsys.stdin.read()',
      lock,
    ],
  },
  {
    command: 'perl',
    args: (lock) => [
      '-e',
      // F_SETLK with struct flock for Linux on 64 bits: short type, short whence, padding, two 64-bit offsets, pid.
      'use Fcntl; $|=1; open(my $f,"+<",$ARGV[0]) or exit 2; my $l=pack("s s x4 q q i x4",F_WRLCK,0,0,0,0); if(fcntl($f,F_SETLK,$l)){print "held\\n"; local $/; <STDIN>} else {print "busy\\n"; exit 1}',
      lock,
    ],
  },
];

/** A lock on the directory, held by a helper process. */
export interface HeldLock {
  /** The program that holds it. */
  by: string;
  /** The helper still runs, and with it the lock stands. */
  held(): boolean;
  release(): Promise<void>;
}

/** What a LOCK file holds that was made for a repair. An engine leaves its own empty. */
const OURS = Buffer.from('kvdoctor: made to keep the engine out while a repair writes\n');

async function* ours(): AsyncGenerator<Uint8Array> {
  yield OURS;
}

/**
 * Takes the engine's own lock on a directory. Returns `undefined` when no program at hand can hold one; refuses when it is
 * held by another process. A LOCK file that was not there is made, and removed again at the end, or by the next repair when this
 * one is killed.
 */
export async function holdLock(target: string, disk: Disk): Promise<HeldLock | undefined> {
  const lock = path.join(target, 'LOCK');
  const there = await disk.stat(lock);
  if (there === undefined) await disk.create(lock, ours());
  const made = there === undefined || (there.size === OURS.length && OURS.equals(await disk.read(lock)));
  const tidy = async () => {
    if (made && (await disk.stat(lock))) await disk.remove(lock);
  };
  for (const { command, args } of HOLDERS) {
    const child = spawn(command, args(lock), { stdio: ['pipe', 'pipe', 'ignore'] });
    const closed = new Promise<void>((resolve) => child.on('close', () => resolve()));
    const said = await new Promise<string>((resolve) => {
      child.on('error', () => resolve('absent'));
      child.stdout.once('data', (data: Buffer) => resolve(data.toString().trim()));
      void closed.then(() => resolve('failed'));
    });
    if (said === 'held') {
      const release = async () => {
        child.stdin.end();
        await closed;
        await tidy();
      };
      return { by: command, held: () => child.exitCode === null && child.signalCode === null, release };
    }
    if (said === 'busy') {
      await tidy();
      throw new Refusal('in-use', `another process holds the lock on ${lock}`);
    }
  }
  await tidy();
  return undefined;
}
