import { readFile } from 'node:fs/promises';
import { probeLock } from '../io/lock.js';
import type { Disk } from './disk.js';
import { type HeldLock, holdLock } from './hold-lock.js';
import { Refusal } from './refusal.js';

/** The directory, kept from the engine while it is changed. */
export interface Guard {
  /** Rejects with a Refusal when a process owns the directory, or could by now. */
  check(): Promise<void>;
  release(): Promise<void>;
}

/** Refuses when a running process is known to have the database open, and names it. */
export async function refuseOwned(target: string): Promise<void> {
  const { state, pids } = await probeLock(target);
  if (state !== 'held') return;
  const owners = await Promise.all(pids.map(named));
  throw new Refusal(
    'in-use',
    owners.length > 0
      ? `${target} is in use by ${owners.join(', ')}`
      : `${target} is in use by a process that cannot be seen from here, on another host or in another container`,
    'stop the server, and whatever would start it again, then repeat the command',
  );
}

async function named(pid: number): Promise<string> {
  const command = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
  return `process ${pid}${command === '' ? '' : ` (${command.trim()})`}`;
}

/**
 * Keeps the engine out: takes its own lock where a program at hand can hold one. Where none can, a person must have said that
 * the server is stopped; then the lock is only looked at, before the first write and before the commit point.
 */
export async function guardTarget(target: string, stopped: boolean, disk: Disk): Promise<Guard> {
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
