/*
 * Columnar blocks of Pebble as the row blocks that they stand for (format/sst/block.ts has those, columns.ts the columns):
 *
 *   data          key schema's header | longest key u32 | columns of the key, trailers uint, prefix changed bool, values bytes,
 *                 is external bool, is obsolete bool
 *   index         separators bytes, offsets uint, lengths uint, block properties bytes
 *   spans         boundaries u32 | boundary keys bytes, first key of each uint; trailers uint, suffixes bytes, values bytes
 *   pairs         names bytes, values bytes                        (metaindex from v6 on, properties from v7 on)
 *
 * Columns of the key: `DefaultKeySchema`: prefix prefix-bytes, suffix bytes; `crdb1` (a header of one byte): key without its 00
 * prefix-bytes, wall time uint, logical time uint, other version bytes (pebble cockroachkvs).
 *
 * Everybody who reads entries then has one form to read, and what is held of rows is held of columns, too. Values of puts have a
 * prefix byte in rows, which columns have only where the value stands elsewhere.
 */
import { u32At } from '../../bytes/u32.js';
import {
  type BoolColumn,
  type BytesColumn,
  type Column,
  type ColumnFrame,
  type ColumnType,
  decodeFrame,
  type PrefixBytesColumn,
  readColumns,
  type UintColumn,
} from './columns.js';
import type { Footer } from './footer.js';
import { VALUE_TYPE } from './internal-key.js';
import type { BlockKind } from './load.js';
import { RowWriter } from './row-writer.js';

type KeySchema = 'default' | 'crdb1' | 'unknown';

/** How the blocks of a table hold columns. */
export interface ColumnForm {
  /** The table's format version. */
  version: number;
  schema: KeySchema;
}

/** From this format version of Pebble on blocks hold columns. */
const FIRST_COLUMNAR = 5;

/** Whether the blocks of a table hold columns. */
export function holdsColumns(footer: Pick<Footer, 'format' | 'formatVersion'> | undefined): boolean {
  return footer?.format === 'pebble' && footer.formatVersion >= FIRST_COLUMNAR;
}

/** The key schema that the property of a table names. */
export function keySchemaNamed(name: string | undefined): KeySchema {
  if (name === 'crdb1') return 'crdb1';
  return name?.startsWith('DefaultKeySchema(') ? 'default' : 'unknown';
}

export type Layout = 'data' | 'index' | 'spans' | 'pairs';

const LAYOUTS: Partial<Record<BlockKind, { layout: Layout; since: number }>> = {
  data: { layout: 'data', since: FIRST_COLUMNAR },
  index: { layout: 'index', since: FIRST_COLUMNAR },
  'index-partition': { layout: 'index', since: FIRST_COLUMNAR },
  'range-tombstones': { layout: 'spans', since: FIRST_COLUMNAR },
  'range-keys': { layout: 'spans', since: FIRST_COLUMNAR },
  metaindex: { layout: 'pairs', since: 6 },
  properties: { layout: 'pairs', since: 7 },
};

/** What the columns of a block of that kind hold; `undefined` where it has none. */
export function layoutOf(kind: BlockKind, form: ColumnForm | undefined): Layout | undefined {
  const layout = LAYOUTS[kind];
  return form !== undefined && layout !== undefined && form.version >= layout.since
    ? layout.layout
    : undefined;
}

const LONGEST_KEY_FIELD = 4;
const HEADERS: Record<KeySchema, number> = { default: 0, crdb1: 1, unknown: 0 };
/** Schemas that are not known may have a header of up to so many bytes. */
const MOST_SCHEMA_HEADER = 16;

interface LaidOut {
  frame: ColumnFrame;
  columns: Column[];
}

/** Frame and columns of a block; a sentence where they are not as they should be. */
export function layOut(bytes: Uint8Array, layout: Layout, { schema }: ColumnForm): LaidOut | string {
  const frame = frameOf(bytes, layout, schema);
  if (typeof frame === 'string') return frame;
  const boundaries = layout === 'spans' ? u32At(bytes, 0) : 0;
  const rowsOf = (i: number) => (layout === 'spans' && i < 2 ? boundaries : frame.rows);
  const columns = readColumns(bytes, frame, rowsOf);
  if (typeof columns === 'string') return columns;
  const types = columnTypes(layout, schema);
  const isShorter = types.length > columns.length || (schema !== 'unknown' && types.length < columns.length);
  if (isShorter) return `${columns.length} columns stand where ${types.length} belong`;
  const shift = columns.length - types.length;
  const wrong = types.findIndex((type, i) => frame.columns[shift + i].type !== type);
  if (wrong < 0) return { frame, columns };
  const { type } = frame.columns[shift + wrong];
  return `column ${shift + wrong} holds ${type}, not ${types[wrong]}`;
}

function frameOf(bytes: Uint8Array, layout: Layout, schema: KeySchema): ColumnFrame | string {
  if (layout === 'spans') return decodeFrame(bytes, LONGEST_KEY_FIELD);
  if (layout !== 'data') return decodeFrame(bytes, 0);
  if (schema !== 'unknown') return decodeFrame(bytes, HEADERS[schema] + LONGEST_KEY_FIELD);
  for (let header = 0; header <= MOST_SCHEMA_HEADER; header++) {
    const frame = decodeFrame(bytes, header + LONGEST_KEY_FIELD);
    if (typeof frame !== 'string' && frame.columns.length >= DATA_TYPES.length) return frame;
  }
  return 'no frame of columns stands in the block';
}

const DATA_TYPES: readonly ColumnType[] = ['uint', 'bool', 'bytes', 'bool', 'bool'];
const KEY_TYPES: Record<KeySchema, readonly ColumnType[]> = {
  default: ['prefix-bytes', 'bytes'],
  crdb1: ['prefix-bytes', 'uint', 'uint', 'bytes'],
  unknown: [],
};

/** Types of the last columns of a block: of all where the schema is known. */
function columnTypes(layout: Layout, schema: KeySchema): readonly ColumnType[] {
  if (layout === 'data') return [...KEY_TYPES[schema], ...DATA_TYPES];
  if (layout === 'index') return ['bytes', 'uint', 'uint', 'bytes'];
  return layout === 'spans' ? ['bytes', 'uint', 'uint', 'bytes', 'bytes'] : ['bytes', 'bytes'];
}

const DATA_NAMES = ['trailers', 'prefix changed', 'values', 'value elsewhere', 'obsolete'];
const KEY_NAMES: Record<KeySchema, readonly string[]> = {
  default: ['prefix', 'suffix'],
  crdb1: ['key', 'wall time', 'logical time', 'other version'],
  unknown: [],
};

/** What column `i` of `count` holds, in words. */
export function columnName(layout: Layout, schema: KeySchema, i: number, count: number): string {
  if (layout === 'data') {
    const names = [...KEY_NAMES[schema], ...DATA_NAMES];
    return names[i - (count - names.length)] ?? 'of the key';
  }
  if (layout === 'index') return ['separators', 'offsets', 'lengths', 'block properties'][i] ?? 'unknown';
  if (layout === 'pairs') return ['names', 'values'][i] ?? 'unknown';
  return ['boundary keys', 'first key', 'trailers', 'suffixes', 'values'][i] ?? 'unknown';
}

type Rows = { bytes: Uint8Array; error?: undefined } | { bytes?: undefined; error: string };

/**
 * The row block that a columnar block stands for, of at most `limit` bytes. For keys of an unknown schema the error is empty: the
 * block is as it should be, as far as can be told. Never throws on input; time and memory are bounded by the bytes of the block.
 */
export function rowsOfColumns(bytes: Uint8Array, layout: Layout, form: ColumnForm, limit: number): Rows {
  const laidOut = layOut(bytes, layout, form);
  if (typeof laidOut === 'string') return { error: laidOut };
  if (layout === 'data' && form.schema === 'unknown') return { error: '' };
  const { frame, columns } = laidOut;
  const rows = new RowWriter(limit);
  const problem = frame.rows === 0 ? undefined : WRITERS[layout](bytes, frame, columns, form, rows);
  if (problem !== undefined) return { error: problem };
  const written = rows.finish();
  return written === undefined ? { error: 'its rows take more than the limit' } : { bytes: written };
}

type Write = (
  bytes: Uint8Array,
  frame: ColumnFrame,
  columns: Column[],
  form: ColumnForm,
  rows: RowWriter,
) => string | undefined;

const WRITERS: Record<Layout, Write> = {
  data: writeData,
  index: writeIndex,
  spans: writeSpans,
  pairs: writePairs,
};

/** The kind's bit by which rows say that a newer entry hides this one. */
const OBSOLETE = 0x40;

function writeData(
  bytes: Uint8Array,
  frame: ColumnFrame,
  columns: Column[],
  { schema }: ColumnForm,
  rows: RowWriter,
): string | undefined {
  const at = columns.length - DATA_TYPES.length;
  const trailers = columns[at] as UintColumn;
  const changed = columns[at + 1] as BoolColumn;
  const values = columns[at + 2] as BytesColumn;
  const external = columns[at + 3] as BoolColumn;
  const obsolete = columns[at + 4] as BoolColumn;
  const longest = u32At(bytes, HEADERS[schema]);
  const keys = columns[0] as PrefixBytesColumn;
  const suffix =
    schema === 'crdb1' ? versionWriter(bytes, columns, rows) : suffixWriter(bytes, columns, rows);
  let previousPrefix = -1;
  for (let i = 0; i < frame.rows && !rows.full; i++) {
    writePrefix(bytes, keys, i, rows);
    if (schema === 'crdb1') rows.byte(0);
    const prefix = rows.keyLength;
    suffix(i);
    const { shared } = rows;
    if (rows.keyLength > longest)
      return `the key of row ${i} is longer than the ${longest} that the block states`;
    // the first row is held against the block before
    if (i > 0 && changed.get(i) !== (prefix !== previousPrefix || shared < prefix))
      return `row ${i} says wrongly whether its prefix is another than that of the row before`;
    previousPrefix = prefix;
    const low = trailers.low(i);
    const type = low & 0xff;
    const isPut = type === VALUE_TYPE.put || type === VALUE_TYPE.setWithDelete;
    const isElsewhere = external.get(i);
    if (isElsewhere && !isPut) return `row ${i} is no put and has its value elsewhere`;
    const from = values.from(i);
    const to = values.to(i);
    const marker = isPut && !isElsewhere ? 1 : 0;
    rows.entry(to - from + marker, (low | (obsolete.get(i) ? OBSOLETE : 0)) >>> 0, trailers.high(i));
    if (marker === 1) rows.valueByte(0);
    rows.value(bytes, from, to);
  }
  return undefined;
}

/** What is left of the key of the row before is what the two have in common: so long rows take no longer than their own bytes. */
function writePrefix(bytes: Uint8Array, keys: PrefixBytesColumn, i: number, rows: RowWriter): void {
  const bundle = keys.bundle(i);
  const rest = keys.rest(i);
  const ofAll = keys.prefixEnd - keys.data;
  const ofBundle = ofAll + keys.to(bundle) - keys.from(bundle);
  if (i === 0) {
    rows.begin(0);
    rows.keyBytes(bytes, keys.data, keys.prefixEnd);
  } else rows.begin(keys.isFirst(i) ? ofAll : ofBundle);
  if (keys.isFirst(i)) {
    rows.keyBytes(bytes, keys.from(bundle), keys.to(bundle));
  } else if (keys.from(rest) === keys.to(rest)) {
    // the key is the one before: its bytes are still there
    rows.begin(rows.prefixLength);
  }
  rows.keyBytes(bytes, keys.from(rest), keys.to(rest));
  rows.endPrefix();
}

function suffixWriter(bytes: Uint8Array, columns: Column[], rows: RowWriter): (i: number) => void {
  const suffixes = columns[1] as BytesColumn;
  return (i) => {
    rows.keyBytes(bytes, suffixes.from(i), suffixes.to(i));
  };
}

const WALL_TIME_LENGTH = 9;
const LOGICAL_TIME_LENGTH = 13;

/** A version of CockroachDB's after the 00 of the key: u64 wall time and u32 logical time, big-endian, and its length with itself. */
function versionWriter(bytes: Uint8Array, columns: Column[], rows: RowWriter): (i: number) => void {
  const wall = columns[1] as UintColumn;
  const logical = columns[2] as UintColumn;
  const others = columns[3] as BytesColumn;
  return (i) => {
    const from = others.from(i);
    const to = others.to(i);
    if (to > from) {
      rows.keyBytes(bytes, from, to);
      rows.byte(to - from + 1);
      return;
    }
    const time = logical.low(i);
    if (time === 0 && wall.low(i) === 0 && wall.high(i) === 0) return;
    rows.bigEndian(wall.high(i));
    rows.bigEndian(wall.low(i));
    if (time !== 0) rows.bigEndian(time);
    rows.byte(time === 0 ? WALL_TIME_LENGTH : LOGICAL_TIME_LENGTH);
  };
}

function writeIndex(
  bytes: Uint8Array,
  { rows: count }: ColumnFrame,
  columns: Column[],
  _form: ColumnForm,
  rows: RowWriter,
): undefined {
  const separators = columns[0] as BytesColumn;
  const offsets = columns[1] as UintColumn;
  const lengths = columns[2] as UintColumn;
  for (let i = 0; i < count && !rows.full; i++) {
    rows.begin(0);
    rows.keyBytes(bytes, separators.from(i), separators.to(i));
    const offset = offsets.number(i);
    const length = lengths.number(i);
    rows.entry(rows.varintLength(offset) + rows.varintLength(length));
    rows.valueVarint(offset);
    rows.valueVarint(length);
  }
}

function writeSpans(
  bytes: Uint8Array,
  { rows: count }: ColumnFrame,
  columns: Column[],
  _form: ColumnForm,
  rows: RowWriter,
): string | undefined {
  const boundaries = columns[0] as BytesColumn;
  const firsts = columns[1] as UintColumn;
  const trailers = columns[2] as UintColumn;
  const suffixes = columns[3] as BytesColumn;
  const values = columns[4] as BytesColumn;
  const last = u32At(bytes, 0) - 1;
  if (last < 1 || firsts.number(0) !== 0 || firsts.number(last) !== count)
    return 'its boundary keys do not divide its keys among themselves';
  for (let i = 0; i < last; i++) {
    const to = firsts.number(i + 1);
    if (to < firsts.number(i) || to > count)
      return `boundary key ${i + 1} has a first key that is out of order`;
    const end = boundaries.to(i + 1) - boundaries.from(i + 1);
    for (let key = firsts.number(i); key < to && !rows.full; key++) {
      const low = trailers.low(key);
      const type = low & 0xff;
      const suffix = suffixes.to(key) - suffixes.from(key);
      const value = values.to(key) - values.from(key);
      const hasSuffix = type === VALUE_TYPE.rangeKeySet || type === VALUE_TYPE.rangeKeyUnset;
      const hasValue = type === VALUE_TYPE.rangeKeySet;
      if ((!hasSuffix && suffix > 0) || (!hasValue && value > 0))
        return `key ${key} has a suffix or a value that its type has not`;
      const prefixes = hasSuffix ? rows.varintLength(end) + rows.varintLength(suffix) + suffix : 0;
      const valued = hasValue ? rows.varintLength(value) + value : 0;
      if (key === firsts.number(i)) {
        rows.begin(0);
        rows.keyBytes(bytes, boundaries.from(i), boundaries.to(i));
      } else rows.begin(rows.keyLength);
      rows.entry(end + prefixes + valued, low, trailers.high(key));
      if (hasSuffix) rows.valueVarint(end);
      rows.value(bytes, boundaries.from(i + 1), boundaries.to(i + 1));
      if (!hasSuffix) continue;
      rows.valueVarint(suffix);
      rows.value(bytes, suffixes.from(key), suffixes.to(key));
      if (!hasValue) continue;
      rows.valueVarint(value);
      rows.value(bytes, values.from(key), values.to(key));
    }
  }
  return undefined;
}

function writePairs(
  bytes: Uint8Array,
  { rows: count }: ColumnFrame,
  columns: Column[],
  _form: ColumnForm,
  rows: RowWriter,
): undefined {
  const names = columns[0] as BytesColumn;
  const values = columns[1] as BytesColumn;
  for (let i = 0; i < count && !rows.full; i++) {
    rows.begin(0);
    rows.keyBytes(bytes, names.from(i), names.to(i));
    rows.entry(values.to(i) - values.from(i));
    rows.value(bytes, values.from(i), values.to(i));
  }
}
