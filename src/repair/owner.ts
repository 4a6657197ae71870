import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { ownersOf } from '../engine/root-owners.js';
import { type ProbeOptions, probeLock } from '../io/lock.js';
import { processesWriting } from '../io/open-files.js';
import type { Disk } from './disk.js';
import { type HeldLock, holdLock } from './hold-lock.js';
import { Refusal } from './refusal.js';

/** The directory, kept from the engine while it is changed. */
interface Guard {
  /** Rejects with a Refusal when a process owns the directory, or could by now. */
  check(): Promise<void>;
  release(): Promise<void>;
}

const STOP = 'stop the server, and whatever would start it again, then repeat the command';

/** Refuses when a running process is known to have the database open, and names it. */
export async function refuseOwned(target: string, options: ProbeOptions = {}): Promise<void> {
  const { state, pids } = await probeLock(target, options);
  if (state !== 'held') return;
  const owners = await Promise.all(pids.map(named));
  throw new Refusal(
    'in-use',
    owners.length > 0
      ? `${target} is in use by ${owners.join(', ')}`
      : `${target} is in use by a process that cannot be seen from here, on another host or in another container`,
    STOP,
  );
}

/** Refuses when a running process has files of a directory open for writing: a wal_dir has no lock of its own. */
async function refuseWritten(root: string): Promise<void> {
  const writers = await processesWriting(root);
  if (writers.length === 0) return;
  const owners = await Promise.all(writers.map(named));
  throw new Refusal('in-use', `files of ${root} are open for writing in ${owners.join(', ')}`, STOP);
}

async function named(pid: number): Promise<string> {
  const command = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
  return `process ${pid}${command === '' ? '' : ` (${command.trim()})`}`;
}

/**
 * Keeps the engine out of a database, and out of every directory outside it that is written to: a wal_dir or db_path is guarded by
 * the lock of each database that names it.
 */
export async function guardTarget(
  target: string,
  roots: readonly string[],
  stopped: boolean,
  disk: Disk,
): Promise<Guard> {
  const guards: Guard[] = [];
  const all: Guard = {
    async check() {
      for (const guard of guards) await guard.check();
      for (const root of roots) await refuseWritten(root);
    },
    async release() {
      for (const guard of guards.toReversed()) await guard.release();
    },
  };
  try {
    for (const root of roots) await refuseWritten(root);
    guards.push(await guardDatabase(target, stopped, disk));
    for (const root of roots)
      for (const owner of await ownersOf(root, target)) {
        // without a LOCK file no engine has it open, and none is made in a database that was not named
        if (await disk.stat(path.join(owner, 'LOCK'))) guards.push(await guardDatabase(owner, stopped, disk));
      }
    return all;
  } catch (error) {
    await all.release();
    throw error;
  }
}

/**
 * Takes the engine's own lock where a program at hand can hold one. Where none can, a person must have said that the server is
 * stopped; then the lock is only looked at, before the first write and before the commit point.
 */
async function guardDatabase(target: string, stopped: boolean, disk: Disk): Promise<Guard> {
  await refuseOwned(target);
  const held = await holdLock(target, disk);
  if (held !== undefined) return heldGuard(target, held);
  if (!stopped) {
    throw new Refusal(
      'usage',
      'nothing at hand can keep the server from starting while its files change: neither python3 nor perl can hold its lock',
      'stop the server, make sure that nothing starts it again, and add --stopped',
    );
  }
  return { check: () => refuseOwned(target), release: async () => {} };
}

function heldGuard(target: string, lock: HeldLock): Guard {
  return {
    async check() {
      if (lock.held()) return;
      throw new Refusal('in-use', `the lock on ${target} was lost: ${lock.by}, which held it, has ended`);
    },
    release: () => lock.release(),
  };
}
