import path from 'node:path';
import { absentText, optionFor } from '../engine/absent-places.js';
import { type Database, liveWals } from '../engine/database.js';
import { originalOf, ownersOf } from '../engine/root-owners.js';
import { unlistedFiles } from '../engine/unseen.js';
import { reasonWalsAlone } from '../engine/wals-alone.js';
import { shellWord } from '../finding/shell-word.js';
import { segmentIn } from '../format/filename.js';
import type { OutsideReport } from '../report/report.js';
import type { RepairPlan } from './plan.js';
import { Refusal } from './refusal.js';

/** Directories outside the target that a plan or a journal changes files in, each once. */
export function rootsOf(places: readonly { root?: string }[]): string[] {
  return [...new Set(places.flatMap(({ root }) => root ?? []))];
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

/**
 * Refuses to change a store of Pebble whose logs go on in a second directory: a copy would leave that directory where it is, and what cuts a
 * log would have to cut all segments of it.
 */
export function refuseFailover(database: Database): void {
  const { dialect, options } = database;
  if (dialect !== 'pebble') return;
  const found = liveWals(database).find(
    ({ file, place }) =>
      segmentIn(file) > 0 || (place === 'wal-dir' && options.pebble?.secondaryDir !== undefined),
  );
  if (found === undefined) return;
  throw new Refusal(
    'refused',
    `${found.file} is of a log that went on in another directory after a WAL failover: no repair is made of such logs`,
    'a backup or a checkpoint may have the files whole',
  );
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
