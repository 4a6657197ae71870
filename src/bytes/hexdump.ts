import type { HexWindow } from '../finding/evidence.js';

/** One row of a hex dump. How marks are shown (brackets, colour) is the reporter's business. */
export interface HexRow {
  /** Offset in the file of the row's first place, a multiple of 16. */
  offset: number;
  /** 16 places; `undefined` where the window does not reach. */
  cells: ({ byte: number; marked: boolean } | undefined)[];
}

export const ROW_LENGTH = 16;

/** A window of `bytes` around damage: whole rows, `context` rows before and after it, the middle of long damage left out. */
interface WindowChoice {
  /** File offset of `bytes[0]`. */
  base: number;
  /** What to mark, in file offsets. */
  marks: { offset: number; length: number }[];
  /** Most rows to show. Default 6. */
  rows?: number;
}

/** Cuts a window for a report out of bytes that are at hand: from the row before the first mark, `rows` rows at most. */
export function hexWindow(bytes: Uint8Array, { base, marks, rows = 6 }: WindowChoice): HexWindow {
  const end = base + bytes.length;
  const first = marks.length > 0 ? Math.min(...marks.map((mark) => mark.offset)) : base;
  const last = marks.length > 0 ? Math.max(...marks.map((mark) => mark.offset + mark.length)) : end;
  const rowOf = (offset: number) => Math.floor(offset / ROW_LENGTH) * ROW_LENGTH;
  const start = Math.min(Math.max(base, rowOf(first) - ROW_LENGTH), end);
  const wanted = Math.min(rowOf(last) + 2 * ROW_LENGTH, rowOf(start) + rows * ROW_LENGTH);
  const part = bytes.subarray(start - base, Math.max(start, Math.min(end, wanted)) - base);
  return {
    start,
    base64: Buffer.from(part.buffer, part.byteOffset, part.length).toString('base64'),
    marks: marks.map(({ offset, length }) => ({ offset, length })),
  };
}

/** The rows of a window, aligned to 16 bytes of the file. */
export function hexRows(window: HexWindow): HexRow[] {
  const bytes = Buffer.from(window.base64, 'base64');
  const rows: HexRow[] = [];
  const end = window.start + bytes.length;
  for (let offset = Math.floor(window.start / ROW_LENGTH) * ROW_LENGTH; offset < end; offset += ROW_LENGTH) {
    const cells = Array.from({ length: ROW_LENGTH }, (_, i) => {
      const at = offset + i;
      if (at < window.start || at >= end) return undefined;
      const marked = window.marks.some((mark) => at >= mark.offset && at < mark.offset + mark.length);
      return { byte: bytes[at - window.start], marked };
    });
    rows.push({ offset, cells });
  }
  return rows;
}

/** The printable ASCII character of a byte, or `.`. */
export function asciiOf(byte: number): string {
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
}

/** A 32-bit number as reports show it: `0x0000a1b2`. */
export function hex32(value: number): string {
  return `0x${(value >>> 0).toString(16).padStart(8, '0')}`;
}
