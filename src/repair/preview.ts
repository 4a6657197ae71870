import type { SourceDescriptor } from '../bytes/source.js';
import { type Database, readDatabase } from '../engine/database.js';
import type { Replacement } from '../io/inventory.js';
import { contentSize } from './content.js';
import { absolute } from './place.js';
import type { RepairPlan, Segment } from './plan.js';

type PlannedFiles = Pick<RepairPlan, 'target' | 'steps'>;

/** The files of a plan as they will be, for readers that take them in place of what is on disk. `earlier`: of what it was made for. */
export function replacementsOf(plan: PlannedFiles, earlier: readonly Replacement[] = []): Replacement[] {
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

/**
 * The database as carrying out the plan would leave it. Nothing is written: the new files are read from their parts. Where the plan was made for
 * what earlier ones leave, what these change stays.
 */
export function databaseAfter(database: Database, plan: PlannedFiles): Promise<Database> {
  return readDatabase(database.target, { ...database.request, instead: filesAfter(database, plan) });
}

/** The files that such a database takes in place of what is on disk. */
export function filesAfter({ request }: Database, plan: PlannedFiles): Replacement[] {
  const { instead: earlier = [] } = request;
  const next = replacementsOf(plan, earlier);
  return [...earlier.filter((one) => !next.some((other) => isOf(other, one.root, one.file))), ...next];
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
