import { detectKvrocks } from './kvrocks/profile.js';
import type { DetectProfile, Profile, ProfileFacts, ProfileName } from './profile.js';
import { detectRestate } from './restate/profile.js';
import { detectTikv } from './tikv/profile.js';

const detectors: Partial<Record<ProfileName, DetectProfile>> = {
  kvrocks: detectKvrocks,
  tikv: detectTikv,
  restate: detectRestate,
};

/** The application that a database belongs to; with `wanted`, whether it can be read as that one. */
export async function detectProfile(facts: ProfileFacts, wanted?: ProfileName): Promise<Profile | undefined> {
  for (const [name, detect] of Object.entries(detectors)) {
    if (wanted !== undefined && name !== wanted) continue;
    const profile = await detect(facts);
    if (profile !== undefined) return profile;
  }
  return undefined;
}
