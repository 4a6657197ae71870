import type { AnchorSearch } from './anchor-search.js';

/** Bytes of a line that are looked at; what is longer is taken as several lines. */
export const LONGEST_LINE = 1 << 16;

const NEWLINE = 0x0a;

/** A line that holds at least one of the words that were searched for. */
export interface LogLine {
  /** Counted from 1. */
  number: number;
  /** Byte offset in the log. */
  offset: number;
  text: string;
  /** Indexes of the words in it. */
  words: ReadonlySet<number>;
}

interface LogSize {
  lines: number;
  bytes: number;
}

const decoder = new TextDecoder('utf-8');

/**
 * Finds the lines of a log that hold a word. Bytes come in pieces of any size; one piece, one line of at most
 * `LONGEST_LINE` bytes and nothing else is held. Every byte is legal: a log of damaged data holds damaged data.
 */
export class LogLines {
  private rest = new Uint8Array(0);
  private readonly size: LogSize = { lines: 0, bytes: 0 };

  constructor(
    private readonly search: AnchorSearch,
    private readonly onLine: (line: LogLine) => void,
  ) {}

  add(piece: Uint8Array): void {
    const buffer = this.rest.length === 0 ? piece : joined(this.rest, piece);
    const lastEnd = buffer.lastIndexOf(NEWLINE) + 1;
    const tooLong = buffer.length - lastEnd > LONGEST_LINE;
    const end = tooLong ? buffer.length : lastEnd;
    this.lines(buffer, end);
    this.rest = buffer.slice(end);
  }

  end(): LogSize {
    this.lines(this.rest, this.rest.length);
    if (this.rest.length > 0) this.size.lines++;
    this.rest = new Uint8Array(0);
    return this.size;
  }

  private lines(buffer: Uint8Array, end: number): void {
    const { next, accepting } = this.search;
    let state = 0;
    let lines = this.size.lines;
    for (let at = 0; at < end; at++) {
      const byte = buffer[at];
      state = next[(state << 8) | byte];
      if (byte === NEWLINE) lines++;
      if (accepting[state] === 0) continue;
      at = this.line(buffer, at, end, lines + 1) - 1;
      state = 0;
    }
    this.size.lines = lines;
    this.size.bytes += end;
  }

  /** Reports the line around `at`. Returns where it ends, before its line end. */
  private line(buffer: Uint8Array, at: number, limit: number, number: number): number {
    const start = buffer.subarray(0, at).lastIndexOf(NEWLINE) + 1;
    const newline = buffer.indexOf(NEWLINE, at);
    const end = newline < 0 || newline > limit ? limit : newline;
    const words = new Set<number>();
    const { next, accepting, found } = this.search;
    let state = 0;
    for (let i = start; i < end; i++) {
      state = next[(state << 8) | buffer[i]];
      if (accepting[state] !== 0) for (const word of found[accepting[state] - 1]) words.add(word);
    }
    const text = decoder.decode(buffer.subarray(start, Math.min(end, start + LONGEST_LINE))).trimEnd();
    this.onLine({ number, offset: this.size.bytes + start, text, words });
    return end;
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
