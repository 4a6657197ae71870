/*
 * A columnar block after decompression (pebble sstable/colblk, table formats v5 to v7). Offsets and alignment are relative to its
 * first byte; each column ends where the next begins, the last at the padding byte:
 *
 *   | header of the kind of block | 01 | columns u16 | rows u32 | columns × (type u8, offset u32) | columns | 00 |
 *
 *   bool          01 (all false) | 00, pad to 8, a bit for each row in u64 words, a bit for each word that is not zero in u64 words
 *   uint          encoding u8: width 0, 1, 2, 4 or 8, 80 = a u64 base to add follows | pad to the width | rows × width
 *   bytes         uint column of rows + 1 offsets, the first 0 | bytes of all rows
 *   prefix-bytes  log2 of the bundle size u8 | uint column of offsets | prefix of all rows, then for each bundle of rows its prefix
 *                 and the rest of each row; an empty rest after the first row of a bundle: the same as the row before
 *
 * A block without rows has columns without bytes.
 */

const COLUMN_TYPES = ['', 'bool', 'uint', 'bytes', 'prefix-bytes'] as const;
export type ColumnType = Exclude<(typeof COLUMN_TYPES)[number], ''>;

/** Where a column stands. */
interface ColumnPlace {
  type: ColumnType;
  offset: number;
  end: number;
}

export interface ColumnFrame {
  rows: number;
  /** Where the version byte stands: bytes of the header that the kind of block has. */
  start: number;
  columns: ColumnPlace[];
}

const FRAME_HEADER = 7;
const COLUMN_HEADER = 5;
const VERSION = 1;
/** Rows that a byte can give at most: a row that takes none in any column is the same as the one before, which no writer leaves. */
const ROWS_A_BYTE = 2;

/** Where the columns of a block are whose own header takes `start` bytes; a sentence where the block has no such frame. */
export function decodeFrame(bytes: Uint8Array, start: number): ColumnFrame | string {
  const view = viewOf(bytes);
  if (start + FRAME_HEADER + 1 > bytes.length)
    return `a block of ${bytes.length} bytes has no room for columns`;
  if (bytes[start] !== VERSION) return `version ${bytes[start]} of columnar blocks does not exist`;
  const count = view.getUint16(start + 1, true);
  const rows = view.getUint32(start + 3, true);
  const end = bytes.length - 1;
  const first = start + FRAME_HEADER + COLUMN_HEADER * count;
  if (first > end) return `the headers of ${count} columns run past the block`;
  if (rows > bytes.length * ROWS_A_BYTE) return `${rows} rows cannot stand in ${bytes.length} bytes`;
  if (bytes[end] !== 0) return 'the last byte of the block is not zero';
  const columns: ColumnPlace[] = [];
  for (let i = 0, expected = first; i < count; i++) {
    const at = start + FRAME_HEADER + COLUMN_HEADER * i;
    const type = COLUMN_TYPES[bytes[at]];
    const offset = view.getUint32(at + 1, true);
    const next = i + 1 < count ? view.getUint32(at + COLUMN_HEADER + 1, true) : end;
    if (type === undefined || type === '')
      return `column ${i} has the type ${bytes[at]}, which does not exist`;
    if ((i === 0 && offset !== expected) || next < offset || next > end)
      return `column ${i} would stand from ${offset} to ${next}`;
    columns.push({ type, offset, end: next });
    expected = next;
  }
  return { rows, start, columns };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const WIDTHS: readonly number[] = [0, 1, 2, 4, 8];
const DELTA = 0x80;
const WORD = 0x1_0000_0000;

/** Unsigned numbers of up to 64 bits, as two halves. */
export class UintColumn {
  readonly type = 'uint';

  private constructor(
    private readonly view: DataView,
    private readonly at: number,
    readonly width: number,
    private readonly baseLow: number,
    private readonly baseHigh: number,
    readonly hasBase: boolean,
    /** Where the numbers end. */
    readonly end: number,
  ) {}

  /** Reads a column that begins at `offset` and ends at or before `limit`; a sentence where it does not fit. */
  static read(bytes: Uint8Array, offset: number, limit: number, rows: number): UintColumn | string {
    const encoding = bytes[offset];
    const width = encoding & ~DELTA;
    const hasBase = (encoding & DELTA) !== 0;
    if (offset >= limit || !WIDTHS.includes(width) || (hasBase && width === 8))
      return 'has numbers of a width that does not exist';
    const view = viewOf(bytes);
    let at = offset + 1;
    if (hasBase && at + 8 > limit) return 'ends inside its numbers';
    const low = hasBase ? view.getUint32(at, true) : 0;
    const high = hasBase ? view.getUint32(at + 4, true) : 0;
    if (hasBase) at += 8;
    if (width > 0) at = aligned(at, width);
    const end = at + rows * width;
    if (end > limit) return 'ends inside its numbers';
    return new UintColumn(view, at, width, low, high, hasBase, end);
  }

  low(i: number): number {
    return (this.baseLow + this.stored(i)) >>> 0;
  }

  high(i: number): number {
    const carry = this.baseLow + this.stored(i) >= WORD ? 1 : 0;
    const own = this.width === 8 ? this.view.getUint32(this.at + 8 * i + 4, true) : 0;
    return (this.baseHigh + own + carry) >>> 0;
  }

  /** Past 2^53 no exact number, but one past every size. */
  number(i: number): number {
    return this.high(i) * WORD + this.low(i);
  }

  /** The lower half of what stands in the block. */
  private stored(i: number): number {
    const { view, at, width } = this;
    if (width === 0) return 0;
    if (width === 1) return view.getUint8(at + i);
    if (width === 2) return view.getUint16(at + 2 * i, true);
    return view.getUint32(at + width * i, true);
  }
}

function aligned(at: number, width: number): number {
  return Math.ceil(at / width) * width;
}

/** Bytes of each row, end to end. */
class BytesColumn {
  readonly type = 'bytes';

  constructor(
    readonly offsets: UintColumn,
    /** Where the first row's bytes stand. */
    readonly data: number,
    readonly end: number,
  ) {}

  from(i: number): number {
    return this.data + this.offsets.number(i);
  }

  to(i: number): number {
    return this.data + this.offsets.number(i + 1);
  }
}

/** Bytes of each row, of which a part is written once for many. */
class PrefixBytesColumn {
  readonly type = 'prefix-bytes';
  readonly end: number;

  constructor(
    private readonly slices: BytesColumn,
    readonly bundleShift: number,
  ) {
    this.end = slices.end;
  }

  /** The prefix of all rows ends here; it begins at `data`. */
  get prefixEnd(): number {
    return this.slices.from(0);
  }

  get data(): number {
    return this.slices.data;
  }

  isFirst(row: number): boolean {
    return (row & (2 ** this.bundleShift - 1)) === 0;
  }

  /** The slice with the prefix of the bundle of a row; the row's own is `rest`. */
  bundle(row: number): number {
    return (row >>> this.bundleShift) * (2 ** this.bundleShift + 1);
  }

  rest(row: number): number {
    return this.bundle(row) + 1 + (row & (2 ** this.bundleShift - 1));
  }

  from(slice: number): number {
    return this.slices.from(slice);
  }

  to(slice: number): number {
    return this.slices.to(slice);
  }
}

class BoolColumn {
  readonly type = 'bool';

  constructor(
    private readonly bytes: Uint8Array,
    /** −1: all are false. */
    private readonly at: number,
    readonly end: number,
  ) {}

  get isAllFalse(): boolean {
    return this.at < 0;
  }

  get(i: number): boolean {
    return this.at >= 0 && ((this.bytes[this.at + (i >>> 3)] >> (i & 7)) & 1) === 1;
  }
}

export type Column = UintColumn | BytesColumn | PrefixBytesColumn | BoolColumn;
export type { BoolColumn, BytesColumn, PrefixBytesColumn };

/** Largest log2 of a bundle size; writers use 4. */
const LARGEST_SHIFT = 16;

/**
 * Reads the columns of a frame: `rowsOf` says how many rows a column has where that is not the frame's number. Every column must end
 * where the next begins. A sentence where one does not. Allocates nothing per row.
 */
export function readColumns(
  bytes: Uint8Array,
  frame: ColumnFrame,
  rowsOf: (column: number) => number = () => frame.rows,
): Column[] | string {
  const columns: Column[] = [];
  for (const [i, place] of frame.columns.entries()) {
    const rows = rowsOf(i);
    if (rows > bytes.length * ROWS_A_BYTE) return `${rows} rows cannot stand in ${bytes.length} bytes`;
    const column = rows === 0 ? emptyColumn(bytes, place) : readColumn(bytes, place, rows);
    if (typeof column === 'string') return `column ${i} ${column}`;
    if (column.end !== place.end) return `column ${i} ends at ${column.end}, the next begins at ${place.end}`;
    columns.push(column);
  }
  return columns;
}

/** Of a block without rows. Nothing is asked of it but where it ends. */
function emptyColumn(bytes: Uint8Array, { offset }: ColumnPlace): Column {
  return new BoolColumn(bytes, -1, offset);
}

function readColumn(bytes: Uint8Array, place: ColumnPlace, rows: number): Column | string {
  const { type, offset, end } = place;
  switch (type) {
    case 'uint':
      return UintColumn.read(bytes, offset, end, rows);
    case 'bytes':
      return readSlices(bytes, offset, end, rows, true);
    case 'bool':
      return readBools(bytes, offset, end, rows);
    default: {
      const shift = bytes[offset];
      if (offset >= end || shift > LARGEST_SHIFT) return 'has bundles of a size that does not exist';
      const bundles = Math.ceil(rows / 2 ** shift);
      const slices = readSlices(bytes, offset + 1, end, rows + bundles, false);
      return typeof slices === 'string' ? slices : new PrefixBytesColumn(slices, shift);
    }
  }
}

function readSlices(
  bytes: Uint8Array,
  offset: number,
  end: number,
  slices: number,
  fromZero: boolean,
): BytesColumn | string {
  const offsets = UintColumn.read(bytes, offset, end, slices + 1);
  if (typeof offsets === 'string') return offsets;
  const data = offsets.end;
  let before = fromZero ? 0 : offsets.number(0);
  if (fromZero && offsets.number(0) !== 0) return 'does not begin with its first row';
  for (let i = 1; i <= slices; i++) {
    const next = offsets.number(i);
    if (next < before) return `has a row ${i - 1} that ends before it begins`;
    before = next;
  }
  return data + before > end ? 'has rows that run past it' : new BytesColumn(offsets, data, data + before);
}

const WORD_BYTES = 8;

function readBools(bytes: Uint8Array, offset: number, end: number, rows: number): BoolColumn | string {
  if (offset >= end || bytes[offset] > 1) return 'has an encoding that does not exist';
  if (bytes[offset] === 1) return new BoolColumn(bytes, -1, offset + 1);
  const at = aligned(offset + 1, WORD_BYTES);
  const words = Math.ceil(rows / 64);
  const summary = at + words * WORD_BYTES;
  const last = summary + Math.ceil(words / 64) * WORD_BYTES;
  if (last > end) return 'ends inside its bits';
  const view = viewOf(bytes);
  for (let i = 0; i < words; i++) {
    const word = at + i * WORD_BYTES;
    const isSet = view.getUint32(word, true) !== 0 || view.getUint32(word + 4, true) !== 0;
    const said = ((bytes[summary + (i >>> 3)] >> (i & 7)) & 1) === 1;
    if (isSet !== said) return `sums up its bits ${64 * i} and after wrongly`;
  }
  return new BoolColumn(bytes, at, last);
}
