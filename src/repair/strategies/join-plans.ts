import { contentSize } from '../content.js';
import { placeKey } from '../place.js';
import type { RepairPlan, RepairStep, Segment } from '../plan.js';

/**
 * Two plans as one, where the second was made for the files as the first leaves them: what it takes of a file that the first
 * writes is taken of the content that the first gives it.
 */
export function joinPlans(first: RepairPlan, second: RepairPlan): RepairPlan {
  const before = new Map(first.steps.map((step) => [placeKey(step), step]));
  const later = new Set(second.steps.map(placeKey));
  const inputs = new Map([...second.inputs, ...first.inputs].map((state) => [placeKey(state), state]));
  // a file that the first plan makes is no input: it is not there yet
  for (const [key, step] of before) {
    if (step.changes.every(({ kind }) => kind === 'create-file')) inputs.delete(key);
  }
  return {
    ...second,
    inputs: [...inputs.values()],
    steps: [
      ...first.steps.filter((step) => !later.has(placeKey(step))),
      ...second.steps.map((step) => rebased(step, before)),
    ],
    loss: [...first.loss, ...second.loss],
    ...both(first, second, 'unproven'),
    ...both(first, second, 'undecided'),
    remarks: [...first.remarks, ...second.remarks],
  };
}

function both(first: RepairPlan, second: RepairPlan, field: 'unproven' | 'undecided'): Partial<RepairPlan> {
  const all = [...(first[field] ?? []), ...(second[field] ?? [])];
  return all.length > 0 ? { [field]: all } : {};
}

function rebased(step: RepairStep, before: ReadonlyMap<string, RepairStep>): RepairStep {
  const own = before.get(placeKey(step));
  const changes = own === undefined ? step.changes : [...own.changes, ...step.changes];
  if (step.action === 'remove') return { ...step, changes };
  const content = step.content.flatMap((segment) => {
    const source = segment.from === 'file' ? before.get(placeKey(segment)) : undefined;
    if (segment.from !== 'file' || source?.action !== 'write') return [segment];
    return cut(source.content, segment.offset, segment.length);
  });
  return { ...step, changes, content };
}

/** Bytes `[offset, offset + length)` of the content that segments make up. */
export function cut(segments: readonly Segment[], offset: number, length: number): Segment[] {
  const pieces: Segment[] = [];
  let at = 0;
  for (const segment of segments) {
    const size = contentSize([segment]);
    const from = Math.max(0, offset - at);
    const to = Math.min(size, offset + length - at);
    if (from < to) {
      pieces.push(
        segment.from === 'plan'
          ? { from: 'plan', bytes: segment.bytes.subarray(from, to) }
          : { ...segment, offset: segment.offset + from, length: to - from },
      );
    }
    at += size;
  }
  return pieces;
}
