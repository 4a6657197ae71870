import type { SourceDescriptor } from '../bytes/source.js';
import { type Database, readDatabase } from '../engine/database.js';
import type { Replacement } from '../io/inventory.js';
import { contentSize } from './content.js';
import { absolute } from './place.js';
import type { RepairPlan, Segment } from './plan.js';

/** The files of a plan as they will be, for readers that take them in place of what is on disk. `earlier`: of what it was made for. */
export function replacementsOf(plan: RepairPlan, earlier: readonly Replacement[] = []): Replacement[] {
  return plan.steps.map((step) => ({
    file: step.path,
    ...(step.root !== undefined && { root: step.root }),
    ...(step.action === 'write' && {
      content: {
        source: sourceOf(plan.target, step.content, earlier),
        size: contentSize(step.content),
      },
    }),
  }));
}

/** The bytes that segments make up, to be read from where they are. */
export function sourceOf(
  target: string,
  content: readonly Segment[],
  earlier: readonly Replacement[] = [],
): SourceDescriptor {
  return { kind: 'pieces', pieces: content.map((segment) => piece(target, segment, earlier)) };
}

/** The database as carrying out the plan would leave it. Nothing is written: the new files are read from their parts. */
export function databaseAfter(database: Database, plan: RepairPlan): Promise<Database> {
  return readDatabase(database.target, { ...database.request, instead: replacementsOf(plan) });
}

/** The same of a plan that was made for what earlier ones leave, as `database` has it: what they change stays. */
export function databaseFurther(database: Database, plan: RepairPlan): Promise<Database> {
  const { instead: earlier = [] } = database.request;
  const next = replacementsOf(plan, earlier);
  const kept = earlier.filter((one) => !next.some((other) => isOf(other, one.root, one.file)));
  return readDatabase(database.target, { ...database.request, instead: [...kept, ...next] });
}

const isOf = (one: Replacement, root: string | undefined, file: string): boolean =>
  one.file === file && one.root === root;

function piece(target: string, segment: Segment, earlier: readonly Replacement[]) {
  const { from } = segment;
  const before =
    from === 'plan' ? undefined : earlier.find((one) => isOf(one, segment.root, segment.path))?.content;
  const of: SourceDescriptor =
    from === 'plan'
      ? { kind: 'memory', bytes: segment.bytes }
      : (before?.source ?? { kind: 'file', path: absolute(target, segment) });
  return from === 'plan'
    ? { of, offset: 0, length: segment.bytes.length }
    : { of, offset: segment.offset, length: segment.length };
}
