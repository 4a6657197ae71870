/**
 * What a log batch says of its regions (tikv/raft-engine src/log_batch.rs, 0.4.2):
 *
 *   items     varint count, item*                                   numbers are LEB128 varints
 *   item      varint region, u8 type, then by type
 *     1 entries   varint count, varint first index, varint end*     ends of the entries in the batch's entries, running over all items
 *     2 command   u8: 1 clean; 2 compact, varint index              entries below the index are gone
 *     3 value     u8: 1 put, 2 delete; varint length, key; of a put: varint length, value
 */
import { Cursor } from '../../bytes/cursor.js';

/** Where an item stands in the batch's items. */
interface ItemPlace {
  at: number;
  /** Bytes. */
  size: number;
}

export interface EntriesItem {
  kind: 'entries';
  region: bigint;
  /** Index of the first entry. */
  first: bigint;
  /** Where each entry ends in the batch's entries; the first begins at `from`. */
  from: number;
  ends: Uint32Array;
}

/** Keys and values are views of what was decoded. */
export type LogItem =
  | EntriesItem
  | { kind: 'clean'; region: bigint }
  | { kind: 'compact'; region: bigint; index: bigint }
  | { kind: 'put'; region: bigint; key: Uint8Array; value: Uint8Array }
  | { kind: 'delete'; region: bigint; key: Uint8Array };

/** An item and where it stands. */
export type PlacedItem = LogItem & ItemPlace;

/** Why items do not decode, and where, counted from the first byte. */
interface ItemsFault {
  at: number;
  reason: string;
}

const TYPE = { entries: 1, command: 2, value: 3 } as const;
const COMMAND = { clean: 1, compact: 2 } as const;
const OPERATION = { put: 1, delete: 2 } as const;

/** Decodes all items, or tells where they stop making sense. Bytes after the last one are not looked at, as in the engine. */
export function decodeItems(bytes: Uint8Array): PlacedItem[] | ItemsFault {
  const cursor = new Cursor(bytes);
  const items: PlacedItem[] = [];
  const count = cursor.varint64();
  if (count === undefined) return { at: 0, reason: 'the number of items is cut off' };
  const ends = { of: 0 };
  for (let i = 0n; i < count; i++) {
    const at = cursor.position;
    const item = decodeItem(cursor, ends);
    if (typeof item === 'string') return { at, reason: `item ${i} of ${count}: ${item}` };
    items.push({ ...item, at, size: cursor.position - at });
  }
  return items;
}

const CUT = 'it is cut off';

function decodeItem(cursor: Cursor, ends: { of: number }): LogItem | string {
  const region = cursor.varint64();
  const type = cursor.u8();
  if (region === undefined || type === undefined) return CUT;
  switch (type) {
    case TYPE.entries:
      return decodeEntries(cursor, region, ends);
    case TYPE.command:
      return decodeCommand(cursor, region);
    case TYPE.value:
      return decodeValue(cursor, region);
    default:
      return `type ${type} is none that is known`;
  }
}

function decodeEntries(cursor: Cursor, region: bigint, running: { of: number }): EntriesItem | string {
  const count = cursor.varint64();
  if (count === undefined) return CUT;
  // an end takes a byte at least
  if (count > BigInt(cursor.remaining)) return `${count} entries do not fit into what is left`;
  const first = count === 0n ? 0n : cursor.varint64();
  if (first === undefined) return CUT;
  const from = running.of;
  const ends = new Uint32Array(Number(count));
  for (let i = 0; i < ends.length; i++) {
    const end = cursor.varint64();
    if (end === undefined) return CUT;
    ends[i] = Number(BigInt.asUintN(32, end));
  }
  if (ends.length > 0) running.of = ends[ends.length - 1];
  return { kind: 'entries', region, first, from, ends };
}

function decodeCommand(cursor: Cursor, region: bigint): LogItem | string {
  const command = cursor.u8();
  if (command === undefined) return CUT;
  if (command === COMMAND.clean) return { kind: 'clean', region };
  if (command !== COMMAND.compact) return `command ${command} is none that is known`;
  const index = cursor.varint64();
  return index === undefined ? CUT : { kind: 'compact', region, index };
}

function decodeValue(cursor: Cursor, region: bigint): LogItem | string {
  const operation = cursor.u8();
  if (operation === undefined) return CUT;
  if (operation !== OPERATION.put && operation !== OPERATION.delete)
    return `operation ${operation} is none that is known`;
  const key = sized(cursor);
  if (key === undefined) return CUT;
  if (operation === OPERATION.delete) return { kind: 'delete', region, key };
  const value = sized(cursor);
  return value === undefined ? CUT : { kind: 'put', region, key, value };
}

function sized(cursor: Cursor): Uint8Array | undefined {
  const length = cursor.varint64();
  return length === undefined || length > BigInt(cursor.remaining) ? undefined : cursor.take(Number(length));
}
