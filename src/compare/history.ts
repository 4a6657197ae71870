import type { Database } from '../engine/database.js';
import { type LoggedBatch, loggedBatches } from '../recovery/logged-batches.js';

/** A place at which two histories are not the same. */
export interface Divergence {
  sequence: bigint;
  /** What each side has at that sequence; absent where no batch of it begins there. */
  a?: LoggedBatch;
  b?: LoggedBatch;
}

export interface Span {
  first: bigint;
  last: bigint;
}

/** Two histories side by side, from the WALs that exist (archived ones too). */
export interface HistoryComparison {
  /** Sequences that the WALs of each side span; absent without a batch in them. */
  a?: Span;
  b?: Span;
  /** Batches that are the same on both. */
  same: number;
  /** Of the part that both span. */
  divergences: number;
  /** The first of them. */
  first: Divergence[];
}

/** Divergences that are kept. */
const KEPT = 20;

/** The batches of one side, with a look at the next. */
class History {
  next: LoggedBatch | undefined;
  span: Span | undefined;

  constructor(private readonly batches: AsyncGenerator<LoggedBatch>) {}

  async advance(): Promise<void> {
    do {
      this.next = (await this.batches.next()).value as LoggedBatch | undefined;
      // log data alone takes no sequence: the batch after it begins at the same
    } while (this.next?.count === 0);
    if (this.next === undefined) return;
    const last = this.next.sequence + BigInt(this.next.count) - 1n;
    this.span ??= { first: this.next.sequence, last };
    if (last > this.span.last) this.span.last = last;
  }
}

/** Compares two histories batch by batch, by sequence number. */
export async function compareHistories(a: Database, b: Database): Promise<HistoryComparison> {
  const left = new History(loggedBatches(a));
  const right = new History(loggedBatches(b));
  await Promise.all([left.advance(), right.advance()]);
  const result: HistoryComparison = { same: 0, divergences: 0, first: [] };
  const begun = { left: false, right: false };
  const note = (divergence: Divergence) => {
    result.divergences++;
    if (result.first.length < KEPT) result.first.push(divergence);
  };
  while (left.next !== undefined && right.next !== undefined) {
    const [x, y] = [left.next, right.next];
    if (x.sequence === y.sequence) {
      begun.left = begun.right = true;
      if (Buffer.compare(x.bytes, y.bytes) === 0) result.same++;
      else note({ sequence: x.sequence, a: x, b: y });
      await Promise.all([left.advance(), right.advance()]);
    } else if (x.sequence < y.sequence) {
      // what the other side's logs begin after is purged there, and no divergence
      if (begun.right) note({ sequence: x.sequence, a: x });
      begun.left = true;
      await left.advance();
    } else {
      if (begun.left) note({ sequence: y.sequence, b: y });
      begun.right = true;
      await right.advance();
    }
  }
  while (left.next !== undefined) await left.advance();
  while (right.next !== undefined) await right.advance();
  return { ...result, ...(left.span && { a: left.span }), ...(right.span && { b: right.span }) };
}
