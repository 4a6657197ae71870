import type { Database } from '../../engine/database.js';
import { contentSize } from '../content.js';
import { placeKey } from '../place.js';
import type { RepairPlan, RepairStep, Segment } from '../plan.js';
import { databaseAfter } from '../preview.js';
import { type HealRequest, planHeal } from './heal.js';

/** A plan that heals what is proven and then does something else, and the database that the second part was made for. */
export interface HealedPlan {
  plan: RepairPlan;
  /** The database as healing alone would leave it: what the second part's promise is held against. */
  healed: Database;
}

/**
 * Heals first, then plans for what the healed database needs: one plan for both, so that a file is written once. `then` is
 * given the healed database, whose files are read from their parts.
 */
export async function planHealFirst(
  database: Database,
  then: (healed: Database) => Promise<RepairPlan>,
  request: HealRequest = {},
): Promise<HealedPlan> {
  const heal = await planHeal(database, request);
  if (heal.steps.length === 0) return { plan: await then(database), healed: database };
  const healed = await databaseAfter(database, heal);
  return { plan: joined(heal, await then(healed)), healed };
}

/** Both plans as one: pieces that the second takes of a healed file are taken of its healed content. */
function joined(heal: RepairPlan, then: RepairPlan): RepairPlan {
  const healedSteps = new Map(heal.steps.map((step) => [placeKey(step), step]));
  const own = new Set(then.steps.map(placeKey));
  const steps = then.steps.map((step) => rebased(step, healedSteps));
  const inputs = new Map([...heal.inputs, ...then.inputs].map((state) => [placeKey(state), state]));
  return {
    ...then,
    strategy: `heal, then ${then.strategy}`,
    inputs: [...inputs.values()],
    steps: [...heal.steps.filter((step) => !own.has(placeKey(step))), ...steps],
    loss: then.loss,
    remarks: [...healRemarks(heal), ...then.remarks],
  };
}

function healRemarks({ steps }: RepairPlan): string[] {
  return steps.map(({ path, why }) => `healed first: ${path}, ${why}`);
}

function rebased(step: RepairStep, healed: ReadonlyMap<string, RepairStep>): RepairStep {
  const before = healed.get(placeKey(step));
  const changes = before === undefined ? step.changes : [...before.changes, ...step.changes];
  if (step.action === 'remove') return { ...step, changes };
  const content = step.content.flatMap((segment) => {
    const source = segment.from === 'file' ? healed.get(placeKey(segment)) : undefined;
    if (segment.from !== 'file' || source?.action !== 'write') return [segment];
    return cut(source.content, segment.offset, segment.length);
  });
  return { ...step, changes, content };
}

/** Bytes `[offset, offset + length)` of what segments come to, as segments. */
function cut(segments: readonly Segment[], offset: number, length: number): Segment[] {
  const parts: Segment[] = [];
  let at = 0;
  for (const segment of segments) {
    const size = contentSize([segment]);
    const from = Math.max(offset - at, 0);
    const to = Math.min(offset + length - at, size);
    if (from < to) {
      parts.push(
        segment.from === 'plan'
          ? { from: 'plan', bytes: segment.bytes.subarray(from, to) }
          : { ...segment, offset: segment.offset + from, length: to - from },
      );
    }
    at += size;
  }
  return parts;
}
