/*
 * What becomes of a binary file that passes for text: git's autocrlf, a transfer in text mode or an editor makes every LF a
 * CR LF, or every CR LF an LF. The first can be undone, the second only where a checksum tells which LFs had a CR. A file
 * may hold CR LF of its own, so each place can be an exception: those count with which the checksums hold.
 */

/** What was done to the ends of lines. */
export type LineEndingChange = 'lf-to-crlf' | 'crlf-to-lf';

/** A change of line endings, and how to undo it. */
export interface LineEndings {
  change: LineEndingChange;
  /** File offsets of the LFs that are exceptions: that had their CR before already, or are to get one back. */
  exceptions: number[];
}

const LF = 0x0a;
const CR = 0x0d;

/** Bytes that may be put together in search of one run, and in search of all runs of a file. */
const MOST_FOR_RUN = 64 << 20;
const MOST_FOR_FILE = 1 << 30;

/** More exceptions in one run are not tried. */
const MOST_EXCEPTIONS = 3;

/** What the ends of lines in a file show was done to them; undefined when they show nothing. */
export function changeShown(bytes: Uint8Array): LineEndingChange | undefined {
  let [alone, both] = [0, 0];
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (at > 0 && bytes[at - 1] === CR) both++;
    else alone++;
  }
  if (alone === 0) return both > 0 ? 'lf-to-crlf' : undefined;
  return both === 0 ? 'crlf-to-lf' : undefined;
}

/** The file as it was before. */
export function undoLineEndings(bytes: Uint8Array, { change, exceptions }: LineEndings): Uint8Array {
  const excepted = new Set(exceptions);
  const undone = new Uint8Array(bytes.length + (change === 'crlf-to-lf' ? excepted.size : 0));
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const isException = bytes[at] === LF && excepted.has(at);
    if (change === 'crlf-to-lf' && isException) undone[length++] = CR;
    if (change === 'lf-to-crlf' && !isException && bytes[at] === LF && bytes[at - 1] === CR) length--;
    undone[length++] = bytes[at];
  }
  return undone.subarray(0, length);
}

/** A run of bytes as it may have been. */
export interface UndoneRun {
  bytes: Uint8Array;
  /** The file offsets between which it stands now: [from, to). */
  from: number;
  to: number;
  /** File offsets of the LFs in it that are exceptions. */
  exceptions: number[];
}

/** Puts runs of bytes together as they may have been before their line endings changed, the likeliest first. */
export class UndoneRuns {
  private left = MOST_FOR_FILE;

  constructor(
    private readonly bytes: Uint8Array,
    readonly change: LineEndingChange,
  ) {}

  /** Runs of `length` bytes that end before file offset `to`. */
  before(to: number, length: number): Generator<UndoneRun> {
    return this.search((excepted) => this.backward(to, length, excepted));
  }

  /** Runs that begin at file offset `from`. `lengthOf` tells the length from the bytes so far, or that it takes more of them. */
  after(from: number, lengthOf: (bytes: Uint8Array, have: number) => number): Generator<UndoneRun> {
    return this.search((excepted) => this.forward(from, lengthOf, excepted));
  }

  private *search(build: (excepted: readonly number[]) => Built): Generator<UndoneRun> {
    let forRun = MOST_FOR_RUN;
    const { run, places } = build([]);
    if (run !== undefined) yield run;
    for (let count = 1; count <= MOST_EXCEPTIONS; count++) {
      for (const excepted of choices(places, count)) {
        const other = build(excepted);
        forRun -= other.cost;
        this.left -= other.cost;
        if (forRun < 0 || this.left < 0) return;
        if (other.run !== undefined) yield other.run;
      }
    }
  }

  /** `excepted`: ends of lines, counted from the end of the run. */
  private backward(to: number, length: number, excepted: readonly number[]): Built {
    const { bytes, change } = this;
    const run = new Uint8Array(length);
    const exceptions: number[] = [];
    let places = 0;
    let at = to;
    for (let left = length; left > 0; ) {
      if (at === 0) return { places, cost: length };
      at--;
      left--;
      run[left] = bytes[at];
      if (bytes[at] !== LF) continue;
      if (change === 'lf-to-crlf' && bytes[at - 1] !== CR) continue;
      const isException = excepted.includes(places++);
      if (isException) exceptions.push(at);
      if (change === 'lf-to-crlf' && !isException) at--;
      if (change === 'crlf-to-lf' && isException) {
        if (left === 0) return { places, cost: length };
        run[--left] = CR;
      }
    }
    return { places, cost: length, run: { bytes: run, from: at, to, exceptions } };
  }

  /** The offset of the first end of a line that begins in [from, to); `to` when none does. */
  private endOfLine(from: number, to: number): number {
    const { bytes, change } = this;
    const first = change === 'lf-to-crlf' ? CR : LF;
    for (let at = from; ; at++) {
      const found = bytes.subarray(at, to).indexOf(first);
      if (found < 0) return to;
      at += found;
      if (change === 'crlf-to-lf' || bytes[at + 1] === LF) return at;
    }
  }

  /** `excepted`: ends of lines, counted from the start of the run. */
  private forward(
    from: number,
    lengthOf: (bytes: Uint8Array, have: number) => number,
    excepted: readonly number[],
  ): Built {
    const { bytes, change } = this;
    let run = new Uint8Array(64);
    const exceptions: number[] = [];
    let [places, at, have] = [0, from, 0];
    const reserve = (more: number) => {
      if (have + more <= run.length) return;
      const grown = new Uint8Array(Math.max(2 * run.length, have + more));
      grown.set(run);
      run = grown;
    };
    let length = lengthOf(run, 0);
    while (have < length) {
      const end = this.endOfLine(at, Math.min(bytes.length, at + length - have));
      reserve(end - at + 2);
      run.set(bytes.subarray(at, end), have);
      have += end - at;
      at = end;
      if (have < length) {
        if (at >= bytes.length) return { places, cost: have };
        const isException = excepted.includes(places++);
        const lf = change === 'lf-to-crlf' ? at + 1 : at;
        if (isException) {
          exceptions.push(lf);
          run[have++] = CR;
        }
        run[have++] = LF;
        at = lf + 1;
      }
      if (have >= length) length = lengthOf(run, have);
    }
    return { places, cost: have, run: { bytes: run.subarray(0, have), from, to: at, exceptions } };
  }
}

interface Built {
  /** Absent where the file ends before the run does. */
  run?: UndoneRun;
  /** Ends of lines that could be exceptions. */
  places: number;
  /** Bytes put together. */
  cost: number;
}

/** Every choice of `count` numbers below `places`. */
function* choices(places: number, count: number, from = 0): Generator<number[]> {
  for (let first = from; first < places; first++) {
    if (count === 1) yield [first];
    else for (const rest of choices(places, count - 1, first + 1)) yield [first, ...rest];
  }
}
