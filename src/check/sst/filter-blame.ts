import type { KeyBytes } from '../../finding/evidence.js';
import type { Anomaly } from '../../finding/finding.js';
import { CHECKSUM } from '../../format/sst/checksum.js';
import { openFilter } from '../../format/sst/filter/open.js';
import { loadBlock } from '../../format/sst/load.js';
import type { Table } from '../../format/sst/table.js';
import type { TableFilter } from './filters.js';

/** Bytes at the end of a filter that say what it is. */
const FILTER_METADATA = 5;

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
  if (space === undefined || place === undefined || misses.length === 0) return [...misses];
  if (space.checksumType !== CHECKSUM.none) return [...misses];
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

/**
 * The one bit of a filter that would have to be set for the key to match: found by halves, as a half with all bits set
 * heals exactly when all that is missing lies in it.
 */
function missingBit(payload: Uint8Array, key: Uint8Array): { byte: number; bit: number } | undefined {
  const heals = (start: number, end: number, bits: number) => {
    const changed = payload.slice();
    for (let i = start; i < end; i++) changed[i] |= bits;
    return openFilter(changed).mayMatch(key, 0, key.length);
  };
  let start = 0;
  let end = payload.length - FILTER_METADATA;
  if (!heals(start, end, 0xff)) return undefined;
  while (end - start > 1) {
    const middle = (start + end) >>> 1;
    if (heals(start, middle, 0xff)) end = middle;
    else if (heals(middle, end, 0xff)) start = middle;
    else return undefined;
  }
  for (let bit = 0; bit < 8; bit++) if (heals(start, end, 1 << bit)) return { byte: start, bit };
  return undefined;
}
