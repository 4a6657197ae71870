import { ReusedBuffer } from '../../bytes/reused-buffer.js';
import type { SourceDescriptor } from '../../bytes/source.js';
import type { UnitResult } from '../../check/unit.js';
import { type ArchiveMember, type ArchiveReading, walkArchive } from '../../io/archive.js';
import { type ArchiveIndex, WHOLE_MEMBER } from '../../io/archive-index.js';
import { concatenated, PassingSource } from '../../io/archive-window.js';
import type { PlannedUnit } from '../plan.js';
import type { FileOutcome, RunHooks } from '../run.js';
import { runUnit } from '../run-unit.js';
import type { UnitOutcome } from '../unit.js';

/** Called with what came of a file while its bytes are at hand. */
export type OnContent = (result: UnitResult, source: SourceDescriptor) => Promise<void>;

/**
 * Runs units while a compressed archive streams by. A member is held in memory while it is checked, one at a time and in a buffer
 * that the next one reuses; a larger one is checked as it passes, with what was kept of its end.
 */
export function archiveRunner(
  archive: string,
  root: string,
  listing: ArchiveIndex,
  reading: Omit<ArchiveReading, 'signal'>,
  onContent?: OnContent,
) {
  return async (units: readonly PlannedUnit[], _jobs: number, hooks: RunHooks): Promise<FileOutcome[]> => {
    const waiting = unitsByMember(units, root, listing);
    const outcomes = new Map<PlannedUnit, UnitOutcome>();
    const take = (unit: PlannedUnit, outcome: UnitOutcome) => {
      outcomes.set(unit, outcome);
      if (outcome.state === 'done') hooks.onUnit?.(unit, outcome.result.findings);
    };
    const largest = Math.max(0, ...wholeSizes(waiting));
    const buffer = new ReusedBuffer();
    await walkArchive(
      archive,
      { ...reading, ...(hooks.signal && { signal: hooks.signal }) },
      async (member) => {
        const own = waiting.get(member.path) ?? [];
        if (own.length === 0) return;
        if (member.size > WHOLE_MEMBER) {
          const [first, ...rest] = own;
          take(first, await passing(member, first, listing));
          // who has it under another name as well would have to read it again
          for (const unit of rest) outcomes.set(unit, tooLarge(unit));
          return;
        }
        const bytes = await concatenated(member.content, member.size, buffer.give(largest));
        for (const unit of own) {
          const source: SourceDescriptor = { kind: 'memory', bytes };
          const outcome = await runUnit({ ...unit, source }, () => {});
          if (outcome.state === 'done') await onContent?.(outcome.result, source);
          take(unit, outcome);
        }
      },
    );
    return units.map((unit) => outcomeOf(unit, outcomes.get(unit)));
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

function outcomeOf(unit: PlannedUnit, outcome: UnitOutcome | undefined): FileOutcome {
  const { entry } = unit;
  const nothing = { entry, findings: [], unchecked: [], vanished: false, bytesRead: 0 };
  if (outcome?.state === 'done') {
    const { findings, unchecked, facts, bytesRead, crc } = outcome.result;
    return {
      entry,
      findings: [...findings].sort((a, b) => (a.offset ?? -1) - (b.offset ?? -1)),
      unchecked,
      facts,
      vanished: false,
      bytesRead,
      ...(crc !== undefined && { crc }),
    };
  }
  const reason =
    outcome?.state === 'unreadable' ? outcome.reason : 'the scan was stopped before it came to this file';
  return { ...nothing, unchecked: [{ file: entry.file, reason }] };
}
