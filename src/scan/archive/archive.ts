import path from 'node:path';
import { BACKUP_DIRECTORIES } from '../../engine/detect.js';
import { findingAt } from '../../finding/finding-at.js';
import { parseFileName } from '../../format/filename.js';
import type { ArchiveDamage } from '../../io/archive.js';
import { type ArchiveIndex, indexArchive, listingBelow } from '../../io/archive-index.js';
import type { Compression } from '../../io/archive-stream.js';
import { fileSize } from '../../io/file-size.js';
import type { Listing } from '../../io/listing.js';
import type { TargetReport } from '../../report/report.js';
import type { ScanHooks, ScanOptions } from '../options.js';
import { listedOrigin } from '../origin.js';
import { scanOrigin } from '../pipeline.js';
import { blankTarget } from '../target.js';
import { archiveRunner } from './run.js';

/**
 * Checks a database or backup directory where it lies in a tar archive. The archive is read twice: once to see what is there and
 * to read the metadata, which may stand behind what it describes, and once to check tables, WALs and blob files as they pass.
 * Nothing is unpacked to disk. The second reading of an uncompressed archive goes to each file directly.
 */
export async function scanArchive(
  target: string,
  compression: Compression,
  options: ScanOptions,
  hooks: ScanHooks,
): Promise<TargetReport> {
  const passes = compression === 'none' ? 1 : 2;
  const total = ((await fileSize(target)) ?? 0) * passes;
  let done = 0;
  const reading = {
    compression,
    onRead(bytes: number) {
      done += bytes;
      hooks.onProgress?.({ done: Math.min(done, total), total });
    },
    ...(hooks.signal && { signal: hooks.signal }),
  };
  const archive = await indexArchive(target, reading);
  const roots = rootsOf(archive);
  const [root] = roots;
  if (roots.length !== 1 || hooks.signal?.aborted) {
    return withDamage(nothingToCheck(target, roots), archive.damage, target);
  }
  const listing = listingBelow(target, archive, root);
  const origin = listedOrigin(listing);
  const report = await scanOrigin(
    compression === 'none'
      ? origin
      : { ...origin, run: archiveRunner(target, root, archive, reading), seekable: false },
    options,
    hooks,
  );
  return withDamage(report, archive.damage, target, listing);
}

function nothingToCheck(target: string, roots: readonly string[]): TargetReport {
  const reason =
    roots.length > 1
      ? `the archive holds several databases, ${roots.slice(0, 5).join(', ')}: pack each by itself`
      : 'the archive holds no database and no backup directory';
  return blankTarget(target, 'file', reason);
}

/** Directories of the archive that are a database or a backup directory; what lies in one of these is part of it. */
function rootsOf({ files }: ArchiveIndex): string[] {
  const names = new Map<string, Set<string>>();
  for (const file of files.keys()) {
    for (let at = file; at !== '.'; ) {
      const directory = path.posix.dirname(at);
      const known = names.get(directory);
      if (known) known.add(path.posix.basename(at));
      else names.set(directory, new Set([path.posix.basename(at)]));
      at = directory;
    }
  }
  const found: string[] = [];
  const shallowFirst = [...names.keys()].sort((a, b) => a.length - b.length);
  for (const directory of shallowFirst) {
    if (found.some((root) => root === '.' || directory.startsWith(`${root}/`))) continue;
    const held = names.get(directory) ?? new Set();
    const backup = BACKUP_DIRECTORIES.filter((name) => held.has(name)).length >= 2;
    const kinds = new Set([...held].map((name) => parseFileName(name).kind));
    if (backup || kinds.has('manifest') || kinds.has('current') || kinds.has('options'))
      found.push(directory);
  }
  return found.map((directory) => (directory === '.' ? '' : directory)).sort();
}

/** Says that the archive is damaged, and takes back what is missing only because of that. */
function withDamage(
  report: TargetReport,
  damage: ArchiveDamage | undefined,
  target: string,
  listing?: Listing,
): TargetReport {
  if (damage === undefined) return report;
  const own = findingAt({ file: path.basename(target) }, `archive/${damage.kind}`, {
    message:
      damage.kind === 'cut-short'
        ? `the archive ends before its end, after ${damage.tarBytes} bytes of files and headers`
        : `the archive cannot be read on after ${damage.tarBytes} bytes of files and headers`,
    evidence: { reason: damage.reason, tarBytes: damage.tarBytes, compressedBytesRead: damage.readBytes },
  });
  const there = report.findings.filter(({ file }) => listing?.files.has(file) ?? false);
  const files = report.files.filter(({ status }) => status !== 'missing');
  return { ...report, findings: [own, ...there], files };
}
