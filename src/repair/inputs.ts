import { readdir, stat } from 'node:fs/promises';
import type { Database } from '../engine/database.js';
import { type FileNameKind, parseFileName } from '../format/filename.js';
import { parseRaftLogName } from '../format/raft-engine/file.js';
import { fileState, sameState } from './content.js';
import { absolute, type FilePlace, placeKey } from './place.js';
import type { FileState, RepairPlan } from './plan.js';
import { Refusal } from './refusal.js';

/** Kinds whose files decide what an engine sees: one more of them, and a plan is about another database. */
const DECISIVE: ReadonlySet<FileNameKind> = new Set(['current', 'manifest', 'wal', 'table', 'blob']);

function isDecisive(name: string, kind: string = parseFileName(name).kind): boolean {
  return DECISIVE.has(kind as FileNameKind) || parseRaftLogName(name) !== undefined;
}

function decisivePlaces({ inventory }: Database): FilePlace[] {
  const there = inventory.entries.filter(
    ({ name, kind, place }) => isDecisive(name, kind) && place !== 'lost' && place !== 'archive',
  );
  return there.map(({ file, root }) => ({ path: file, ...(root !== undefined && { root }) }));
}

/** The files that a plan from this reading of a directory knows of, by `placeKey`. */
export function listingOf(database: Database): string[] {
  return decisivePlaces(database).map(placeKey);
}

/** Shows without reading whether a file is unchanged: inode, size, time of the last write. */
type Seen = ReadonlyMap<string, string>;

/** Looks at the files that decide what an engine sees, as this reading of the directory has them. */
export async function seenFiles(directory: string, database: Database): Promise<Seen> {
  const seen = new Map<string, string>();
  for (const place of decisivePlaces(database)) {
    const there = await stat(absolute(directory, place), { bigint: true }).catch(() => undefined);
    seen.set(placeKey(place), there === undefined ? '' : `${there.ino} ${there.size} ${there.mtimeNs}`);
  }
  return seen;
}

/**
 * Refuses when files changed while a plan was made from them. Their hashes are taken when the plan is ready: without this, those
 * of another repair that ended meanwhile would pass for what was read.
 */
export function refuseChanged(before: Seen, after: Seen): void {
  const names = new Set([...before.keys(), ...after.keys()]);
  const changed = [...names].find((name) => before.get(name) !== after.get(name));
  if (changed === undefined) return;
  throw new Refusal(
    'refused',
    `${changed} has changed while the plan was made`,
    'make a new plan; if nobody should be writing here, find out who does',
  );
}

/** Refuses when a file has appeared since the plan was made: somebody writes here, or has put back what was missing. */
async function checkListing({ target, listing, steps }: RepairPlan): Promise<void> {
  if (listing === undefined) return;
  const known = new Set([...listing, ...steps.map(placeKey)]);
  const roots = new Set(steps.map(({ root }) => root));
  for (const root of new Set([undefined, ...roots])) {
    for (const name of await readdir(absolute(target, { path: '.', ...(root !== undefined && { root }) }))) {
      const key = placeKey({ path: name, ...(root !== undefined && { root }) });
      if (known.has(key) || !isDecisive(name)) continue;
      throw new Refusal(
        'refused',
        `${key} has appeared since the plan was made`,
        'make a new plan; if nobody should be writing here, find out who does',
      );
    }
  }
}

/** Refuses when a file that the plan was made from is no longer what it was, or a file has come that the plan does not know. */
export async function checkInputs(plan: RepairPlan): Promise<void> {
  for (const input of plan.inputs) {
    const now = await fileState(plan.target, input);
    if (sameState(now, input)) continue;
    throw new Refusal(
      'refused',
      `${placeKey(input)} has changed since the plan was made (${describe(input)} then, ${describe(now)} now)`,
      'make a new plan; if nobody should be writing here, find out who does',
    );
  }
  await checkListing(plan);
}

/** A state for a person: size and the beginning of its hash. */
export function describe(state: Pick<FileState, 'size' | 'sha256'>): string {
  return state.sha256 === undefined ? 'absent' : `${state.size} bytes, SHA-256 ${state.sha256.slice(0, 12)}…`;
}
