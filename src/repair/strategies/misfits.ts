import { LostTallies } from '../../app/lost.js';
import type { Profile } from '../../app/profile.js';
import { counted } from '../../finding/quantity.js';
import type { BatchOp } from '../../format/batch/batch.js';
import type { LossStatement } from '../plan.js';
import type { LostOperations } from './lost-operations.js';
import { familyFacts, operationList, type PlanNames } from './operation-facts.js';

/** A record of a log that is whole and cannot follow what was kept before it. */
interface Misfit {
  offset: number;
  sequence: bigint;
  /** Operations that its header counts. */
  counted: number;
  gone: LostOperations;
}

/** Records of a log that cannot follow what was kept before them, of which those that follow each other are one statement. */
export class Misfits {
  private run: Misfit[] = [];

  constructor(
    private readonly file: Pick<LossStatement, 'file' | 'root'>,
    private readonly names: PlanNames,
  ) {}

  add(misfit: Misfit): void {
    this.run.push(misfit);
  }

  /** What was added since the last call. */
  statements(): LossStatement[] {
    const { run, file, names } = this;
    if (run.length === 0) return [];
    this.run = [];
    const [{ offset, sequence }] = run;
    const last = run[run.length - 1];
    const count = run.reduce((sum, { gone }) => sum + gone.count, 0);
    const all = run.reduce((sum, each) => sum + each.counted, 0);
    const which =
      run.length === 1
        ? `the record at ${offset} (sequence ${sequence}): it is out of order`
        : `${counted(run.length, 'record')} from ${offset} to ${last.offset} (sequences ${sequence} to ${last.sequence}): they are out of order`;
    const operations = run.flatMap(({ gone }) => gone.operations);
    return [
      {
        ...file,
        detail: `${which}${notKept(count, all) || '; nothing of it is kept'}`,
        facts: {
          offset,
          sequence: String(sequence),
          ...(run.length > 1 && { records: run.length, lastSequence: String(last.sequence) }),
          kept: 0,
          operations: count,
          ...(operations.length > 0 && {
            columnFamilies: familyFacts(operations, names),
            ...operationList(operations, names),
          }),
          ...wordsFor(
            run.flatMap(({ gone }) => gone.ops),
            names.profile,
          ),
        },
      },
    ];
  }
}

/** How many of the operations that a header counts a salvage gives up; empty where it is none. */
export function notKept(gone: number, of: number): string {
  if (gone === 0) return '';
  if (gone === of)
    return of === 1 ? '; its one operation is not kept' : `; none of the ${of} operations is kept`;
  return `; ${gone} of the ${of} operations that its header counts ${gone === 1 ? 'is' : 'are'} not kept`;
}

/** What a cut of a batch loses, in the application's words. */
export function wordsFor(ops: readonly BatchOp[], profile: Profile | undefined): LossStatement['facts'] {
  if (profile === undefined) return {};
  const tallies = new LostTallies(profile);
  tallies.addPart(ops, 0);
  const commands = tallies.of(0);
  return commands === undefined ? {} : { commands: { ...commands } };
}
