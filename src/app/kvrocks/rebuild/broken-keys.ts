import type { View } from '../../../lsm/view.js';
import { examineKvrocks } from '../check/examine.js';
import type { KeyedFault } from '../check/fault.js';
import type { KvrocksLayout } from '../layout.js';

/** A key that breaks rules of Kvrocks, and how. */
export interface BrokenKey {
  /** As stored in column family `metadata`. */
  metadataKey: Uint8Array;
  faults: KeyedFault[];
}

interface BrokenKeys {
  keys: BrokenKey[];
  /** Number of further keys, which are not held. */
  more: number;
  /** What was found that is not about a key: orphans, namespaces, a walk that ended early. */
  others: KeyedFault[];
}

/** Keys that are held: each is looked at again, one by one. */
const MOST_KEYS = 10_000;
/** Memory for the keys that are sorted at a time, in bytes. */
const BUDGET = 48 << 20;

/** Every key that breaks a rule. */
export async function brokenKeys(view: View, layout: KvrocksLayout): Promise<BrokenKeys> {
  const keys = new Map<string, BrokenKey>();
  const others: KeyedFault[] = [];
  let more = 0;
  const fault = (found: KeyedFault) => {
    const { metadataKey } = found;
    if (metadataKey === undefined) {
      if (others.length < MOST_KEYS) others.push(found);
      return;
    }
    const id = Buffer.from(metadataKey).toString('base64');
    const known = keys.get(id);
    if (known !== undefined) known.faults.push(found);
    else if (keys.size < MOST_KEYS) keys.set(id, { metadataKey, faults: [found] });
    else more++;
  };
  await examineKvrocks(view, layout, fault, { now: Date.now(), budget: BUDGET });
  return { keys: [...keys.values()], more, others };
}
