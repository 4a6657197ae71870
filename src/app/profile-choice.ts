import { type ProfileName, profileNames } from './applications.js';

/** What may be said of the application: its name, or that none is to be looked for. */
export const profileChoices = [...profileNames, 'none'] as const;

export type ProfileChoice = ProfileName | 'none';

/** A profile was asked for that the database does not fit. */
export class ProfileMismatch extends Error {
  constructor(
    readonly path: string,
    readonly wanted: ProfileName,
    readonly columnFamilies: readonly string[],
  ) {
    super(`${path} is no database of ${wanted}`);
  }
}
