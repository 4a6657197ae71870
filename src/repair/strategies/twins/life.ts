import type { Database } from '../../../engine/database.js';
import { openSource } from '../../../io/source.js';
import { isEqual } from './composition.js';
import type { SecondSource } from './sources.js';

/**
 * Whether a source is of the same life of a database: it has the MANIFEST of the same number, and one of the two is a beginning of
 * the other. Whoever opens a database begins another MANIFEST.
 */
export async function isSameLife(database: Database, { database: other }: SecondSource): Promise<boolean> {
  const [mine, its] = [database.manifest, other.manifest];
  if (mine === undefined || its === undefined || mine.entry.number !== its.entry.number) return false;
  const length = Math.min(mine.replay.logicalEnd, its.replay.logicalEnd);
  if (length === 0 || !mine.replay.complete || !its.replay.complete) return false;
  const a = await openSource(mine.entry.source);
  try {
    const b = await openSource(its.entry.source);
    try {
      return await isEqual(a, b, { offset: 0, length });
    } finally {
      await b.close();
    }
  } finally {
    await a.close();
  }
}
