import type { KeyBytes } from '../../finding/evidence.js';
import type { Anomaly } from '../../finding/finding.js';
import { CHECKSUM } from '../../format/sst/checksum.js';
import { openFilter } from '../../format/sst/filter/open.js';
import { loadBlock } from '../../format/sst/load.js';
import type { Table } from '../../format/sst/table.js';
import type { TableFilter } from './filters.js';

/** Filters larger than this are not searched bit by bit. */
const LARGEST_SEARCHED = 128 * 1024;

/**
 * Which of the two is wrong when the filter denies a key and neither block has a checksum to tell: a key that was never
 * added misses several bits of a filter, a filter that lost one bit denies its keys for that bit alone. Returns the same
 * anomalies, moved to the filter where one bit explains them. Rejects only when the medium fails.
 */
export async function blameFilter(
  table: Table,
  filter: TableFilter | undefined,
  misses: readonly Anomaly[],
): Promise<Anomaly[]> {
  const { space } = table;
  const place = filter?.blocks.find(({ kind }) => kind === 'filter')?.handle;
  if (space === undefined || place === undefined || place.size > LARGEST_SEARCHED) return [...misses];
  if (space.checksumType !== CHECKSUM.none || misses.length === 0) return [...misses];
  const { contents } = await loadBlock(space, place, 'filter');
  if (contents === undefined) return [...misses];
  return misses.map((miss) => {
    const key = miss.evidence?.key as KeyBytes | undefined;
    const flipped = key && missingBit(contents, Buffer.from(key.base64, 'base64'));
    if (flipped === undefined) return miss;
    const { byte, bit } = flipped;
    const evidence = { ...miss.evidence, entryOffset: miss.offset, bit };
    return { ...miss, offset: place.offset + byte, length: 1, evidence };
  });
}

/** The one bit of a filter that would have to be set for the key to match. */
function missingBit(payload: Uint8Array, key: Uint8Array): { byte: number; bit: number } | undefined {
  const changed = payload.slice();
  const filter = openFilter(changed);
  for (let byte = 0; byte < changed.length; byte++) {
    const was = changed[byte];
    for (let bit = 0; bit < 8; bit++) {
      if ((was & (1 << bit)) !== 0) continue;
      changed[byte] = was | (1 << bit);
      if (filter.mayMatch(key, 0, key.length)) return { byte, bit };
    }
    changed[byte] = was;
  }
  return undefined;
}
