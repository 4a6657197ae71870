import path from 'node:path';
import { BeyondLimit } from '../../bytes/beyond-limit.js';
import { ReusedBuffer } from '../../bytes/reused-buffer.js';
import type { SourceDescriptor } from '../../bytes/source.js';
import { databaseRoots, reasonForNone } from '../../engine/archive-root.js';
import { findingAt } from '../../finding/finding-at.js';
import {
  type ArchiveDamage,
  type ArchiveMember,
  type ArchiveReading,
  walkArchive,
} from '../../io/archive.js';
import { type ArchiveIndex, indexArchive, listingBelow, WHOLE_MEMBER } from '../../io/archive-index.js';
import type { ArchiveKind } from '../../io/archive-stream.js';
import { concatenated, PassingSource } from '../../io/archive-window.js';
import { fileSize } from '../../io/file-size.js';
import type { Listing } from '../../io/listing.js';
import type { TargetReport } from '../../report/report.js';
import type { ScanHooks, ScanOptions } from '../options.js';
import { listedOrigin } from '../origin.js';
import { scanOrigin } from '../pipeline.js';
import type { PlannedUnit } from '../plan.js';
import type { UnitRunner } from '../run.js';
import { runUnit } from '../run-unit.js';
import { blankTarget } from '../target.js';
import type { UnitOutcome } from '../unit.js';

/**
 * Checks a database or backup directory inside an archive, without unpacking it to disk. A compressed tar archive is read twice: once to see
 * what is there and to read the metadata, which may stand after what it describes, and once to check tables, WALs and blob files as they
 * pass. In a zip archive, or one that is not compressed, each file is read directly. `stored`, of one in a bucket: a copy on this machine, or
 * where its bytes are.
 */
export async function scanArchive(
  target: string,
  kind: ArchiveKind,
  options: ScanOptions,
  hooks: ScanHooks,
  stored?: { copy: string } | { source: SourceDescriptor },
): Promise<TargetReport> {
  const { compression } = kind;
  const file = stored !== undefined && 'copy' in stored ? stored.copy : target;
  // read twice where it is compressed; of others no more than headers is read here
  const total = ((await fileSize(file)) ?? 0) * 2;
  let done = 0;
  const reading = {
    compression,
    onRead(bytes: number) {
      done += bytes;
      hooks.onProgress?.({ done: Math.min(done, total), total });
    },
    ...(hooks.signal && { signal: hooks.signal }),
  };
  let archive: ArchiveIndex;
  try {
    archive = await indexArchive(file, kind, {
      ...reading,
      ...(stored !== undefined && 'source' in stored && stored),
      verify: true,
    });
  } catch (error) {
    if (!(error instanceof BeyondLimit)) throw error;
    return blankTarget(target, 'file', error.reason);
  }
  const roots = databaseRoots(archive);
  const [root] = roots;
  if (roots.length !== 1 || hooks.signal?.aborted) {
    return withDamage(blankTarget(target, 'file', reasonForNone(roots)), archive.damage, target);
  }
  const listing = listingBelow(target, archive, root);
  const origin = listedOrigin(listing);
  const report = await scanOrigin(
    compression === 'none'
      ? origin
      : { ...origin, run: archiveRunner(file, root, archive, reading), seekable: false },
    options,
    hooks,
  );
  return withDamage({ ...report, archive: { ...kind, root } }, archive.damage, target, listing);
}

/** Says that the archive is damaged, and takes back what is missing only because of that. */
function withDamage(
  report: TargetReport,
  damage: ArchiveDamage | undefined,
  target: string,
  listing?: Listing,
): TargetReport {
  if (damage === undefined) return report;
  const { members } = damage;
  const own = findingAt({ file: path.basename(target) }, `archive/${damage.kind}`, {
    message: messageOf(damage),
    evidence: {
      reason: damage.reason,
      ...(damage.tarBytes > 0 && { tarBytes: damage.tarBytes }),
      compressedBytesRead: damage.readBytes,
    },
  });
  if (members !== undefined) return { ...report, findings: [own, ...report.findings] };
  const there = report.findings.filter(({ file }) => listing?.files.has(file) ?? false);
  const files = report.files.filter(({ status }) => status !== 'missing');
  return { ...report, findings: [own, ...there], files };
}

function messageOf({ kind, members, tarBytes }: ArchiveDamage): string {
  if (members !== undefined) {
    const more = members.length > 3 ? ` and ${members.length - 3} more` : '';
    return `${members.slice(0, 3).join(', ')}${more} cannot be unpacked as packed`;
  }
  if (tarBytes === 0) return 'the archive cannot be read';
  return kind === 'cut-short'
    ? `the archive ends before its end, after ${tarBytes} bytes of files and headers`
    : `the archive cannot be read on after ${tarBytes} bytes of files and headers`;
}

/**
 * Runs units while a compressed archive streams by. A member is held in memory while it is checked, one at a time and in a buffer
 * that the next one reuses; a larger one is checked as it passes, with what was kept of its end.
 */
function archiveRunner(
  archive: string,
  root: string,
  index: ArchiveIndex,
  reading: Omit<ArchiveReading, 'signal'>,
): UnitRunner {
  return async (units, _jobs, { onUnit, limits = {}, signal }) => {
    const waiting = unitsByMember(units, root, index);
    const outcomes = new Map<number, UnitOutcome>();
    const take = async (unit: PlannedUnit, outcome: UnitOutcome, source: SourceDescriptor) => {
      outcomes.set(unit.id, outcome);
      if (outcome.state === 'done') await onUnit?.(unit, outcome.result, source);
    };
    const isOver = () => limits.until !== undefined && performance.now() > limits.until;
    const largest = Math.max(0, ...wholeSizes(waiting));
    const buffer = new ReusedBuffer();
    await walkArchive(archive, { ...reading, ...(signal && { signal }) }, async (member) => {
      const own = waiting.get(member.path) ?? [];
      if (own.length === 0 || isOver()) return;
      if (member.size > WHOLE_MEMBER) {
        const [first, ...rest] = own;
        await take(first, await passing(member, first, index), first.source);
        // who has it under another name as well would have to read it again
        for (const unit of rest) outcomes.set(unit.id, tooLarge(unit));
        return;
      }
      const bytes = await concatenated(member.content, member.size, buffer.give(largest));
      for (const unit of own) {
        const source: SourceDescriptor = { kind: 'memory', bytes };
        await take(unit, await runUnit({ ...unit, source }, () => {}), source);
      }
    });
    return outcomes;
  };
}

function unitsByMember(
  units: readonly PlannedUnit[],
  root: string,
  { links }: ArchiveIndex,
): Map<string, PlannedUnit[]> {
  const waiting = new Map<string, PlannedUnit[]>();
  for (const unit of units) {
    const path = root === '' ? unit.entry.file : `${root}/${unit.entry.file}`;
    const member = links.get(path) ?? path;
    const known = waiting.get(member);
    if (known) known.push(unit);
    else waiting.set(member, [unit]);
  }
  return waiting;
}

function wholeSizes(waiting: ReadonlyMap<string, readonly PlannedUnit[]>): number[] {
  return [...waiting.values()].map(([{ entry }]) => entry.size).filter((size) => size <= WHOLE_MEMBER);
}

async function passing(
  member: ArchiveMember,
  unit: PlannedUnit,
  { tails }: ArchiveIndex,
): Promise<UnitOutcome> {
  const source = new PassingSource(member, member.size, tails.get(member.path) ?? new Uint8Array(0));
  const outcome = await runUnit(unit, () => {}, source);
  await source.drain();
  return outcome.state === 'unreadable' && outcome.code === 'ENOTSUP' ? tooLarge(unit) : outcome;
}

function tooLarge(unit: PlannedUnit): UnitOutcome {
  const reason = 'too large to be checked inside a compressed archive: unpack it';
  return { unit: unit.id, state: 'unreadable', code: 'ENOTSUP', reason };
}
