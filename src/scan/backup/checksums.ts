import type { Depth } from '../../check/unit.js';
import { ChecksummingSource } from '../../io/checksum.js';
import type { Listing } from '../../io/listing.js';
import { openSource } from '../../io/source.js';
import type { BackupView } from './view.js';

/**
 * CRC-32C of every file that a backup lists and that is no unit's: MANIFEST, CURRENT, OPTIONS. Tables, WALs and blob files bring
 * theirs from their check.
 */
export async function checksumsOfMetadata(
  listing: Listing,
  views: readonly BackupView[],
  units: ReadonlySet<string>,
  depth: Depth,
): Promise<Map<string, number>> {
  const checksums = new Map<string, number>();
  if (depth === 'structure') return checksums;
  for (const path of new Set(views.flatMap(({ listed }) => [...listed.keys()]))) {
    const file = listing.files.get(path);
    if (file === undefined || units.has(path)) continue;
    const crc = await checksumOf(file.source);
    if (crc !== undefined) checksums.set(path, crc);
  }
  return checksums;
}

/** `undefined` where the file cannot be read: reading it as metadata has said so. */
async function checksumOf(descriptor: Parameters<typeof openSource>[0]): Promise<number | undefined> {
  try {
    const source = new ChecksummingSource(await openSource(descriptor));
    try {
      return await source.checksum();
    } finally {
      await source.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined;
  }
}
