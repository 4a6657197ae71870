import path from 'node:path';
import type { DialectName } from '../format/dialect.js';
import { takeInventory } from '../io/inventory.js';
import { diskReader } from '../io/reader.js';
import { TargetError } from '../io/target-error.js';
import { detectTarget } from './detect.js';

/** The database directory of a file: its directory, or, for a file in archive/ or lost/, the parent of that. */
export function databaseDirectory(file: string): string {
  const directory = path.dirname(path.resolve(file));
  return /^(?:archive|lost)$/.test(path.basename(directory)) ? path.dirname(directory) : directory;
}

/** How a file is read: by the database in its directory, otherwise by its name. */
export async function dialectBeside(file: string): Promise<DialectName> {
  if (file.endsWith('.ldb')) return 'leveldb';
  const directory = databaseDirectory(file);
  try {
    const { kind, engine } = await detectTarget(await takeInventory(directory), diskReader(directory));
    // of WALs and tables that lie somewhere, nothing tells for sure
    return (kind === 'database' && engine) || 'rocksdb';
  } catch (error) {
    if (error instanceof TargetError) return 'rocksdb';
    throw error;
  }
}
