import type { Database } from '../engine/database.js';
import { databaseFacts } from './facts.js';
import type { Profile } from './profile.js';
import { type ProfileChoice, ProfileMismatch } from './profile-choice.js';
import { detectProfile } from './profiles.js';

/**
 * The application that a database belongs to. Column families decide first, keys are looked at only where they fit. Rejects
 * with a `ProfileMismatch` where `choice` names one that it is not.
 */
export async function profileOf(database: Database, choice?: ProfileChoice): Promise<Profile | undefined> {
  if (choice === 'none') return undefined;
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
