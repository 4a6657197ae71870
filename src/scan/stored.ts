import type { SourceDescriptor } from '../bytes/source.js';
import { givenOptions } from '../engine/given-options.js';
import { sniffArchive } from '../io/archive-stream.js';
import { unlessInterrupted } from '../io/interruption.js';
import { isRanges, keptObject } from '../io/objects/archive.js';
import { listObjects, type ObjectPlace } from '../io/objects/listing.js';
import { trafficSoFar } from '../io/objects/traffic.js';
import type { TargetReport } from '../report/report.js';
import type { ScanHooks, ScanOptions } from './options.js';
import { storedOrigin } from './origin.js';
import { scanOrigin } from './pipeline.js';
import { takesWhole } from './shards/shard.js';
import { scanFile } from './single-file.js';
import { compareWithStore } from './stored-checksum.js';
import { blankTarget } from './target.js';

/** Checks what an address in a bucket leads to, and says what was asked of the store for that. */
export async function scanStored(
  target: string,
  options: ScanOptions,
  hooks: ScanHooks,
): Promise<TargetReport> {
  const before = trafficSoFar();
  const until = performance.now() + (options.budget ?? Number.POSITIVE_INFINITY);
  const place = await listObjects(target, options.store);
  const report = await scanPlace(target, place, options, hooks);
  if (options.depth !== 'structure' && options.shard === undefined && !hooks.signal?.aborted)
    await unlessInterrupted(() => compareWithStore(report, sourcesOf(place), options, until), undefined);
  const { requests, bytes } = trafficSoFar();
  const given = report.given ?? givenOptions({ ...(options.store && { store: options.store }) });
  return {
    ...report,
    ...(given.length > 0 && { given }),
    transfer: { requests: requests - before.requests, bytes: bytes - before.bytes },
  };
}

/** Where the files of a report come from, by their paths in it. Those of an archive are not there. */
function sourcesOf(place: ObjectPlace): Map<string, SourceDescriptor> {
  const files = place.kind === 'file' ? [place.file] : [...place.listing.files.values()];
  return new Map(files.map(({ path, source }) => [path, source]));
}

async function scanPlace(
  target: string,
  place: ObjectPlace,
  options: ScanOptions,
  hooks: ScanHooks,
): Promise<TargetReport> {
  if (place.kind === 'directory') return scanOrigin(storedOrigin(place), options, hooks);
  const { shard, ...whole } = options;
  if (shard !== undefined && !takesWhole(shard, target)) return blankTarget(target, 'file');
  const { source } = place.file;
  const kind = await sniffArchive(target, source);
  if (kind === undefined) return scanFile(target, whole, hooks, source);
  const { scanArchive } = await import('./archive/archive.js');
  if (isRanges(kind)) return scanArchive(target, kind, whole, hooks, { source });
  const copy = await keptObject(target, source);
  try {
    return await scanArchive(target, kind, whole, hooks, { copy: copy.path });
  } finally {
    await copy.remove();
  }
}
