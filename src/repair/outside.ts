import path from 'node:path';
import { absentText, optionFor } from '../engine/absent-places.js';
import type { Database } from '../engine/database.js';
import { STORE_PATH } from '../engine/named-places.js';
import { originalOf, ownersOf } from '../engine/root-owners.js';
import { unknownSecond, unlistedFiles } from '../engine/unseen.js';
import { reasonWalsAlone } from '../engine/wals-alone.js';
import { shellWord } from '../finding/shell-word.js';
import { parseFileName } from '../format/filename.js';
import { isWithin, realPlace } from '../io/real-place.js';
import type { OutsideReport } from '../report/report.js';
import type { RepairPlan } from './plan.js';
import { Refusal } from './refusal.js';

/** Directories outside the target that a plan or a journal changes files in, each once. */
export function rootsOf(places: readonly { root?: string }[]): string[] {
  return [...new Set(places.flatMap(({ root }) => root ?? []))];
}

/** Whether a directory lies in the target itself: what is written there needs nobody's leave. */
async function liesInside(directory: string, target: string): Promise<boolean> {
  return isWithin(await realPlace(target), await realPlace(directory));
}

/**
 * Directories that are listed besides the target, lie in it, and are named by where it is: a copy of the target has its own, with which the
 * engine opens it.
 */
export async function broughtAlong({ target, inventory, options }: Database): Promise<string[]> {
  const inside: string[] = [];
  if (!options.pebble?.secondaryDir?.startsWith(STORE_PATH)) return inside;
  for (const { directory } of inventory.roots)
    if (await liesInside(directory, target)) inside.push(directory);
  return inside;
}

/** The directories outside the target that a plan would write to, which option said so, and whose they are besides. */
export async function outsideOf(plan: RepairPlan, database: Database): Promise<OutsideReport[]> {
  const { request, inventory, target } = database;
  const { walDir, dbPaths = [] } = request;
  const given = new Set(
    [walDir, ...dbPaths].flatMap((each) => (each === undefined ? [] : path.resolve(each))),
  );
  const outside: OutsideReport[] = [];
  for (const directory of rootsOf(plan.steps)) {
    if (await liesInside(directory, target)) continue;
    const place = inventory.roots.find((root) => root.directory === directory)?.place;
    const owners = await ownersOf(directory, target);
    const original = await originalOf(target, owners);
    outside.push({
      directory,
      option: place === 'db-path' ? '--db-path' : '--wal-dir',
      given: given.has(path.resolve(directory)),
      owners,
      ...(original !== undefined && { original }),
    });
  }
  return outside;
}

/**
 * Refuses to write to a directory that only the database's own files name: a hostile OPTIONS can name any directory there is. A copy
 * still names the wal_dir of its original: that one's is not changed for the copy's sake, whatever was asked.
 */
export function refuseUnasked(outside: readonly OutsideReport[], database: Database): void {
  const copied = outside.find(({ original }) => original !== undefined);
  if (copied !== undefined) {
    throw new Refusal(
      'refused',
      `the plan writes to ${copied.directory}, which is ${copied.original}\u2019s: as its LOG says, ${database.target} is a copy of that`,
      `repair ${copied.original}, or copy ${copied.directory} too and name the copy: ${copied.option} DIR`,
    );
  }
  const unasked = outside.find(({ given }) => !given);
  if (unasked === undefined) return;
  const { directory, option } = unasked;
  const by = database.optionsFile?.entry.file ?? 'LOG';
  throw new Refusal(
    'refused',
    `the plan writes to ${directory}, outside ${database.target}, which only ${option === '--wal-dir' ? by : 'LOG'} names: it may be another database\u2019s`,
    `if it is this database\u2019s and no other\u2019s, repeat the command with ${option} ${shellWord(directory)}`,
  );
}

/** Refuses to change logs of Pebble where further ones may lie in a directory that is not known. */
export function refuseUnknownSecond(database: Database, plan: RepairPlan): void {
  const isLog = ({ path: file }: { path: string }) => parseFileName(path.basename(file)).kind === 'wal';
  if (!plan.steps.some(isLog)) return;
  const unknown = unknownSecond(database);
  if (unknown === undefined) return;
  const { file, reason } = unknown;
  throw new Refusal('incomplete', `${file}: ${reason}`);
}

/** Refuses to plan for a database with an absent part: its contents would be given up unseen. */
export function refuseAbsent(database: Database): void {
  const alone = reasonWalsAlone(database);
  if (alone !== undefined) throw new Refusal('incomplete', alone);
  const [unlisted] = unlistedFiles(database);
  if (unlisted !== undefined) {
    throw new Refusal(
      'incomplete',
      `${unlisted.file} is in the directory, but ${unlisted.reason}: what it holds would be given up unseen`,
      'mount what a link leads to, or have the file system checked; if nothing is left of the file, move its name out of the directory',
    );
  }
  const { absent, target } = database;
  const [place] = absent;
  if (place === undefined) return;
  const gone = place.option === 'wal_dir' ? `; if nothing is left of it: --wal-dir ${shellWord(target)}` : '';
  throw new Refusal(
    'incomplete',
    absentText(place),
    `mount it, or say where it is: ${optionFor(place, target)}${gone}`,
  );
}
