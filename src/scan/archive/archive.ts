import { availableParallelism } from 'node:os';
import path from 'node:path';
import { profileOf } from '../../app/application.js';
import { readInventory } from '../../engine/database.js';
import { BACKUP_DIRECTORIES } from '../../engine/detect.js';
import { ruleOf } from '../../finding/catalog.js';
import type { Finding } from '../../finding/finding.js';
import { parseFileName } from '../../format/filename.js';
import type { ArchiveDamage } from '../../io/archive.js';
import { type ArchiveIndex, indexArchive, listingBelow } from '../../io/archive-index.js';
import type { Compression } from '../../io/archive-stream.js';
import { fileSize } from '../../io/file-size.js';
import { entryOf, entryReader, inventoryOf, type Listing } from '../../io/listing.js';
import type { TargetReport } from '../../report/report.js';
import {
  applicationReport,
  checkContents,
  nameLostKeys,
  sayInWords,
  sayWhatWasWritten,
} from '../application.js';
import { scanBackupTree, type UnitRunner } from '../backup/backup.js';
import { conclude } from '../conclude.js';
import type { ScanHooks, ScanOptions } from '../options.js';
import { planUnits } from '../plan.js';
import { runPlan } from '../run.js';
import { findingsOf } from '../shards/scan.js';
import { emptyTarget, reasonNotToCheck } from '../target.js';
import { archiveRunner, type OnContent } from './run.js';

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
  const runner = (onContent?: OnContent): UnitRunner =>
    compression === 'none' ? runPlan : archiveRunner(target, root, archive, reading, onContent);
  const { onFinding } = hooks;
  const ownHooks = {
    ...hooks,
    ...(onFinding && { onFinding: (found: Finding) => onFinding(packed(found)) }),
  };
  const report = isBackup(listing)
    ? await scanBackupTree(listing, options, ownHooks, runner())
    : await scanDatabaseTree(listing, options, ownHooks, runner);
  report.findings = report.findings.map(packed);
  return withDamage(report, archive.damage, target, listing);
}

/** A finding as it is in an archive: commands to type next work on directories. */
function packed({ next: _, ...found }: Finding): Finding {
  return found;
}

function nothingToCheck(target: string, roots: readonly string[]): TargetReport {
  const reason =
    roots.length > 1
      ? `the archive holds several databases, ${roots.slice(0, 5).join(', ')}: pack each by itself`
      : 'the archive holds no database and no backup directory';
  return {
    path: target,
    kind: 'file',
    engine: { name: 'unknown' },
    options: { walRecoveryMode: 'point-in-time' },
    columnFamilies: [],
    files: [],
    findings: [],
    unchecked: [{ file: '.', reason }],
    bytesRead: 0,
  };
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

function isBackup({ files }: Listing): boolean {
  const top = new Set([...files.keys()].map((file) => file.split('/')[0]));
  return (
    BACKUP_DIRECTORIES.filter((name) => top.has(name)).length >= 2 &&
    ![...files.keys()].some((file) => parseFileName(file).kind === 'manifest')
  );
}

async function scanDatabaseTree(
  listing: Listing,
  options: ScanOptions,
  hooks: ScanHooks,
  runner: (onContent?: OnContent) => UnitRunner,
): Promise<TargetReport> {
  const request = options.engineVersion === undefined ? {} : { engineVersion: options.engineVersion };
  const database = await readInventory(databaseInventory(listing), entryReader, request);
  const report = emptyTarget(listing.target, database, options.kind);
  const unsupported = reasonNotToCheck(database);
  if (unsupported !== undefined) {
    report.unchecked.push({ file: '.', reason: unsupported });
    return report;
  }
  const profile = await profileOf(database, options.profile);
  const run = runner(async ({ findings, facts }, source) => {
    if (profile !== undefined) await sayWhatWasWritten(findings, facts, source, profile);
  });
  const jobs = run === runPlan ? (options.jobs ?? availableParallelism()) : 1;
  const units = await planUnits(database, options.depth ?? 'full', jobs);
  const circumstances = { atRest: report.kind !== 'database', owned: false };
  const outcomes = await run(units, jobs, { ...hooks, onUnit: findingsOf(database, circumstances, hooks) });
  if (profile !== undefined) await sayInWords(outcomes, database, profile);
  await conclude(report, database, outcomes, circumstances);
  if (profile !== undefined) {
    report.application = applicationReport(profile);
    nameLostKeys(report, database, profile);
  }
  if (options.application && run === runPlan) await checkContents(report, database, profile);
  else if (options.application)
    report.unchecked.push({ file: '.', reason: 'its contents: they cannot be read in a compressed archive' });
  report.bytesRead = outcomes.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
  return report;
}

const places: Record<string, 'archive' | 'lost'> = { archive: 'archive', lost: 'lost' };

/** As listing the directory would give it. */
function databaseInventory(listing: Listing) {
  const directories = new Set<string>();
  const entries = [...listing.files.values()].flatMap((file) => {
    const [first, second, ...rest] = file.path.split('/');
    if (second === undefined) return [entryOf(file, first)];
    directories.add(first);
    const place = Object.hasOwn(places, first) ? places[first] : undefined;
    return place && rest.length === 0 ? [entryOf(file, second, place)] : [];
  });
  return inventoryOf(listing.target, entries, [...directories]);
}

/** Says that the archive is damaged, and takes back what is missing only because of that. */
function withDamage(
  report: TargetReport,
  damage: ArchiveDamage | undefined,
  target: string,
  listing?: Listing,
): TargetReport {
  if (damage === undefined) return report;
  const rule = `archive/${damage.kind}` as const;
  const own: Finding = {
    rule,
    severity: ruleOf(rule).severity,
    file: path.basename(target),
    message:
      damage.kind === 'cut-short'
        ? `the archive ends before its end, after ${damage.tarBytes} bytes of files and headers`
        : `the archive cannot be read on after ${damage.tarBytes} bytes of files and headers`,
    evidence: { reason: damage.reason, tarBytes: damage.tarBytes, compressedBytesRead: damage.readBytes },
  };
  const there = report.findings.filter(({ file }) => listing?.files.has(file) ?? false);
  const files = report.files.filter(({ status }) => status !== 'missing');
  return { ...report, findings: [own, ...there], files };
}
