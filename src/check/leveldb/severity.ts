import type { Database } from '../../engine/database.js';
import type { Finding } from '../../finding/finding.js';
import { placeOf } from '../../finding/finding-at.js';
import type { LiveTable } from '../../format/manifest/version.js';
import { atManifest } from './version.js';

/** What findings of one file come to where LevelDB differs from RocksDB. `live`: the table that the finding is about. */
export function asLevelDb(found: Finding, database: Database, live: LiveTable | undefined): Finding {
  switch (found.rule) {
    case 'sequence/gap':
      // nothing but a log gives out numbers: what is not in one was in a record that is gone
      return { ...found, severity: 'warning' };
    case 'wal/zero-fill':
      // LevelDB does not preallocate
      return { ...found, severity: 'warning' };
    case 'sst/trailing-bytes':
      // the footer is looked for where the MANIFEST says that the table ends; RepairDB looks at the end of the file
      return live !== undefined && BigInt(found.offset ?? 0) === live.size
        ? { ...found, severity: 'warning' }
        : found;
    case 'sst/manifest-bounds': {
      // nothing checks the MANIFEST's bounds, the order of the table's own keys has been
      const { manifest } = database;
      return live === undefined || manifest === undefined
        ? found
        : atManifest(found, placeOf(manifest.entry), live.entry);
    }
    default:
      return found;
  }
}
