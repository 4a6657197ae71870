import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import path from 'node:path';
import { permissionHint } from '../io/file-user.js';
import { undisturbed } from '../io/interruption.js';
import { systemCode } from '../io/target-error.js';
import type { Disk } from './disk.js';
import { Refusal } from './refusal.js';

/**
 * Node has no fcntl locks, and RocksDB and LevelDB take one on LOCK (rocksdb env/fs_posix.cc, leveldb util/env_posix.cc); goleveldb takes
 * one of flock(2) (syndtr/goleveldb leveldb/storage/file_storage_unix.go), and neither sees the other. So another program takes both
 * for us and keeps them until its standard input closes; if we are killed it closes, too.
 */
const HOLDERS: readonly { command: string; args: (lock: string) => string[] }[] = [
  {
    command: 'python3',
    args: (lock) => [
      '-c',
      'import fcntl,os,sys\nf=open(sys.argv[1],"r+")\ntry:\n fcntl.lockf(f,fcntl.LOCK_EX|fcntl.LOCK_NB)\n fcntl.flock(f,fcntl.LOCK_EX|fcntl.LOCK_NB)\nexcept OSError:\n print("busy",flush=True);sys.exit(1)\nprint("held",os.fstat(f.fileno()).st_ino,flush=True)\nsys.stdin.read()',
      lock,
    ],
  },
  {
    command: 'perl',
    args: (lock) => [
      '-e',
      // F_SETLK with struct flock for Linux on 64 bits: short type, short whence, padding, two 64-bit offsets, pid.
      'use Fcntl; $|=1; open(my $f,"+<",$ARGV[0]) or exit 2; my $l=pack("s s x4 q q i x4",F_WRLCK,0,0,0,0); if(fcntl($f,F_SETLK,$l)&&flock($f,6)){print "held ",(stat($f))[1],"\\n"; local $/; <STDIN>} else {print "busy\\n"; exit 1}',
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

/** Attempts to take a lock on a file that others remove meanwhile. */
const ATTEMPTS = 5;

/**
 * Takes the engine's own lock on a directory. Returns `undefined` when no program at hand can hold one; refuses when it is
 * held by another process. A LOCK file that was not there is made, and removed again at the end, or by the next repair when this
 * one is killed; only whoever holds the lock removes it, and one that was there before stays.
 */
export async function holdLock(target: string, disk: Disk): Promise<HeldLock | undefined> {
  const lock = path.join(target, 'LOCK');
  await refuseForbidden((await disk.stat(lock)) ? lock : target);
  let made = false;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    made = (await makeLock(lock, disk)) || made;
    for (const holder of HOLDERS) {
      const taken = await take(holder, lock);
      if (taken === 'busy') throw new Refusal('in-use', `another process holds the lock on ${lock}`);
      if (taken === undefined) continue;
      // the file that is locked may be one that its last owner removed while we waited for it
      if ((await inodeOf(lock)) === taken.inode) return heldLock(holder.command, taken, lock, disk);
      await taken.end();
      break;
    }
  }
  if (made) await removeOurs(lock, disk);
  return undefined;
}

/** Refuses where this user may not take the lock at all: that the server is stopped would not help. */
async function refuseForbidden(file: string): Promise<void> {
  try {
    await access(file, constants.R_OK | constants.W_OK);
  } catch (error) {
    const code = systemCode(error);
    if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') throw error;
    const why = code === 'EROFS' ? 'the file system is read-only' : 'permission denied';
    const hint = code === 'EROFS' ? 'repair a copy on another one: --output DIR' : permissionHint(file);
    throw new Refusal('incomplete', `${file} cannot be opened for writing: ${why} (${code})`, hint);
  }
}

/** Makes LOCK where there is none; false where there is one. Another process may make it at the same moment. */
async function makeLock(lock: string, disk: Disk): Promise<boolean> {
  if (await disk.stat(lock)) return false;
  try {
    await disk.create(lock, ours());
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes a LOCK that a repair made. */
async function removeOurs(lock: string, disk: Disk): Promise<void> {
  const there = await disk.stat(lock);
  if (!there?.isFile() || there.size !== OURS.length) return;
  // after a Ctrl-C, too
  if (OURS.equals(await undisturbed(() => disk.read(lock)))) await disk.remove(lock);
}

/** Exactly: an inode number may pass 2^53. */
async function inodeOf(lock: string): Promise<string | undefined> {
  return stat(lock, { bigint: true }).then(
    ({ ino }) => String(ino),
    () => undefined,
  );
}

/** A helper process that holds the lock on the file with this inode. */
interface Taken {
  child: ChildProcess;
  inode: string;
  end(): Promise<void>;
}

async function take(
  { command, args }: (typeof HOLDERS)[number],
  lock: string,
): Promise<Taken | 'busy' | undefined> {
  const { spawn } = await import('node:child_process');
  const child = spawn(command, args(lock), { stdio: ['pipe', 'pipe', 'ignore'] });
  const closed = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const answer = await new Promise<string>((resolve) => {
    child.on('error', () => resolve('absent'));
    // a line may come in pieces
    let line = '';
    child.stdout.on('data', (data: Buffer) => {
      line += data.toString();
      if (line.includes('\n')) resolve(line.trim());
    });
    void closed.then(() => resolve('failed'));
  });
  const [word, inode] = answer.split(' ');
  if (word === 'busy') return 'busy';
  if (word !== 'held' || inode === undefined) return undefined;
  const end = async () => {
    child.stdin.end();
    await closed;
  };
  return { child, inode, end };
}

function heldLock(by: string, { child, end }: Taken, lock: string, disk: Disk): HeldLock {
  return {
    by,
    held: () => child.exitCode === null && child.signalCode === null,
    async release() {
      await removeOurs(lock, disk);
      await end();
    },
  };
}
