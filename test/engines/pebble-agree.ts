import { simulateTarget } from '../../src/repair/simulate-target.js';
import type { Release, Seen } from './pebble.js';

/** Where `simulate` says something else than a release of Pebble; nothing where both agree. */
export async function disagreement(release: Release, dir: string, seen: Seen): Promise<string | undefined> {
  const { recovery, unchecked } = await simulateTarget(dir, { digest: true, engineVersion: release });
  if (recovery === undefined) return `not simulated: ${unchecked[0]?.reason}`;
  const [{ opens, error, columnFamilies = [], deletes = [], unreadable }] = recovery;
  // 2.x panics over a range tombstone outside of its table's bounds when it is read: that is left open; and over a file that is gone
  const isUnread = unreadable !== undefined || (columnFamilies.length === 0 && unchecked.length > 0);
  if (opens && isUnread && seen.open.startsWith('panic')) return undefined;
  if (opens !== (seen.open === 'OK')) return `engine ${seen.open}, simulate ${opens ? 'opens' : error}`;
  if (!opens) return undefined;
  const deleted = [...deletes].sort().join(' ');
  if (deleted !== [...seen.deleted].sort().join(' '))
    return `engine deletes ${seen.deleted.join(' ')}; simulate ${deleted}`;
  if (seen.iter !== 'OK') return unreadable === undefined ? `engine reads as far as ${seen.iter}` : undefined;
  // what an iterator shows hangs on what it holds in memory: that is said
  if (columnFamilies.length === 0)
    return unchecked.length > 0 ? undefined : 'no digest, and no reason for it';
  const [{ entries, fnv1a64 }] = columnFamilies;
  return entries === seen.n && fnv1a64 === seen.fnv
    ? undefined
    : `engine ${seen.n} ${seen.fnv}, simulate ${entries} ${fnv1a64}`;
}
