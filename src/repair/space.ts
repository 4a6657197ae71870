import { stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { byteSize } from '../finding/quantity.js';
import { spaceNeeded } from './apply.js';
import type { Disk } from './disk.js';
import { absolute } from './place.js';
import type { RepairPlan } from './plan.js';
import { Refusal } from './refusal.js';

/** Bytes left free beside what a repair writes. */
const RESERVE = 1 << 20;

/** Refuses a repair in place for which there is no room, or whose journal would be on another device that was not named. */
export async function checkRoomInPlace(
  plan: RepairPlan,
  journal: string,
  named: boolean,
  disk: Disk,
): Promise<void> {
  const parent = path.dirname(path.resolve(journal));
  const [home, away] = [await stat(plan.target), await stat(parent)];
  if (home.dev !== away.dev && !named) {
    throw new Refusal(
      'usage',
      `${parent} is another device than ${plan.target}: originals that are put aside there may go away with a container or a mount`,
      'name a place for the undo journal that stays: --journal DIR',
    );
  }
  await checkFree(plan.target, spaceNeeded(plan));
  // hard links cost nothing, copies what the originals hold
  let copies = 0;
  for (const step of plan.steps) {
    const original = await disk.stat(absolute(plan.target, step));
    if (original !== undefined && original.dev !== away.dev) copies += original.size;
  }
  await checkFree(parent, copies);
}

/** Refuses a copy for which there is no room at its place. */
export async function checkRoomForCopy(output: string, bytes: number): Promise<void> {
  await checkFree(path.dirname(path.resolve(output)), bytes);
}

async function checkFree(directory: string, bytes: number): Promise<void> {
  if (bytes === 0) return;
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  if (free >= bytes + RESERVE) return;
  throw new Refusal(
    'no-room',
    `${directory} has ${byteSize(free)} free, and ${byteSize(bytes + RESERVE)} are needed; nothing was changed`,
    'make room, or repair a copy on another device: --output DIR',
  );
}
