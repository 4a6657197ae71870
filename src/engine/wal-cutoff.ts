import type { DatabaseOptions } from '../format/database-options.js';
import type { Version } from '../format/manifest/version.js';

/**
 * The number below which recovery opens no WAL: what the MANIFEST says to keep, and, unless prepared transactions may wait
 * in older files, the oldest log that a live column family needs (rocksdb db/db_impl/db_impl_open.cc, since 6.29.5).
 */
export function walCutoff(version: Version, options: DatabaseOptions): bigint {
  const keep = version.minLogNumberToKeep;
  if (options.allow2pc) return keep;
  let oldest: bigint | undefined;
  for (const { logNumber } of version.columnFamilies.values()) {
    if (oldest === undefined || logNumber < oldest) oldest = logNumber;
  }
  return oldest === undefined || oldest < keep ? keep : oldest;
}
