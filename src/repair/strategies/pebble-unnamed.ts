import type { Database } from '../../engine/database.js';
import { keyBytes } from '../../finding/evidence.js';
import { counted } from '../../finding/quantity.js';
import { userKeyOf } from '../../format/sst/internal-key.js';
import { unnamedIngests } from '../../states/unnamed-ingests.js';
import type { LossStatement } from '../plan.js';

/** Tables that may have been ingested and that Pebble deletes, since no edit names them. `database`: as a plan leaves it. */
export async function lossOfUnnamedIngests(database: Database): Promise<LossStatement[]> {
  const found = await unnamedIngests(database);
  return found.map(({ entry, entries, live }) => {
    const [from, to] = [live.smallest, live.largest].map((key) => keyBytes(userKeyOf(key)));
    return {
      file: entry.file,
      detail: `${counted(entries, 'entry', 'entries')} of a table that may have been ingested: neither an edit nor a log of the result names it, and Pebble deletes it`,
      facts: { entries, from, to, keyRanges: [{ from, to }] },
    };
  });
}
