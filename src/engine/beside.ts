import path from 'node:path';
import type { StoreSettings } from '../bytes/source.js';
import type { DialectName } from '../format/dialect.js';
import { segmentIn } from '../format/filename.js';
import { takeInventory } from '../io/inventory.js';
import { databaseInventory, entryReader } from '../io/listing.js';
import { isObjectAddress } from '../io/objects/address.js';
import { listObjects } from '../io/objects/listing.js';
import { diskReader } from '../io/reader.js';
import { TargetError } from '../io/target-error.js';
import { type Detection, detectTarget } from './detect.js';

/** The database directory of a file: its directory, or, for a file in archive/ or lost/, the parent of that. */
export function databaseDirectory(file: string): string {
  const directory = isObjectAddress(file)
    ? file.slice(0, file.lastIndexOf('/'))
    : path.dirname(path.resolve(file));
  return /^(?:archive|lost)$/.test(path.basename(directory)) ? path.dirname(directory) : directory;
}

/** How a file is read: by the database in its directory, otherwise by its name. */
export async function dialectBeside(file: string, store?: StoreSettings): Promise<DialectName> {
  if (file.endsWith('.ldb')) return 'leveldb';
  if (segmentIn(file) > 0) return 'pebble';
  const directory = databaseDirectory(file);
  try {
    const { kind, engine } = await detectBeside(directory, store);
    // of WALs and tables that lie somewhere, nothing tells for sure, but names that only Pebble gives
    const isSure = kind === 'database' || (kind === 'wals' && engine === 'pebble');
    return (isSure && engine) || 'rocksdb';
  } catch (error) {
    if (error instanceof TargetError) return 'rocksdb';
    throw error;
  }
}

async function detectBeside(directory: string, store?: StoreSettings): Promise<Detection> {
  if (!isObjectAddress(directory)) return detectTarget(await takeInventory(directory), diskReader(directory));
  const place = await listObjects(directory, store);
  if (place.kind === 'file') return { kind: 'loose-files', evidence: [] };
  return detectTarget(databaseInventory(place.listing), entryReader);
}
