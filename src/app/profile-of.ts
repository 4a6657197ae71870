import type { StoreSettings } from '../bytes/source.js';
import { databaseDirectory } from '../engine/beside.js';
import { type Database, readDatabase } from '../engine/database.js';
import { TargetError } from '../io/target-error.js';
import type { View } from '../lsm/view.js';
import { detectProfile } from './applications.js';
import { databaseFacts, factsOfView } from './facts.js';
import type { Profile } from './profile.js';
import { type ProfileChoice, ProfileMismatch } from './profile-choice.js';

/**
 * The application that a database belongs to. Column families decide first, keys are looked at only where they fit. Rejects
 * with a `ProfileMismatch` where `choice` names one that it is not.
 */
export async function profileOf(database: Database, choice?: ProfileChoice): Promise<Profile | undefined> {
  // no application is known that keeps its data in Pebble
  if (choice === 'none' || (choice === undefined && database.dialect === 'pebble')) return undefined;
  const facts = databaseFacts(database);
  try {
    const profile = await detectProfile(facts, choice);
    if (profile === undefined && choice !== undefined) {
      const names = facts.columnFamilies.map(({ name }) => name);
      throw new ProfileMismatch(database.target, choice, names);
    }
    return profile;
  } catch (error) {
    // a medium that fails: the files are checked all the same, without words
    if (choice !== undefined || (error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined;
  } finally {
    facts.close();
  }
}

/** The same, told by what readers see of the database. */
export async function profileOfView(view: View, database: Database): Promise<Profile | undefined> {
  const facts = databaseFacts(database);
  try {
    return await detectProfile({ ...facts, ...factsOfView(view, facts.directory) });
  } finally {
    facts.close();
  }
}

/**
 * The application that the database of one of its files belongs to: the directory that holds the file, or, for a file in
 * archive/ or lost/, the one above. `undefined` for a file without a database beside it.
 */
export async function profileBeside(
  file: string,
  choice?: ProfileChoice,
  store?: StoreSettings,
): Promise<Profile | undefined> {
  if (choice === 'none') return undefined;
  try {
    return await profileOf(await readDatabase(databaseDirectory(file), { ...(store && { store }) }), choice);
  } catch (error) {
    if (choice === undefined && error instanceof TargetError) return undefined;
    throw error;
  }
}

/**
 * The same while other work is done: what was named is waited for, so that a name that does not fit ends it at once, and what
 * is to be recognised is not.
 */
export async function profiling(
  database: Database,
  choice?: ProfileChoice,
): Promise<{ profile: Promise<Profile | undefined> }> {
  const profile = profileOf(database, choice);
  if (choice !== undefined) await profile;
  // who awaits it is told what is wrong
  profile.catch(() => {});
  return { profile };
}
