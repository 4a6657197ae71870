import type { ProfileFacts } from '../profile.js';
import { type KvrocksFamily, kvrocksFamilies } from './families.js';
import { bearsSlot } from './key.js';

/** How a database of Kvrocks is to be read. */
export interface KvrocksLayout {
  families: ReadonlyMap<number, KvrocksFamily>;
  /** Keys carry their cluster slot. */
  slots: boolean;
}

/** Metadata keys that are looked at to tell whether keys carry slots. */
const SAMPLE = 200;

/** How keys are written, when the column families are those of Kvrocks; keys are looked at only then. */
export async function kvrocksLayout(
  facts: Pick<ProfileFacts, 'columnFamilies' | 'sample'>,
): Promise<KvrocksLayout | undefined> {
  const families = kvrocksFamilies(facts.columnFamilies);
  if (families === undefined) return undefined;
  const keys = await facts.sample('metadata', SAMPLE);
  const bearing = keys.filter(bearsSlot).length;
  return { families, slots: bearing * 2 > keys.length };
}
