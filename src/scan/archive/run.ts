import { ReusedBuffer } from '../../bytes/reused-buffer.js';
import type { SourceDescriptor } from '../../bytes/source.js';
import { type ArchiveMember, type ArchiveReading, walkArchive } from '../../io/archive.js';
import { type ArchiveIndex, WHOLE_MEMBER } from '../../io/archive-index.js';
import { concatenated, PassingSource } from '../../io/archive-window.js';
import type { PlannedUnit } from '../plan.js';
import type { UnitRunner } from '../run.js';
import { runUnit } from '../run-unit.js';
import type { UnitOutcome } from '../unit.js';

/**
 * Runs units while a compressed archive streams by. A member is held in memory while it is checked, one at a time and in a buffer
 * that the next one reuses; a larger one is checked as it passes, with what was kept of its end.
 */
export function archiveRunner(
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
