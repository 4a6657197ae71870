import { type BlockEntry, BlockReader, type ValueLength } from '../format/sst/block.js';
import type { IndexForm } from '../format/sst/block-index.js';
import { BLOCK_TRAILER, NumberReader } from '../format/sst/handle.js';
import { parseInternalKey, VALUE_TYPE, valueTypeName } from '../format/sst/internal-key.js';
import type { BlockKind } from '../format/sst/load.js';
import {
  blobHandle,
  dataBlockReader,
  hasPrefix,
  isInPlace,
  isInValueBlock,
  OBSOLETE_BIT,
  type ValuePrefixes,
  valueHandle,
} from '../format/sst/value-blocks.js';
import { tailNodes } from './block-tail.js';
import { Fields } from './fields.js';
import { entrySaid } from './key-names.js';
import { type Detail, more, type Node, type NodePlace, type Words } from './node.js';
import { propertyValue } from './properties.js';
import { valueFields, valueWords } from './values.js';

/** How the entries of a block are to be read. */
export interface EntryForm {
  kind: BlockKind;
  /** Of index blocks and filter indexes. */
  index?: IndexForm;
  /** Of data blocks of Pebble whose puts begin with where their values are. */
  prefixes?: ValuePrefixes;
  /** The sequence of every entry of a data block, where the table was ingested and says which. */
  globalSequence?: bigint;
}

/** Blocks of entries; the others are filters, dictionaries and the like. */
const entryKinds: ReadonlySet<BlockKind> = new Set<BlockKind>([
  'data',
  'index',
  'index-partition',
  'metaindex',
  'properties',
  'range-tombstones',
  'filter-index',
]);

export function hasEntries(kind: BlockKind): boolean {
  return entryKinds.has(kind);
}

function isIndex(kind: BlockKind): boolean {
  return kind === 'index' || kind === 'index-partition' || kind === 'filter-index';
}

function handleLength(withFirstKey: boolean): ValueLength {
  return (bytes, at, end, shared) => {
    const reader = new NumberReader(bytes, at, end);
    if (shared === 0) reader.handle();
    else reader.zigzag();
    const firstKey = withFirstKey ? reader.varint(5) : 0;
    reader.position += firstKey;
    return reader.failed || reader.position > end ? undefined : reader.position - at;
  };
}

function readerOf(bytes: Uint8Array, { kind, index, prefixes }: EntryForm): BlockReader {
  if (kind === 'data') return dataBlockReader(bytes, prefixes !== undefined);
  const delta = isIndex(kind) && index?.deltaEncoded;
  return new BlockReader(bytes, delta ? handleLength(index.firstKeys) : undefined);
}

/** `13 entries, "a" @1 … "m" @13`. */
export function entriesSummary(
  bytes: Uint8Array,
  form: EntryForm,
  { keyNames, columnFamily }: Detail,
): { text: Words; problems: string[]; said?: string } {
  const reader = readerOf(bytes, form);
  let count = 0;
  let first: Uint8Array | undefined;
  let last: Uint8Array = new Uint8Array(0);
  for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
    count++;
    first ??= entry.key.slice();
    last = entry.key;
  }
  const words: (string | Uint8Array)[] = [count === 1 ? '1 entry' : `${count} entries`];
  const shown = form.kind === 'data' || form.kind === 'range-tombstones' || isIndex(form.kind);
  if (first !== undefined && shown) {
    const bare = (key: Uint8Array) =>
      isIndex(form.kind) && form.index?.userKeys ? key : key.subarray(0, Math.max(0, key.length - 8));
    words.push(', ', bare(first));
    if (count > 1) words.push(' … ', bare(last.slice()));
  }
  const names = [first, last].map(
    (key) => form.kind === 'data' && key && entrySaid(keyNames, columnFamily, key.subarray(0, -8)).said,
  );
  const said = names.every((name) => name) ? { said: [...new Set(names)].join(' … ') } : {};
  return { text: words, problems: problemsOf(reader, 3), ...said };
}

/** The first anomalies in words. */
function problemsOf({ anomalies }: BlockReader, most: number): string[] {
  const said = anomalies
    .slice(0, most)
    .map(({ message, offset }) => `${message} (at ${offset} of the block)`);
  return anomalies.length > most ? [...said, `and ${anomalies.length - most} more`] : said;
}

/** Entries of a block and what stands after them: restart points, hash index, the last word. */
export function* blockNodes(
  bytes: Uint8Array,
  place: NodePlace,
  form: EntryForm,
  { limit, keyNames, columnFamily }: Detail,
): Generator<Node> {
  const reader = readerOf(bytes, form);
  const state: HandleState = { offset: 0, size: 0 };
  let reported = 0;
  let index = 0;
  const namesOf = (from: Uint8Array, { key, valueOffset, valueLength }: BlockEntry) => {
    const parsed = parseInternalKey(key);
    const value = from.subarray(valueOffset, valueOffset + valueLength);
    if (parsed === undefined) return {};
    const isPut = parsed.type === VALUE_TYPE.put;
    return entrySaid(keyNames, columnFamily, parsed.userKey, isPut ? value : undefined);
  };
  const damage = function* (): Generator<Node> {
    for (; reported < reader.anomalies.length; reported++) {
      const { offset, length, message } = reader.anomalies[reported];
      const at = { space: place.space, offset: place.offset + offset, length };
      yield { name: 'damaged', at, problems: [message], bytes: bytes.subarray(offset, offset + length) };
    }
  };
  for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
    yield* damage();
    if (index === limit) {
      yield more(limit);
      return;
    }
    const node = entryNode(bytes, place, entry, form, reader.tail?.separated === true, state);
    yield { ...node, index: index++, ...(form.kind === 'data' && namesOf(bytes, entry)) };
  }
  yield* damage();
  if (reader.tail !== undefined) yield* tailNodes(bytes, place);
}

/** The handle of the index entry before, which delta-encoded ones build on. */
interface HandleState {
  offset: number;
  size: number;
}

function entryNode(
  bytes: Uint8Array,
  place: NodePlace,
  entry: BlockEntry,
  form: EntryForm,
  separated: boolean,
  state: HandleState,
): Node {
  const { offset, length, restart, valueOffset, valueLength, shared } = entry;
  const key = entry.key.slice();
  const value = bytes.subarray(valueOffset, valueOffset + valueLength);
  const { space } = place;
  const delta = isIndex(form.kind) && form.index?.deltaEncoded === true;
  const handle = isIndex(form.kind) ? nextHandle(value, delta && shared !== 0, state) : undefined;
  return {
    name: entryName(form, key),
    at: { space, offset: place.offset + offset, length },
    text: entryWords(key, value, form, handle),
    encoding: true,
    children() {
      const fields = new Fields(space, place.offset, bytes, offset);
      fields.varint32('shared');
      const unshared = fields.varint32('unshared') ?? 0;
      if (!delta) fields.varint32('value length');
      if (separated && restart >= 0) fields.varint32('value offset');
      fields.take('key delta', unshared);
      const type = form.kind === 'data' ? parseInternalKey(key)?.type : undefined;
      const at = place.offset + valueOffset;
      const values = valueNodes(value, space, at, form, delta && shared !== 0, type);
      return [...fields.nodes, ...values, ...keyNodes(key, form)];
    },
  };
}

function entryName({ kind, prefixes }: EntryForm, key: Uint8Array): string {
  if (kind === 'properties') return 'property';
  if (kind === 'data') return typeName(parseInternalKey(key)?.type ?? 0xff, prefixes);
  return kind === 'range-tombstones' ? 'range tombstone' : 'entry';
}

const typeName = (type: number, prefixes: ValuePrefixes | undefined): string =>
  prefixes === undefined ? valueTypeName(type) : valueTypeName(type & ~OBSOLETE_BIT, 'pebble');

/** An entry that stands nowhere as such, in words. */
export function rowWords(key: Uint8Array, value: Uint8Array, form: EntryForm): { name: string; text: Words } {
  const handle = isIndex(form.kind) ? nextHandle(value, false, { offset: 0, size: 0 }) : undefined;
  return { name: entryName(form, key), text: entryWords(key, value, form, handle) };
}

/** Where an index entry points. Moves on to it. */
function nextHandle(value: Uint8Array, delta: boolean, state: HandleState): HandleState {
  const reader = new NumberReader(value, 0, value.length);
  if (delta) {
    state.offset += state.size + BLOCK_TRAILER;
    state.size += reader.zigzag();
  } else {
    state.offset = reader.varint(10);
    state.size = reader.varint(10);
  }
  return { ...state };
}

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

function entryWords(key: Uint8Array, value: Uint8Array, form: EntryForm, handle?: HandleState): Words {
  if (handle !== undefined) {
    const parsed = form.index?.userKeys ? undefined : parseInternalKey(key);
    return [parsed?.userKey ?? key, ` → 0x${handle.offset.toString(16)}+${handle.size}`];
  }
  if (form.kind === 'metaindex') {
    const reader = new NumberReader(value, 0, value.length);
    const { offset, size } = reader.handle();
    return `${latin1(key)} → ${reader.failed ? 'no handle' : `0x${offset.toString(16)}+${size}`}`;
  }
  if (form.kind === 'properties') {
    const name = latin1(key);
    return [`${name} = `, said(propertyValue(name, value))];
  }
  const parsed = parseInternalKey(key);
  if (parsed === undefined) return [key, ', shorter than its sequence and type'];
  const { userKey, sequence, type } = parsed;
  const head = [userKey, ` @${form.globalSequence ?? sequence}`];
  if (form.kind === 'range-tombstones') return [...head, ' to ', value];
  if (value.length === 0 && type !== VALUE_TYPE.put) return head;
  return [...head, ' = ', ...(prefixedWords(type, value, form.prefixes) ?? valueWords(type, value))];
}

/** The value of a put after its prefix byte, or where it stands; `undefined` where it has none. */
function prefixedWords(
  marked: number,
  value: Uint8Array,
  prefixes: ValuePrefixes | undefined,
): (string | Uint8Array)[] | undefined {
  const type = marked & ~OBSOLETE_BIT;
  if (prefixes === undefined || value.length === 0 || !hasPrefix(type, prefixes)) return undefined;
  if (isInPlace(value[0])) return valueWords(type, value.subarray(1));
  if (isInValueBlock(value[0])) {
    const handle = valueHandle(value, 0, value.length);
    return handle && [`in value block ${handle.block} at ${handle.offset}, ${handle.length} bytes`];
  }
  const handle = blobHandle(value, 0, value.length);
  if (handle === undefined) return undefined;
  const { reference, block, value: nth, length } = handle;
  return [`in blob file ${reference} of the table's list, value ${nth} of block ${block}, ${length} bytes`];
}

function said(value: Node['value']): string | Uint8Array {
  return value instanceof Uint8Array ? value : String(value);
}

/** Key, sequence and type of an entry, which stand nowhere as such where keys share bytes. */
function keyNodes(key: Uint8Array, form: EntryForm): Node[] {
  const { kind } = form;
  if (kind === 'metaindex' || kind === 'properties') return [{ name: 'name', value: latin1(key) }];
  const parsed = isIndex(kind) && form.index?.userKeys ? undefined : parseInternalKey(key);
  if (parsed === undefined) return [{ name: 'key', value: key }];
  return [
    { name: 'key', value: parsed.userKey },
    form.globalSequence === undefined
      ? { name: 'sequence', value: parsed.sequence }
      : { name: 'sequence', value: form.globalSequence, text: `global, stored ${parsed.sequence}` },
    { name: 'type', value: parsed.type, text: typeText(parsed.type, form.prefixes) },
  ];
}

function typeText(type: number, prefixes: ValuePrefixes | undefined): string {
  const isHidden = prefixes !== undefined && (type & OBSOLETE_BIT) !== 0;
  return isHidden
    ? `${typeName(type, prefixes)}, a newer entry of the table hides it`
    : typeName(type, prefixes);
}

function valueNodes(
  value: Uint8Array,
  space: NodePlace['space'],
  base: number,
  form: EntryForm,
  delta: boolean,
  type?: number,
): Node[] {
  const { kind } = form;
  const fields = new Fields(space, base, value);
  if (isIndex(kind) && delta) fields.varint64('size difference', (raw) => ({ value: zigzag(raw) }));
  else if (isIndex(kind) || kind === 'metaindex') {
    fields.varint64('offset', (offset) => `0x${offset.toString(16)}`);
    fields.varint64('size');
  }
  if (isIndex(kind)) {
    if (form.index?.firstKeys) fields.lengthPrefixed('first key');
    fields.rest('trailing bytes');
    return fields.nodes;
  }
  if (kind === 'metaindex') {
    fields.rest('trailing bytes');
    return fields.nodes;
  }
  const inside = type === undefined ? undefined : valueFields(type, value, space, base);
  return [
    {
      name: kind === 'range-tombstones' ? 'end key' : 'value',
      at: { space, offset: base, length: value.length },
      value,
      bytes: value,
      ...(inside && { children: () => inside }),
    },
  ];
}

function zigzag(raw: bigint): bigint {
  return (raw & 1n) === 0n ? raw >> 1n : -((raw + 1n) >> 1n);
}
