/**
 * What the engine knows of one region after replay (tikv/raft-engine src/memtable.rs, 0.4.2): which entries there are and in which
 * batch each lies, and key values. Runs of entries of one batch are kept as one.
 */
import type { Queue } from '../../format/raft-engine/file.js';
import type { BatchPlace } from '../../format/raft-engine/place.js';

/** Consecutive entries that one item of a batch brought. */
export interface EntryRun {
  first: bigint;
  count: number;
  place: BatchPlace;
  /** Where the first begins in the batch's entries, and where each ends. */
  from: number;
  ends: Uint32Array;
}

interface StoredValue {
  key: Uint8Array;
  value: Uint8Array;
  queue: Queue;
}

/** The engine ends with a panic: entries of a region do not follow one another. */
export class ReplayPanic extends Error {
  constructor(
    readonly region: bigint,
    /** The last index before the hole and the first after it. */
    readonly hole: { last: bigint; next: bigint; place: BatchPlace },
  ) {
    super(`memtable ${region} has a hole`);
  }
}

export class RegionTable {
  runs: EntryRun[] = [];
  /** By key, each byte a character. */
  readonly values = new Map<string, StoredValue>();
  /** Entries that lie in the rewrite queue; they are the first ones. */
  rewritten = 0;

  constructor(
    readonly region: bigint,
    /** What lies before a hole stays: to list what files hold, never to tell what the engine makes of them. */
    private readonly keepsHoles = false,
  ) {}

  get first(): bigint | undefined {
    return this.runs[0]?.first;
  }

  get last(): bigint | undefined {
    const run = this.runs.at(-1);
    return run && run.first + BigInt(run.count) - 1n;
  }

  put(key: Uint8Array, value: Uint8Array, queue: Queue): void {
    this.values.set(nameOf(key), { key: key.slice(), value: value.slice(), queue });
  }

  delete(key: Uint8Array): void {
    this.values.delete(nameOf(key));
  }

  /** Entries from append files or, with `holes`, from rewritten ones. */
  append(run: EntryRun, holes: boolean): void {
    if (run.count === 0) return;
    this.makeRoom(run.first, run.place, holes);
    this.runs.push(run);
    if (run.place.queue === 'rewrite') this.rewritten = this.length;
  }

  /** Drops entries below `index`. */
  compact(index: bigint): void {
    const { first } = this;
    if (first === undefined || index <= first) return;
    const before = this.length;
    const ended = this.runs.findIndex((run) => run.first + BigInt(run.count) > index);
    this.runs.splice(0, ended < 0 ? this.runs.length : ended);
    const [run] = this.runs;
    if (run !== undefined && run.first < index) this.runs[0] = cutFront(run, Number(index - run.first));
    this.rewritten -= Math.min(before - this.length, this.rewritten);
  }

  /** What a table of newer files of the same queue has. */
  mergeNewer(newer: RegionTable): void {
    if (newer.runs.length > 0) {
      const [{ first, place }] = newer.runs;
      this.makeRoom(first, place, newer.rewritten > 0);
      this.rewritten += newer.rewritten;
      for (const run of newer.runs) this.runs.push(run);
    }
    for (const [name, value] of newer.values) this.values.set(name, value);
  }

  /** What the table of the append queue has, on top of the rewrite queue's. */
  mergeAppended(appended: RegionTable): void {
    if (appended.runs.length > 0) {
      const [{ first, place }] = appended.runs;
      this.makeRoom(first, place, true);
      for (const run of appended.runs) this.runs.push(run);
    }
    for (const [name, value] of appended.values) this.values.set(name, value);
  }

  private get length(): number {
    return this.runs.length === 0 ? 0 : Number(this.last! - this.first! + 1n);
  }

  /** Drops what entries from `first` on write over; all of it where they lie before it, or after a hole. */
  private makeRoom(first: bigint, place: BatchPlace, holes: boolean): void {
    const { first: own, last } = this;
    if (own === undefined || last === undefined) return;
    if (this.keepsHoles && last < first) return;
    if (last + 1n < first && !holes) throw new ReplayPanic(this.region, { last, next: first, place });
    if (first < own || last + 1n < first) this.runs = [];
    else this.cutBack(first);
    this.rewritten = Math.min(this.rewritten, this.length);
  }

  private cutBack(index: bigint): void {
    while (this.runs.length > 0) {
      const run = this.runs[this.runs.length - 1];
      const kept = index - run.first;
      if (kept >= BigInt(run.count)) return;
      this.runs.pop();
      if (kept > 0n) {
        this.runs.push({ ...run, count: Number(kept), ends: run.ends.subarray(0, Number(kept)) });
        return;
      }
    }
  }
}

function cutFront(run: EntryRun, dropped: number): EntryRun {
  return {
    ...run,
    first: run.first + BigInt(dropped),
    count: run.count - dropped,
    from: run.ends[dropped - 1],
    ends: run.ends.subarray(dropped),
  };
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');
}
