import type { Application, Profile, ProfileFacts } from './profile.js';

/**
 * The applications whose bytes kvdoctor reads, in the order in which they are looked for. They are loaded when one is asked for. A
 * new one is a folder here, a line in this list, and its rules in the catalogue.
 */
const applications = {
  kvrocks: async (): Promise<Application> => (await import('./kvrocks/application.js')).kvrocks,
  tikv: async (): Promise<Application> => (await import('./tikv/application.js')).tikv,
  restate: async (): Promise<Application> => (await import('./restate/application.js')).restate,
  bitcoin: async (): Promise<Application> => (await import('./bitcoin/application.js')).bitcoin,
  chromium: async (): Promise<Application> => (await import('./chromium/application.js')).chromium,
  minecraft: async (): Promise<Application> => (await import('./minecraft/application.js')).minecraft,
};

export type ProfileName = keyof typeof applications;
export const profileNames = Object.keys(applications) as ProfileName[];

export function allApplications(): Promise<Application[]> {
  return Promise.all(Object.values(applications).map((load) => load()));
}

/** The application that a database belongs to; with `wanted`, whether it can be read as that one. */
export async function detectProfile(facts: ProfileFacts, wanted?: ProfileName): Promise<Profile | undefined> {
  for (const name of wanted === undefined ? profileNames : [wanted]) {
    const { detect } = await applications[name]();
    const profile = await detect(facts);
    if (profile !== undefined) return profile;
  }
  return undefined;
}

/** The directories of the instance of some application whose data lie in `directory`, or itself. */
export async function instanceDirectories(directory: string): Promise<string[]> {
  for (const { directories } of await allApplications()) {
    const found = await directories?.(directory);
    if (found !== undefined) return found;
  }
  return [directory];
}

/** Whether a rule is one of an application, about contents that its engine finds whole. */
export function isApplicationRule(rule: string): boolean {
  const [area] = rule.split('/');
  return profileNames.some((name) => name === area);
}
