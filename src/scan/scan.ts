import { sniffArchive } from '../io/archive-stream.js';
import { isObjectAddress } from '../io/objects/address.js';
import { throughText } from '../io/odd-name.js';
import type { TargetReport } from '../report/report.js';
import type { ScanHooks, ScanOptions } from './options.js';
import { directoryOrigin } from './origin.js';
import { scanOrigin } from './pipeline.js';
import { takesWhole } from './shards/shard.js';
import { isFile, scanFile } from './single-file.js';
import { blankTarget } from './target.js';

export type { ScanHooks, ScanOptions } from './options.js';

/**
 * Checks one directory, one archive of a directory, or one file, and returns what is wrong with it. Only reads. Rejects with a
 * `TargetError` when there is nothing at the path that can be listed; damage and unreadable files are part of the report.
 */
export async function scanTarget(
  target: string | Buffer,
  options: ScanOptions = {},
  hooks: ScanHooks = {},
): Promise<TargetReport> {
  if (isObjectAddress(target)) {
    const { scanStored } = await import('./stored.js');
    return scanStored(target, options, hooks);
  }
  if (!(await isFile(target)))
    return throughText(target, (directory) => scanOrigin(directoryOrigin(directory), options, hooks));
  const { shard, ...whole } = options;
  const path = target.toString();
  // a file is not cut into parts: it goes to one shard whole
  if (shard !== undefined && !takesWhole(shard, path)) return blankTarget(path, 'file');
  const archive = await sniffArchive(target);
  if (archive === undefined) return scanFile(target, whole, hooks);
  const { scanArchive } = await import('./archive/archive.js');
  return scanArchive(path, archive, whole, hooks);
}
