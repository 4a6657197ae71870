import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Database } from '../engine/database.js';
import { shellWord } from '../finding/shell-word.js';
import { Interrupted } from '../io/interruption.js';
import type { InventoryEntry } from '../io/inventory.js';
import { isWithin, realPlace } from '../io/real-place.js';
import type { RepairReport } from '../report/report.js';
import { applyInPlace, spaceNeeded } from './apply.js';
import { sameState } from './content.js';
import type { Disk } from './disk.js';
import type { Journal } from './journal.js';
import { findLeftovers, journalName, type Leftover, removeStubs } from './leftovers.js';
import { applyToCopy, isShared } from './output.js';
import { broughtAlong, rootsOf } from './outside.js';
import { guardTarget, refuseOwned } from './owner.js';
import { absolute } from './place.js';
import type { RepairPlan } from './plan.js';
import { Refusal } from './refusal.js';
import { checkRoomForCopy, checkRoomInPlace } from './space.js';
import { resume } from './undo.js';
import { undoCommand } from './undo-command.js';

/** Where the result goes. */
export type Destination =
  | { kind: 'dry-run' }
  /** A directory that does not exist yet; default: the directory's name with `.repaired` after it. */
  | { kind: 'copy'; output?: string }
  /** `journal`: where the originals are put aside, a new directory or one that holds journals. */
  | { kind: 'in-place'; journal?: string };

/** Where the result goes, as it is typed. */
export function destinationOptions(destination: Destination): string[] {
  switch (destination.kind) {
    case 'dry-run':
      return ['--dry-run'];
    case 'copy':
      return destination.output === undefined ? [] : [`--output ${shellWord(destination.output)}`];
    case 'in-place':
      return [
        '--in-place',
        ...(destination.journal === undefined ? [] : [`--journal ${shellWord(destination.journal)}`]),
      ];
  }
}

/** One run of a repair. */
export interface RepairRun {
  /** The target, absolute. */
  directory: string;
  disk: Disk;
  now: Date;
  /** Name and version for the journal. */
  tool: string;
  stopped: boolean;
  /** Places outside the target that a person has named: --wal-dir, --db-path. */
  given: readonly string[];
  /** Ends it while nothing of the target is changed, and what a copy was to be is removed. */
  signal?: AbortSignal;
  /** Called when files in place begin to change, with the command that takes it back. */
  onCommit?(undo: string): void;
}

/**
 * Ends what an earlier repair that was killed left half done, so that there is one state to plan from. `agree` is asked before
 * anything is changed; a no leaves everything as it is and rejects with a `Refusal`.
 */
export async function settleLeftovers(
  destination: Destination,
  { directory, disk, stopped, given }: RepairRun,
  agree: (leftovers: readonly Leftover[]) => Promise<boolean>,
): Promise<RepairReport['resumed']> {
  const journal = destination.kind === 'in-place' ? destination.journal : undefined;
  const leftovers = await findLeftovers(directory, disk, journal);
  const begun = leftovers.find(({ phase }) => phase !== 'preparing');
  if (destination.kind !== 'in-place') {
    if (begun === undefined) return undefined;
    throw new Refusal(
      'refused',
      `a repair of ${directory} was begun and not ended`,
      `finish it with the same command and --in-place, or go back: ${await undoCommand(begun.journal, { target: directory, entries: begun.entries })}`,
    );
  }
  if (leftovers.length === 0) return undefined;
  if (!(await agree(leftovers)))
    throw new Interrupted(`the repair that was begun stays as it is; nothing was changed`);
  const roots = rootsOf(leftovers.flatMap(({ entries }) => entries));
  const guard = await guardTarget(directory, roots, stopped, disk);
  try {
    let settled: RepairReport['resumed'];
    for (const { journal } of leftovers) {
      const outcome = await resume(disk, journal, () => guard.check(), { target: directory, roots: given });
      if (outcome !== 'nothing' && settled?.outcome !== 'finished') settled = { journal, outcome };
    }
    return settled;
  } finally {
    await guard.release();
  }
}

/** What the name of a copy ends with, where none is given. */
const REPAIRED = '.repaired';

/** Where a plan was carried out; `unread`: what of files that it leaves as they are could not be copied. */
export type Done = Pick<RepairReport, 'output' | 'original' | 'owner' | 'journal' | 'undo'> & {
  unread?: string[];
};

/** Carries the plan out where it shall be. */
export function carryOut(
  plan: RepairPlan,
  database: Database,
  destination: Exclude<Destination, { kind: 'dry-run' }>,
  run: RepairRun,
): Promise<Done> {
  return destination.kind === 'copy'
    ? copied(plan, database, destination.output, run)
    : changed(plan, destination.journal, run);
}

async function copied(plan: RepairPlan, database: Database, named: string | undefined, run: RepairRun) {
  const { directory, disk } = run;
  const output = path.resolve(named ?? `${directory}${REPAIRED}`);
  await refuseInside(output, directory, 'the copy', '--output DIR');
  const [home, away] = [await stat(directory), await stat(path.dirname(output))];
  const shared = home.dev === away.dev;
  const inside = await broughtAlong(database);
  const isCopied = ({ place, root }: InventoryEntry) =>
    place === 'database' || (root !== undefined && inside.includes(root));
  const bytes = database.inventory.entries
    .filter((entry) => isCopied(entry) && !(shared && isShared(entry.name)))
    .reduce((sum, { size }) => sum + size, spaceNeeded(plan));
  await checkRoomForCopy(output, bytes);
  await refuseOwned(directory);
  const unread = await applyToCopy(plan, output, disk, {
    inside,
    ...(run.signal && { signal: run.signal }),
  });
  const made = await stat(output);
  const differs = made.uid !== home.uid || made.gid !== home.gid;
  return {
    output,
    original: await placeOfService(directory),
    ...(differs && { owner: 'differs' as const }),
    ...(unread.length > 0 && { unread }),
  };
}

/** A copy that a repair left with errors is repaired in its turn: what comes of it is to stand where the first original stands. */
async function placeOfService(directory: string): Promise<string> {
  if (!directory.endsWith(REPAIRED)) return directory;
  const first = directory.slice(0, -REPAIRED.length);
  const isDirectory = await stat(first).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return isDirectory ? placeOfService(first) : directory;
}

async function changed(plan: RepairPlan, named: string | undefined, run: RepairRun) {
  const { directory, disk, now, tool, stopped, signal, onCommit } = run;
  const journal = await journalPlace(directory, named, now, disk);
  await refuseInside(journal, directory, 'the undo journal', '--journal DIR');
  await checkRoomInPlace(plan, journal, named !== undefined, disk);
  const guard = await guardTarget(directory, rootsOf(plan.steps), stopped, disk);
  try {
    await removeStubs(directory, disk);
    const checkOwner = () => guard.check();
    const done = await applyInPlace(plan, {
      ...{ disk, journal, checkOwner, tool, now },
      ...(signal && { signal }),
      ...(onCommit && { onCommit: async (begun) => onCommit(await undoCommand(journal, begun)) }),
    });
    const differs = await ownersDiffer(journal, done);
    return { journal, undo: await undoCommand(journal, done), ...(differs && { owner: 'differs' as const }) };
  } finally {
    await guard.release();
  }
}

/** Whether a new file belongs to somebody else than the one in whose place it is: only root may give files away. */
async function ownersDiffer(journal: string, { target, entries }: Journal): Promise<boolean> {
  for (const { before, after, original, ...place } of entries) {
    if (after.sha256 === undefined || sameState(before, after)) continue;
    const like = await stat(original === undefined ? target : path.join(journal, original));
    const made = await stat(absolute(target, place));
    if (like.uid !== made.uid || like.gid !== made.gid) return true;
  }
  return false;
}

/** No file of ours may be in the directory that is repaired: it would be copied into itself, or disturb the engine. */
async function refuseInside(place: string, directory: string, what: string, option: string): Promise<void> {
  if (!isWithin(await realPlace(directory), await realPlace(place))) return;
  throw new Refusal(
    'usage',
    `${what} would lie in ${directory} itself: ${place}`,
    `name a place outside of it: ${option}`,
  );
}

async function journalPlace(
  directory: string,
  named: string | undefined,
  now: Date,
  disk: Disk,
): Promise<string> {
  const usual = await journalName(directory, now);
  if (named === undefined) return usual;
  const place = path.resolve(named);
  if ((await disk.stat(place)) === undefined)
    return path.join(await realDirectory(path.dirname(place)), path.basename(place));
  return path.join(await realDirectory(place), path.basename(usual));
}

async function realDirectory(place: string): Promise<string> {
  const real = await realpath(place).catch(() => undefined);
  if (real !== undefined && (await stat(real)).isDirectory()) return real;
  throw new Refusal(
    'usage',
    `${place} is ${real === undefined ? 'not there' : 'no directory'}`,
    'name a new directory for the undo journal, or one that holds journals: --journal DIR',
  );
}
