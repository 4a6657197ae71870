/*
 * What a row table of Pebble has beside data, index, filter and properties (pebble sstable/writer.go):
 *
 *   fragmented range tombstones, under two names | range keys | value blocks | their index, rows of three numbers
 *
 * Value blocks keep their numbers, by which values refer to them.
 */
import { type Comparator, compareUserKeys } from '../../format/sst/comparator.js';
import { ByteBuilder } from '../byte-builder.js';
import type { PropertyList } from './properties.js';

/** A value block as it stands in the table that the new one is made from, trailer included. */
export interface ValueBlockPiece {
  offset: number;
  /** Bytes without the trailer. */
  size: number;
}

/** How Pebble writes a table. */
export interface PebbleForm {
  /** Entries have prefix bytes and marks: `hasValuePrefixes`. */
  prefixed: boolean;
  /** The block of range keys, taken over as it is. */
  rangeKeys?: Uint8Array;
  /** By their numbers. Absent ones cannot be read; no entry may refer to them. */
  values?: readonly (ValueBlockPiece | undefined)[];
}

export interface RangeTombstoneBounds {
  start: Uint8Array;
  end: Uint8Array;
  sequence: bigint;
}

/** Cuts range tombstones where others begin or end: what is left is equal or apart. In order, newest first. */
export function fragmented(
  tombstones: readonly RangeTombstoneBounds[],
  comparator: Comparator,
): RangeTombstoneBounds[] {
  const order = (a: Uint8Array, b: Uint8Array) => compareUserKeys(comparator, a, b) ?? Buffer.compare(a, b);
  const bounds = tombstones.flatMap(({ start, end }) => [start, end]).sort(order);
  const cuts = bounds.filter((key, i) => i === 0 || order(bounds[i - 1], key) !== 0);
  const byStart = [...tombstones].sort((a, b) => order(a.start, b.start));
  const fragments: RangeTombstoneBounds[] = [];
  let open: RangeTombstoneBounds[] = [];
  let next = 0;
  for (let i = 0; i + 1 < cuts.length; i++) {
    const [start, end] = [cuts[i], cuts[i + 1]];
    open = open.filter((tombstone) => order(tombstone.end, start) > 0);
    for (; next < byStart.length && order(byStart[next].start, start) === 0; next++) open.push(byStart[next]);
    const sequences = [...new Set(open.map(({ sequence }) => sequence))].sort((a, b) => (a < b ? 1 : -1));
    for (const sequence of sequences) fragments.push({ start, end, sequence });
  }
  return fragments;
}

/** The index of value blocks that stand from `start` on, and the widths of its numbers, which follow its handle in the metaindex. */
export function valueIndex(sizes: readonly number[], start: number, trailer: number) {
  const rows: [number, number, number][] = [];
  let offset = start;
  for (const [number, size] of sizes.entries()) {
    rows.push([number, offset, size]);
    offset += size + trailer;
  }
  const widths = [0, 1, 2].map((column) => widthOf(Math.max(...rows.map((row) => row[column]))));
  const block = new ByteBuilder();
  for (const row of rows)
    for (const [column, value] of row.entries())
      for (let i = 0; i < widths[column]; i++) block.u8(Math.floor(value / 256 ** i) % 256);
  return { block: block.finish(), widths: Uint8Array.from(widths) };
}

function widthOf(value: number): number {
  let width = 1;
  while (value >= 256 ** width) width++;
  return width;
}

/** Names of properties that say what only the old table was, or what block properties tell of it. */
function describesOldTable(name: string, collectors: string | undefined): boolean {
  const collected = (collectors ?? '').replace(/^\[|\]$/g, '').split(',');
  return (
    collected.includes(name) || /^(obsolete-key$|pebble\.(num\.snapshot|raw\.(snapshot|point)))/.test(name)
  );
}

const RANGE_KEYS = /^pebble\.(num|raw)\.range-key/;
const VALUES = /^pebble\.(num\.value|value-blocks)/;

/** Whether a property of the old table holds for the new one. */
export function keptProperty(
  name: string,
  collectors: string | undefined,
  { rangeKeys }: PebbleForm,
): boolean {
  if (describesOldTable(name, collectors) || VALUES.test(name)) return false;
  return rangeKeys !== undefined || !RANGE_KEYS.test(name);
}

/** The properties of values that stand apart. */
export function describeValues(
  properties: PropertyList,
  blocks: number,
  values: number,
  bytes: number,
): void {
  properties
    .own('pebble.num.value-blocks', blocks)
    .own('pebble.num.values.in.value-blocks', values)
    .own('pebble.value-blocks.size', bytes);
}
