import type { BatchOp } from '../format/batch/batch.js';
import { decodeBatch } from '../format/batch/decode.js';
import { type CommandLine, toCommandLines } from './command-lines.js';
import type { Profile } from './profile.js';

/** Lines that are kept of all that is lost: the first ones. */
const KEPT = 20;
/** Batches that are taken apart; after them only how many is known. */
const TAKEN_APART = 200_000;

/** What batches that are lost did, in the application's words. */
export interface LostWords {
  /** Lines in all. */
  count: number;
  /** How many of each kind, most first, where the application's lines are of kinds. */
  kinds?: { kind: string; count: number }[];
  first: CommandLine[];
  /** Batches among them whose checksum does not match: only what decodes is shown. */
  damagedBatches?: number;
  /** Batches that were not taken apart: there are too many. */
  batchesLeftOut?: number;
}

/** One tally of several that get the same batch. */
class Tally {
  count = 0;
  batches = 0;
  damaged = 0;
  readonly kinds = new Map<string, number>();
  readonly first: CommandLine[] = [];

  words(): LostWords {
    const { count, first, batches, damaged } = this;
    const kinds = [...this.kinds]
      .map(([kind, times]) => ({ kind, count: times }))
      .sort((a, b) => b.count - a.count);
    const left = batches - TAKEN_APART;
    return {
      count,
      ...(kinds.length > 0 && { kinds }),
      first,
      ...(damaged > 0 && { damagedBatches: damaged }),
      ...(left > 0 && { batchesLeftOut: left }),
    };
  }
}

/** Counts what lost batches did, for several outcomes at a time. */
export class LostTallies {
  private readonly tallies = new Map<number, Tally>();

  constructor(private readonly profile: Profile) {}

  /** A batch that the outcomes of these numbers lose. */
  add(batch: Uint8Array, outcomes: readonly number[], damaged = false): void {
    const tallies = outcomes.map((outcome) => this.tallyOf(outcome));
    for (const tally of tallies) tally.batches++;
    if (tallies.every(({ batches }) => batches > TAKEN_APART)) return;
    this.addOperations(decodeBatch(batch).ops, tallies, damaged);
  }

  private addOperations(ops: readonly BatchOp[], all: readonly Tally[], damaged: boolean): void {
    const words = this.profile.batchWords(ops);
    if (words === undefined) return;
    for (const tally of all.filter(({ batches }) => batches <= TAKEN_APART)) {
      tally.count += words.lines.length;
      if (damaged) tally.damaged++;
      for (const kind of words.kinds ?? []) tally.kinds.set(kind, (tally.kinds.get(kind) ?? 0) + 1);
      // the record's buffer is used again: words are made of copies
      if (tally.first.length < KEPT)
        tally.first.push(...toCommandLines(words).first.slice(0, KEPT - tally.first.length));
    }
  }

  /** Operations that an outcome loses of a batch of which it keeps others. */
  addPart(ops: readonly BatchOp[], outcome: number): void {
    const tally = this.tallyOf(outcome);
    tally.batches++;
    this.addOperations(ops, [tally], false);
  }

  private tallyOf(outcome: number): Tally {
    const known = this.tallies.get(outcome) ?? new Tally();
    this.tallies.set(outcome, known);
    return known;
  }

  /** What an outcome loses; `undefined` when that is nothing that the application has words for. */
  of(outcome: number): LostWords | undefined {
    const words = this.tallies.get(outcome)?.words();
    return words !== undefined && words.count > 0 ? words : undefined;
  }
}
