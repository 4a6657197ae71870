import type { SourceDescriptor } from '../bytes/source.js';
import { type Database, readDatabase } from '../engine/database.js';
import type { Replacement } from '../io/inventory.js';
import { contentSize } from './content.js';
import { absolute } from './place.js';
import type { RepairPlan, Segment } from './plan.js';

/** The files of a plan as they will be, for readers that take them in place of what is on disk. */
export function replacementsOf(plan: RepairPlan): Replacement[] {
  return plan.steps.map((step) => ({
    file: step.path,
    ...(step.root !== undefined && { root: step.root }),
    ...(step.action === 'write' && {
      content: {
        source: sourceOf(plan.target, step.content),
        size: contentSize(step.content),
      },
    }),
  }));
}

/** The bytes that segments make up, to be read from where they are. */
export function sourceOf(target: string, content: readonly Segment[]): SourceDescriptor {
  return { kind: 'pieces', pieces: content.map((segment) => piece(target, segment)) };
}

/** The database as carrying out the plan would leave it. Nothing is written: the new files are read from their parts. */
export function databaseAfter(database: Database, plan: RepairPlan): Promise<Database> {
  return readDatabase(database.target, { ...database.request, instead: replacementsOf(plan) });
}

function piece(target: string, segment: Segment) {
  const { from } = segment;
  const of: SourceDescriptor =
    from === 'plan'
      ? { kind: 'memory', bytes: segment.bytes }
      : { kind: 'file', path: absolute(target, segment) };
  return from === 'plan'
    ? { of, offset: 0, length: segment.bytes.length }
    : { of, offset: segment.offset, length: segment.length };
}
